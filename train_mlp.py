"""Stage 4: trains the classifier and saves it as an MXNet checkpoint."""

from rcnn.commands.arguments import read_settings
from rcnn.errors import run_script
from rcnn.stages.settings import TrainSettings

EXAMPLE = "python train_mlp.py --data ./output/trainval --prefix ./model/iqiyi --per-batch-size 1024"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, TrainSettings)

    from rcnn.stages.train import train_mlp

    train_mlp(settings)


if __name__ == "__main__":
    run_script(main, resumes=True)
