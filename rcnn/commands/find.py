"""Finds who of a folder of people is in view in which film, and when; new films and people can be added later."""

from ..stages.settings import FindSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn find --people ./people --clips ./films --output ./found"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, FindSettings)

    from ..stages.find import find

    find(settings)
