"""Puts the tracks of unknown people into groups of one person each, which can be named."""

from ..stages.settings.groups import GroupsSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn groups --run ./found --report ./found/groups.html"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, GroupsSettings)

    from ..stages.groups import groups

    groups(settings)
