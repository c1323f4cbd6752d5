"""Settings of the table of who is in view when, and of the files that are exported from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...exports.endings import ENDINGS
from ...scores.verdicts import VERDICTS
from ...settings import kinds, shared
from ...settings.fields import FILES, Settings, setting
from .places import APPEARANCES, FEATURES, TEST_FEATURES
from .vectors import INPUTS

ALL = "all"  # --verdicts


def _verdicts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise TypeError(value)
    found = VERDICTS if tuple(value) == (ALL,) else tuple(value)
    if not set(found) <= set(VERDICTS):
        raise ValueError(value)
    return tuple(verdict for verdict in VERDICTS if verdict in found)


VERDICT_LIST = kinds.Kind("some of yes,maybe,no, or all", lambda text: text.split(","), _verdicts, listed=True)


@dataclass(frozen=True)
class AppearancesSettings(Settings):
    """Options of `python -m rcnn appearances` for the table; see its help."""

    features: str = setting(TEST_FEATURES, "output of feature.py for the clips to search", kinds.text, "DIR", FILES)
    faces: str | None = setting(
        None, "output of detect.py for them; left out: the one the features were made from", kinds.text, "DIR", FILES
    )
    known: tuple[str, ...] = setting(
        (FEATURES,),
        "output of feature.py for clips of known people, with the same model; clips of train and val without a label "
        "show strangers",
        kinds.paths,
        INPUTS,
        FILES,
    )
    output: str = setting(
        APPEARANCES,
        f"where the table goes; with the ending {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, a file that is made of the "
        "table",
        kinds.text,
        "DIR|FILE",
        FILES,
    )
    dataset: str | None = shared.labels()
    names: str | None = shared.names()
    sources: str | None = shared.sources()
    answers: str | None = shared.answers()
    false_hits: float = shared.false_hits('how many of 1,000 clips without a known person may get a "yes"')
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()


@dataclass(frozen=True)
class AppearanceFileSettings(Settings):
    """Options of `python -m rcnn appearances` for a file that is made of the table."""

    table: str = setting(APPEARANCES, "the table to export", kinds.text, "DIR", FILES)
    verdicts: tuple[str, ...] = setting(
        VERDICTS[:2], "the appearances to export: some of yes,maybe,no, or all", VERDICT_LIST, "V[,V...]"
    )
