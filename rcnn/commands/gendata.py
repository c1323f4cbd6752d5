"""Makes a data set in the iQIYI-VID layout of photographs and videos that lie in a folder for each person."""

from ..stages.settings import GendataSettings
from .arguments import read_settings

EXAMPLE = "python gendata.py --input ./photographs --output ./data/mine"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, GendataSettings)

    from ..stages.gendata import generate

    summary = generate(settings)
    if summary is not None:
        print(summary)
