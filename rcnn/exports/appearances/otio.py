"""OpenTimelineIO timelines: one file per person and rate."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from ...errors import InputError
from ...scores.verdicts import MAYBE, NO, YES
from .place import Output
from .rows import Chosen, Sheet
from .text import media_url, one_line, source_name
from .timelines import Event, Timeline, make_timelines

COLOURS = {YES: "GREEN", MAYBE: "YELLOW", NO: "RED"}  # of the marker at the best face


def library() -> Any:
    """OpenTimelineIO, imported lazily: it is slow to load, and only timelines need it.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        importlib.import_module("otio_cmx3600_adapter")
        return importlib.import_module("opentimelineio")
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; pip install opentimelineio otio-cmx3600-adapter") from None


def otio_outputs(chosen: Chosen) -> Iterator[Output]:
    """Timelines of one track; each clip's metadata contains all fields of the appearance, under `rcnn`."""
    otio = library()
    sheet = Sheet(chosen)
    for timeline in make_timelines(sheet, timecode=False):
        yield Output(timeline.stem, _json(timeline))
    if not len(sheet):
        yield Output("", [otio.schema.Timeline().to_json_string(), "\n"])


def _json(timeline: Timeline) -> Iterator[str]:
    yield to_otio(timeline).to_json_string()
    yield "\n"


def to_otio(timeline: Timeline) -> Any:
    """An `opentimelineio.schema.Timeline` with one video track."""
    otio = library()
    track = otio.schema.Track(timeline.name, kind=otio.schema.TrackKind.Video)
    track.extend([_clip(otio, event, float(timeline.rate)) for event in timeline.events])
    made = otio.schema.Timeline(timeline.title)
    made.tracks.append(track)
    return made


def _clip(otio: Any, event: Event, rate: float) -> Any:
    def span(first: int, frames: int) -> Any:
        return otio.opentime.TimeRange(
            otio.opentime.RationalTime(first, rate), otio.opentime.RationalTime(frames, rate)
        )

    row = event.row
    media = otio.schema.ExternalReference(media_url(row.source), span(0, event.available))
    facts = {
        "person": row.who, "label": row.label, "clip": one_line(row.clip), "start": row.start, "end": row.end,
        "seen": row.seen, "best": {"time": row.best.time, "box": row.best.box, "cosine": row.best.cosine},
        "track": row.track, "probability": row.probability, "verdict": row.verdict,
    }  # fmt: skip
    clip = otio.schema.Clip(source_name(row.source), media, span(event.first, event.frames), metadata={"rcnn": facts})
    clip.markers.append(otio.schema.Marker(f"{row.who}: {row.verdict}", span(event.best, 1), COLOURS[row.verdict]))
    return clip
