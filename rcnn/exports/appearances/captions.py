"""Appearances as captions of a video: WebVTT and SubRip, one file per source.

https://www.w3.org/TR/webvtt1/ specifies WebVTT; SubRip has no specification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from ...scores.verdicts import YES
from .place import Output
from .rates import frame_range
from .rows import Chosen, Row, Sheet
from .text import file_stem, one_line, source_name

MILLISECONDS = Fraction(1000)  # per second
MINUTE = HOUR = 60  # seconds, minutes
MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
LOOKALIKES = str.maketrans("<>{}", "‹›()")  # SubRip has no escapes, and players interpret the originals as formatting


def vtt_outputs(chosen: Chosen) -> Iterator[Output]:
    """WebVTT, with the source in a note."""
    return _outputs(chosen, _vtt)


def srt_outputs(chosen: Chosen) -> Iterator[Output]:
    """SubRip."""
    return _outputs(chosen, _srt)


def _outputs(chosen: Chosen, text: Callable[[list[Row]], Iterable[str]]) -> Iterator[Output]:
    sheet = Sheet(chosen)
    for group in sheet.groups(sheet.sources):
        rows = [row for row, _ in group]
        yield Output(source_stem(rows[0].source), text(rows))
    if not len(sheet):
        yield Output("", text([]))


def source_stem(source: str) -> str:
    """The name of a source without folder and extension, as a file name."""
    name = source_name(source)
    return file_stem(name.rpartition(".")[0] or name)


def _vtt(rows: list[Row]) -> Iterator[str]:
    yield "WEBVTT\n"
    if rows:
        yield f"\nNOTE {one_line(rows[0].source).translate(MARKUP)}\n"
    for row in rows:
        start, end = _times(row, ".")
        yield f"\n{start} --> {end}\n{_label(row).translate(MARKUP)}\n"


def _srt(rows: list[Row]) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        start, end = _times(row, ",")
        yield f"{number}\n{start} --> {end}\n{_label(row).translate(LOOKALIKES)}\n\n"


def _label(row: Row) -> str:
    return row.who if row.verdict == YES else f"{row.who} ({row.verdict})"


def _times(row: Row, point: str) -> tuple[str, str]:
    first, count = frame_range(row.start, row.end, MILLISECONDS)
    return _clock(first, point), _clock(first + count, point)


def _clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, int(MILLISECONDS))
    minutes, seconds = divmod(seconds, MINUTE)
    hours, minutes = divmod(minutes, HOUR)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{rest:03d}"
