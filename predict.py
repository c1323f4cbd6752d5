"""Stage 5: gives each clip its probability for every class."""

from rcnn.commands.arguments import read_settings
from rcnn.errors import run_script
from rcnn.stages.settings import PredictSettings

EXAMPLE = "python predict.py --model ./model/iqiyi,40 --inputs ./output/feat_test --gpu -1"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, PredictSettings)

    from rcnn.stages.predict import predict

    predict(settings)


if __name__ == "__main__":
    run_script(main, resumes=True)
