"""Finds who is on a photograph, trained or not, and which clips show them."""

from ..stages.settings import SearchSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn search --image photo.jpg --features ./output/feat_trainval,./output/feat_test"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, SearchSettings)

    from ..stages.search import search

    search(settings)
