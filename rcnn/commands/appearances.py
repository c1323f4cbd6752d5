"""Finds who is in view in which file, when, and with what certainty; exports it for other programs."""

from __future__ import annotations

import shlex
from dataclasses import fields

from ..errors import InputError
from ..exports.endings import check_ending, ending_of
from ..settings.fields import Settings, flag_of
from ..stages.settings import AppearanceFileSettings, AppearancesSettings
from ..stages.settings.places import APPEARANCES, TEST_FEATURES, found_of, point_to_found
from .arguments import read_settings

EXAMPLE = "python -m rcnn appearances --features ./output/feat_test --known ./output/feat_trainval"


def main() -> None:
    settings, wanted = read_settings(__doc__, EXAMPLE, AppearancesSettings, AppearanceFileSettings)
    check_ending(settings.output)
    _point_to_found(settings, wanted)
    if ending_of(settings.output) is None:
        check_left_out(wanted, "is for a file made from the table, like --output who.csv")

        from ..stages.appearances import appearances

        appearances(settings)
        return
    check_left_out(settings, f"is for the table, and {settings.output} is a file made from it")

    from ..exports.appearances import write_file

    written = write_file(wanted.table, settings.output, frozenset(wanted.verdicts))
    print(f"appearances: {written.count} of {wanted.table} -> {written.where}")


def _point_to_found(settings: AppearancesSettings, wanted: AppearanceFileSettings) -> None:
    """Name the command for ./found, where nothing else says what to read."""
    if ending_of(settings.output) is None:
        flag, default, given, file = "--features", TEST_FEATURES, settings.features, "who.csv"
    else:
        flag, default, given, file = "--table", APPEARANCES, wanted.table, shlex.quote(settings.output)
    if given == default:
        command = f"python -m rcnn appearances --table {found_of(APPEARANCES)} --output {file}"
        point_to_found(flag, (default,), command)


def check_left_out(settings: Settings, why: str) -> None:
    """Refuse settings that have no effect on the request; `why` follows the flag."""
    for field in fields(settings):
        if field.name != "output" and getattr(settings, field.name) != field.default:
            raise InputError(f"{flag_of(field.name)}: {why}; leave one of the two out")
