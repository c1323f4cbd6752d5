"""Final Cut Pro's XML, version 1.8: an event with one project per person and rate.

OpenTimelineIO's adapter is not used: it omits the frame duration at 29.97 fps, reads sources with ffprobe, and searches
all of them for each clip. The elements follow Apple's FCPXML reference.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from .place import Output
from .rates import DROP_RATES
from .rows import Chosen, Sheet
from .text import media_url, source_name
from .timelines import Event, Timeline, make_timelines

VERSION = "1.8"  # read by Final Cut 10.4 and later, and by DaVinci Resolve
EVENT = "Appearances"


@dataclass
class _Resources:
    """Formats and assets with their ids in the document."""

    formats: dict[tuple[Fraction, int, int], str] = field(default_factory=dict)
    assets: dict[tuple[str, Fraction], tuple[str, str, int]] = field(default_factory=dict)

    def add(self, event: Event, rate: Fraction) -> None:
        row, video = event.row, event.video
        name = self.formats.setdefault((rate, video.width, video.height), f"r{len(self.formats) + 1}")
        number, known, frames = self.assets.get((row.source, rate), (f"a{len(self.assets) + 1}", name, 0))
        self.assets[row.source, rate] = number, known, max(frames, event.available)


class _Writer:
    """Writes elements as text."""

    def __init__(self) -> None:
        self._buffer = io.StringIO()
        self._xml = XMLGenerator(self._buffer, "utf-8", short_empty_elements=True)
        self._xml.startDocument()
        self._buffer.write("<!DOCTYPE fcpxml>\n")
        self._depth = 0

    def empty(self, tag: str, /, **attributes: str) -> None:
        with self.element(tag, **attributes):
            pass

    @contextmanager
    def element(self, tag: str, /, **attributes: str) -> Iterator[None]:
        self._xml.startElement(tag, AttributesImpl(attributes))
        yield
        self._xml.endElement(tag)
        self._xml.ignorableWhitespace("\n")

    def taken(self) -> str:
        """The text written since the last call."""
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text


def fcpxml_outputs(chosen: Chosen) -> Iterator[Output]:
    """A single document."""
    yield Output("", _document(Sheet(chosen)))


def _document(sheet: Sheet) -> Iterator[str]:
    resources = _Resources()
    for timeline in make_timelines(sheet, timecode=True):
        for event in timeline.events:
            resources.add(event, timeline.rate)
    out = _Writer()
    with out.element("fcpxml", version=VERSION):
        with out.element("resources"):
            _write_resources(out, resources)
        yield out.taken()
        with out.element("event", name=EVENT):
            for timeline in make_timelines(sheet, timecode=True):
                _write_project(out, timeline, resources)
                yield out.taken()
    yield out.taken()


def _write_resources(out: _Writer, resources: _Resources) -> None:
    for (rate, width, height), name in resources.formats.items():
        size = {"width": str(width), "height": str(height)} if width and height else {}
        out.empty("format", id=name, frameDuration=seconds_of(1, rate), **size)
    for (source, rate), (name, form, frames) in resources.assets.items():
        out.empty(
            "asset", id=name, name=source_name(source), src=media_url(source), start="0s",
            duration=seconds_of(frames, rate), hasVideo="1", format=form,
        )  # fmt: skip


def _write_project(out: _Writer, timeline: Timeline, resources: _Resources) -> None:
    rate = timeline.rate
    first = timeline.events[0]
    total = sum(event.frames for event in timeline.events)
    with (
        out.element("project", name=timeline.title),
        out.element(
            "sequence", format=resources.formats[rate, first.video.width, first.video.height],
            duration=seconds_of(total, rate), tcStart="0s", tcFormat="DF" if rate in DROP_RATES else "NDF",
        ),
        out.element("spine"),
    ):  # fmt: skip
        offset = 0
        for event in timeline.events:
            _write_clip(out, event, offset, rate, resources)
            offset += event.frames


def _write_clip(out: _Writer, event: Event, offset: int, rate: Fraction, resources: _Resources) -> None:
    row = event.row
    asset, form, _ = resources.assets[row.source, rate]
    with out.element(
        "asset-clip", name=source_name(row.source), ref=asset, format=form, offset=seconds_of(offset, rate),
        start=seconds_of(event.first, rate), duration=seconds_of(event.frames, rate),
        tcFormat="DF" if rate in DROP_RATES else "NDF",
    ):  # fmt: skip
        out.empty(
            "marker", start=seconds_of(event.best, rate), duration=seconds_of(1, rate),
            value=f"{row.who}: {row.verdict}, probability {row.probability:.3f}",
        )  # fmt: skip


def seconds_of(frames: int, rate: Fraction) -> str:
    """A whole number of frames as a time in the format's notation: `1001/30000s`, `2s`."""
    time = frames / rate
    return f"{time.numerator}s" if time.denominator == 1 else f"{time.numerator}/{time.denominator}s"
