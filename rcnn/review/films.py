"""Films for the page: who is in one, and when."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..files.text import printable
from ..scores.verdicts import NO, VERDICTS
from .groups import Groups
from .items import DIGITS, face_of
from .places import Places
from .run_model import RunModel, View


def films(model: RunModel, view: View, offset: int, count: int) -> dict[str, Any]:
    """Films, sorted by path, with their numbers of people and of unknown tracks."""
    tracks = model.run.tracks
    order = sorted(range(len(tracks.films)), key=lambda film: tracks.films[film].source)
    known = ~view.standing.says(NO)
    pairs = np.unique(np.stack([tracks.film[known], view.standing.best[known].astype(np.int32)]), axis=1)
    people = Counter(pairs[0].tolist())
    unknown = np.bincount(tracks.film[view.standing.unknown & ~view.standing.hidden], minlength=len(tracks.films))
    return {
        "total": len(order),
        "items": [
            {
                "source": printable(tracks.films[film].source),
                "clip": tracks.clips[tracks.films[film].clips[0]].name,
                "seconds": round(tracks.films[film].seconds, DIGITS),
                "people": people[film],
                "unknown": int(unknown[film]),
            }
            for film in order[offset : offset + count]
        ],
    }


def film(model: RunModel, view: View, places: Places, groups: Groups, clip: str) -> dict[str, Any] | None:
    """All tracks of the film that has a clip, by their starts; None if the run has no such clip."""
    tracks, standing = model.run.tracks, view.standing
    seen = places.clip(clip)
    if seen is None:
        return None
    found = tracks.films[seen.film]
    mine = np.flatnonzero(tracks.film == seen.film)
    members = groups.members(view)
    rows = []
    for number in mine[np.argsort(tracks.start[mine], kind="stable")].tolist():
        spot, who = model.spot(number), view.who(number)
        said = "yes" if spot in view.given.shown else "no" if who in view.given.denied.get(spot, ()) else None
        known = VERDICTS[standing.verdict[number]] != NO
        rows.append(
            {
                "clip": spot.clip,
                "track": spot.track,
                "start": round(float(tracks.start[number]), DIGITS),
                "end": round(float(tracks.end[number]), DIGITS),
                "time": round(float(tracks.time[number]), DIGITS),
                "box": [round(share, DIGITS) for share in tracks.shares(number)],
                "who": who if known else None,
                "name": view.name(who) if known else "",
                "verdict": VERDICTS[standing.verdict[number]],
                "answer": said,
                "group": members.get(number),
                "hidden": bool(standing.hidden[number]),
                "face": face_of((spot.clip, spot.track)),
            }
        )
    return {
        "source": printable(found.source),
        "seconds": round(found.seconds, DIGITS),
        "clips": [tracks.clips[number].name for number in found.clips],
        "tracks": rows,
        **places.plays(clip),
    }
