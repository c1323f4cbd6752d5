"""A track for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from ..files.text import printable
from ..scores.verdicts import VERDICTS
from .places import Places
from .run_model import RunModel, View
from .tracks import Place

OTHERS = 3  # people besides the best one
DIGITS = 4


def face_of(place: Place) -> str:
    """Address of the best face of a track."""
    return f"/face/{quote(place[0], safe='')}/{place[1]}.jpg"


def items(
    model: RunModel, view: View, places: Places, numbers: Sequence[int] | np.ndarray, label: int | None = None
) -> list[dict[str, Any]]:
    """Tracks with all that is known about them.

    Parameters
    ----------
    label : of the person whose cosine, probability and answer are shown; None for the person most similar to each track
    """
    return [_item(model, view, places, int(number), label) for number in numbers]


def _item(model: RunModel, view: View, places: Places, number: int, label: int | None) -> dict[str, Any]:
    tracks, standing, place = model.run.tracks, view.standing, model.spot(number)
    best = view.who(number)
    asked = label if label is not None else best
    cosine, probability = float(standing.cosine[number]), float(standing.probability[number])
    if label is not None and label != best:  # answered with no
        cosine, probability = model.cosine(label, number), 0.0
    clip = tracks.clips[tracks.clip[number]]
    return {
        "clip": place.clip,
        "track": place.track,
        "source": printable(tracks.films[clip.film].source),
        "start": round(float(tracks.start[number]), DIGITS),
        "end": round(float(tracks.end[number]), DIGITS),
        "time": round(float(tracks.time[number]), DIGITS),
        "box": [round(share, DIGITS) for share in tracks.shares(number)],
        "who": best,
        "name": view.name(best),
        "cosine": round(cosine, DIGITS),
        "probability": round(probability, DIGITS),
        "verdict": VERDICTS[standing.verdict[number]],
        "answer": _answer(view, place, asked),
        "others": _others(model, view, number, asked),
        "face": face_of((place.clip, place.track)),
        "frame": f"/frame/{quote(place.clip, safe='')}.jpg?time={tracks.time[number]:.{DIGITS}f}",
        **places.plays(place.clip),
    }


def _answer(view: View, place: Any, label: int | None) -> str | None:
    if label is None:
        return None
    if view.given.shown.get(place) == label:
        return "yes"
    return "no" if label in view.given.denied.get(place, ()) else None


def _others(model: RunModel, view: View, number: int, asked: int | None) -> list[dict[str, Any]]:
    """The next most similar people to a track."""
    found = model.run.taught.others(model.spot(number), OTHERS + 2)
    return [
        {"label": label, "name": view.people[label], "cosine": round(cosine, DIGITS)}
        for label, cosine in found
        if label != asked and label in view.people
    ][:OTHERS]
