"""CMX 3600 edit decision lists, by OpenTimelineIO: one list per person and rate."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ...errors import InputError
from .otio import library, to_otio
from .place import Output
from .rates import DROP_RATES, UNKNOWN_RATE
from .rows import Chosen, Sheet
from .text import Unique, one_line
from .timelines import Event, Timeline, make_timelines

MOST_EVENTS = 999  # CMX 3600 event numbers have three digits
REEL_LENGTH = 8  # letters and digits, CMX 3600
DAY = 24 * 60 * 60  # seconds; timecodes start over after this
DROPPING = 24 * 6 * 9  # minutes per day in which frame numbers are dropped: 9 of 10, SMPTE ST 12-1
DROPPED = Fraction(2, 30)  # share of the nominal rate dropped per minute: 2 numbers at 29.97, 4 at 59.94


def edl_outputs(chosen: Chosen) -> Iterator[Output]:
    """Lists of at most `MOST_EVENTS` appearances, each with its clip and the person in comments.

    Raises
    ------
    InputError
        If an appearance ends after the 24 hours of a timecode.
    """
    library()
    sheet = Sheet(chosen)
    for timeline in make_timelines(sheet, timecode=True):
        parts = list(_parts(timeline))
        for number, part in enumerate(parts, 1):
            yield Output(f"{part.stem} {number}" if len(parts) > 1 else part.stem, _text(part))
    if not len(sheet):
        yield Output("", [_head("", UNKNOWN_RATE)])


def day_frames(rate: Fraction) -> int:
    """Number of distinct timecodes per day."""
    count = round(rate)
    return DAY * count - (int(DROPPING * DROPPED * count) if rate in DROP_RATES else 0)


def _parts(timeline: Timeline) -> Iterator[Timeline]:
    """The timeline split after `MOST_EVENTS` events, and before 24 hours are full."""
    day = day_frames(timeline.rate)
    events: list[Event] = []
    frames = 0
    for event in timeline.events:
        if event.first + event.frames >= day:
            raise InputError(
                f"{one_line(event.row.source)}: an appearance ends after 24 hours, beyond any timecode; "
                "give an --output that ends in .otio, .json or .csv"
            )
        if len(events) == MOST_EVENTS or frames + event.frames >= day:
            yield _part(timeline, events)
            events, frames = [], 0
        events.append(event)
        frames += event.frames
    yield _part(timeline, events)


def _part(timeline: Timeline, events: list[Event]) -> Timeline:
    return Timeline(timeline.name, timeline.label, timeline.rate, timeline.several, events)


def _head(title: str, rate: Fraction) -> str:
    return f"TITLE: {title}\nFCM: {'DROP FRAME' if rate in DROP_RATES else 'NON-DROP FRAME'}\n\n"


def _text(timeline: Timeline) -> Iterator[str]:
    otio = library()
    made = to_otio(timeline)
    reels: dict[str, str] = {}
    unique = Unique()
    for clip, event in zip(made.tracks[0], timeline.events, strict=True):
        source = event.row.source
        if source not in reels:
            reels[source] = unique(_reel(clip.name), REEL_LENGTH)
        best = otio.opentime.RationalTime(event.best, float(timeline.rate))
        clip.markers.clear()  # the adapter would convert them to upper case
        clip.media_reference.target_url = one_line(source)
        clip.metadata["cmx_3600"] = {
            "reel": reels[source],
            "comments": [
                f"PERSON: {event.row.who}",
                f"APPEARANCE: {event.row.verdict}, probability {event.row.probability:.3f}, "
                f"cosine {event.row.best.cosine:.3f}, best face at {best.to_timecode()}",
            ],
        }
    made.name = ""  # the adapter writes no FCM line, so we write the head
    yield _head(timeline.title, timeline.rate)
    yield otio.adapters.write_to_string(made, "cmx_3600", rate=float(timeline.rate))


def _reel(name: str) -> str:
    letters = "".join(c for c in name.rpartition(".")[0] or name if c.isascii() and c.isalnum())
    return letters[:REEL_LENGTH].upper() or "REEL"
