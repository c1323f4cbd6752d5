"""Checks stage directories: every part exists and has the bytes that were written."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..settings import kinds
from ..settings.fields import FILES, REQUIRED, Settings, setting
from .arguments import read_settings

EXAMPLE = "python -m rcnn verify ./output/det_trainval ./output/feat_trainval"


@dataclass(frozen=True)
class VerifySettings(Settings):
    """Options of the command; see its help."""

    directories: tuple[str, ...] = setting(
        REQUIRED, "output of a stage", kinds.paths, "DIR", FILES, positional=True, many=True
    )


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, VerifySettings)

    from ..tables.whole import faults

    wrong = 0
    for path in settings.directories:
        lines = faults(path)
        print(f"{path}: {len(lines)} faults" if lines else f"{path}: whole")
        for line in lines:
            print(f"  {line}")
        wrong += bool(lines)
    if wrong:
        raise InputError(f"{wrong} directories are damaged; run their stages again with --overwrite")
