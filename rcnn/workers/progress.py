"""Progress with rate and time left: a live bar on a terminal, lines in a log."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

from tqdm import tqdm

TERMINAL_SECONDS = 0.2  # between updates of a bar
LOG_SECONDS = 5.0  # between two lines
LINE = "{desc}: {n_fmt} of {total_fmt} {unit}s, {percentage:.0f}%, {rate_fmt}, {elapsed} gone, {remaining} left"
OPEN_LINE = "{desc}: {n_fmt} {unit}s, {rate_fmt}, {elapsed} gone"  # of how many is not known
# By run.sh, whose pipes write the logs: number of a file that is the terminal, and the log that lines go to.
TERMINAL, LOG = "RCNN_TERMINAL", "RCNN_LOG"


class Progress(tqdm):
    """A bar on a terminal, lines in a log, or both. See `progress`."""

    def __init__(self, items: Iterable[Any] | None, bar: TextIO | None, lines: TextIO | None, **settings: Any) -> None:
        self._bar, self._lines = bar, lines
        self._said, self._next = -1, time.monotonic() + LOG_SECONDS
        seconds = LOG_SECONDS if bar is None else TERMINAL_SECONDS
        sink = bar or io.StringIO()
        super().__init__(items, file=sink, mininterval=seconds, maxinterval=seconds, **settings)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Redraw the bar, and write a line when one is due."""
        if self._bar is not None:
            super().display(msg, pos)
        if time.monotonic() >= self._next:
            self._line()

    def close(self) -> None:
        """Draw it a last time; the last line shows how long it took."""
        if not self.disable:
            self._line()
        super().close()

    def _line(self) -> None:
        if self._lines is None or self.n == self._said:
            return
        self._said, self._next = self.n, time.monotonic() + LOG_SECONDS
        form = OPEN_LINE if self.total is None else LINE
        with contextlib.suppress(OSError):
            self._lines.write(self.format_meter(**{**self.format_dict, "bar_format": form, "ncols": None}) + "\n")
            self._lines.flush()


def progress(
    items: Iterable[Any] | None = None, *, what: str, unit: str, total: int | None = None, initial: int = 0
) -> Progress:
    """Progress of some work, on stderr: a bar where that is a terminal, else a line every few seconds.

    Parameters
    ----------
    items : to go through; None where `update` is called
    what : is done
    unit : of the items, in the singular
    total : how many there are; None if that is not known, and `items` doesn't know its length
    initial : were done by an earlier run
    """
    settings = {"desc": what, "unit": unit, "total": total, "initial": initial, "leave": True}
    if sys.stderr.isatty():
        return Progress(items, sys.stderr, None, **settings)
    terminal, log = _behind()
    return Progress(items, terminal, log or sys.stderr, **settings)


def _behind() -> tuple[TextIO | None, TextIO | None]:
    """The terminal and the log behind the pipes of run.sh, where there are."""
    try:
        terminal = open(int(os.environ[TERMINAL]), "w", closefd=False)  # noqa: SIM115 - lives as long as the bar
        if not terminal.isatty():
            return None, None
        return terminal, open(os.environ[LOG], "a", encoding="utf-8")
    except (KeyError, ValueError, OSError):
        return None, None
