"""Progress with rate and time left, for people and for log files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

TERMINAL_SECONDS = 0.2  # between two lines
LOG_SECONDS = 30.0  # the same where stderr is a file


def progress(
    items: Iterable[Any] | None = None, *, what: str, unit: str, total: int | None = None, initial: int = 0
) -> tqdm:
    """A tqdm bar on stderr; in a log file one line every half minute. `initial` items were done by an earlier run."""
    seconds = TERMINAL_SECONDS if sys.stderr.isatty() else LOG_SECONDS
    return tqdm(
        items, what, total=total, initial=initial, unit=unit, mininterval=seconds, maxinterval=seconds, file=sys.stderr
    )
