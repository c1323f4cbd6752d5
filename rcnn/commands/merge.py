"""Joins the outputs of a job array (--split I,N) into one stage directory."""

from ..stages.settings import MergeSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn merge --inputs ./output/det_0,./output/det_1 --output ./output/det_test"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, MergeSettings)

    from ..stages.merge import merge

    merge(settings)
