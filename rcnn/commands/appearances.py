"""Finds who is in view in which file, when, and with what certainty; exports it for other programs."""

from __future__ import annotations

from dataclasses import fields

from ..errors import InputError
from ..exports.endings import check_ending, ending_of
from ..settings.fields import Settings, flag_of
from ..stages.settings import AppearanceFileSettings, AppearancesSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn appearances --features ./output/feat_test --known ./output/feat_trainval"


def main() -> None:
    settings, wanted = read_settings(__doc__, EXAMPLE, AppearancesSettings, AppearanceFileSettings)
    check_ending(settings.output)
    if ending_of(settings.output) is None:
        check_left_out(wanted, "is for a file made from the table, like --output who.csv")

        from ..stages.appearances import appearances

        appearances(settings)
        return
    check_left_out(settings, f"is for the table, and {settings.output} is a file made from it")

    from ..exports.appearances import write_file

    written = write_file(wanted.table, settings.output, frozenset(wanted.verdicts))
    print(f"appearances: {written.count} of {wanted.table} -> {written.where}")


def check_left_out(settings: Settings, why: str) -> None:
    """Refuse settings that have no effect on the request; `why` follows the flag."""
    for field in fields(settings):
        if field.name != "output" and getattr(settings, field.name) != field.default:
            raise InputError(f"{flag_of(field.name)}: {why}; leave one of the two out")
