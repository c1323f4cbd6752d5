"""Writes a small data set of clips of people who do not exist, in the iQIYI-VID layout."""

from ..demo.settings import DemoOptions
from .arguments import read_settings

EXAMPLE = "python -m rcnn demo --output ./data/demo"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, DemoOptions)

    from ..demo.demo_set import write_demo

    print(write_demo(settings))
