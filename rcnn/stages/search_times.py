"""When the person of a photograph is in view in the clips that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..people.appearances import Appearance, TrackMatches, find_appearances, seconds_of_look
from ..report.found import Span
from ..scores.verdicts import YES
from ..search.nearest import Match
from ..tables import StageReader
from ..tables.faces import ClipFaces, read_faces
from .appearances import is_still
from .clip_tracks import VIDEO, intervals

SHOWN = 3  # pieces of a track named in a line


@dataclass(frozen=True)
class SeenTrack:
    """The most similar track of a clip.

    pieces : when it is in view, in order
    time : of its best face, seconds
    """

    pieces: Sequence[Appearance]
    time: float


def find_times(
    matches: Sequence[Match], features: Sequence[StageReader], detections: Sequence[StageReader]
) -> dict[str, SeenTrack]:
    """The track of each match, by clip name; a clip whose faces are gone is left out.

    Parameters
    ----------
    features : that were searched
    detections : that they were made from, as far as these exist
    """
    wanted = {match.clip: match for match in matches}
    videos: dict[str, dict[str, Any]] = {}
    for reader in features:
        for batch in reader.clips_of(wanted):
            for row in batch.select(VIDEO).to_pylist():
                videos.setdefault(row["name"], row)
    found: dict[str, SeenTrack] = {}
    for detection in detections:
        for faces in read_faces(detection, crops=False, clips=wanted.keys() - found.keys()):
            match = wanted[faces.clip.name]
            seen = _seen(faces, match, videos[match.clip], detection)
            if seen is not None:
                found[match.clip] = seen
    return found


def _seen(faces: ClipFaces, match: Match, video: dict[str, Any], detection: StageReader) -> SeenTrack | None:
    mine = np.flatnonzero(faces.tracks == match.track)
    if not len(mine):
        return None
    steps = intervals(detection.arguments.get("sampling"), detection.arguments.get("rate"), video["fps"])
    look = seconds_of_look(steps, video["frames"], video["seconds"], video["read"])
    track = TrackMatches(
        np.array([match.track], np.int32),
        np.zeros(1, np.int32),
        np.array([match.similarity], np.float32),
        np.zeros(1, np.float32),
        [YES],
    )
    pieces = find_appearances(faces, track, look, video["seconds"])
    best = mine[faces.qualities[mine].argmax()]
    return SeenTrack(pieces, float(faces.times[best]))


def spans_of(seen: SeenTrack | None, source: str) -> list[Span]:
    """When a track is in view; empty for a clip made from a photograph, which has no meaningful times.

    Parameters
    ----------
    seen : None if the faces do not exist
    source : the user's own file, empty if not known
    """
    return [] if seen is None or is_still(source) else [Span(piece.start, piece.end) for piece in seen.pieces]


def say_times(seen: SeenTrack | None, source: str) -> str:
    """The same in words: 0:12-0:15, 1:04-1:09."""
    spans = [span.text for span in spans_of(seen, source)]
    more = f" and {len(spans) - SHOWN} more" if len(spans) > SHOWN else ""
    return ", ".join(spans[:SHOWN]) + more
