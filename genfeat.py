"""Stage 3: makes the training set of the classifier from the vectors of one or several models."""

from rcnn.commands.arguments import read_settings
from rcnn.errors import run_script
from rcnn.stages.settings import GenfeatSettings

EXAMPLE = "python genfeat.py --inputs ./output/feat_trainval --output ./output/trainval"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, GenfeatSettings)

    from rcnn.stages.genfeat import genfeat

    genfeat(settings)


if __name__ == "__main__":
    run_script(main, resumes=True)
