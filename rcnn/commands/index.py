"""Makes or updates an index of features, for searches among millions of tracks."""

from ..stages.settings import IndexSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn index --features ./output/feat_test"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, IndexSettings)

    from ..stages.index import index

    index(settings)
