"""Stage 3: makes the training set of the classifier from the vectors of one or several models."""

from ..stages.settings import GenfeatSettings
from .arguments import read_settings

EXAMPLE = "python genfeat.py --inputs ./output/feat_trainval --output ./output/trainval"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, GenfeatSettings)

    from ..stages.genfeat import genfeat

    genfeat(settings)
