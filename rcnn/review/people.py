"""Known people for the page: how much is left of each, and whose tracks are uncertain."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..scores.verdicts import MAYBE, NO, YES
from .items import face_of, items
from .judging import NOBODY
from .places import Places
from .run_model import RunModel, View

LEFT, ALL = "left", "all"
EVEN = 0.5  # the most uncertain probability


def people(model: RunModel, view: View) -> list[dict[str, Any]]:
    """All known people, in the order of the labels."""
    standing = view.standing
    counted = {verdict: _counts(view, standing.says(verdict)) for verdict in (YES, MAYBE)}
    left = _counts(view, _left(view))
    answers = Counter(view.given.shown.values())
    for labels in view.given.denied.values():
        answers.update(labels)
    faces = _faces(model, view)
    return [
        {
            "label": label,
            "name": name,
            "yes": counted[YES][label],
            "maybe": counted[MAYBE][label],
            "left": left[label],
            "answers": answers[label],
            "face": face_of(faces[label]) if label in faces else None,
        }
        for label, name in view.people.items()
    ]


def _left(view: View) -> np.ndarray:
    standing = view.standing
    return standing.says(MAYBE) & ~standing.answered & ~standing.hidden


def _counts(view: View, chosen: np.ndarray) -> Counter[int]:
    """Tracks by the label of the most similar person."""
    best = view.standing.best[chosen]
    rows = np.bincount(best[best != NOBODY], minlength=len(view.standing.labels))
    return Counter(dict(zip(view.standing.labels, rows.tolist(), strict=True)))


def _faces(model: RunModel, view: View) -> dict[int, tuple[str, int]]:
    """A face of each person: from the clips they were learnt from, else from the best of the tracks answered to be
    them."""
    found = {view.given.label(label): place for label, place in model.faces.of_people.items()}
    best: dict[int, float] = {}
    for spot, label in view.given.shown.items():
        number = model.number((spot.clip, spot.track))
        if label in model.faces.of_people or number is None:
            continue
        quality = float(model.run.tracks.quality[number])
        if quality > best.get(label, float("-inf")):
            best[label], found[label] = quality, (spot.clip, spot.track)
    return found


def person(
    model: RunModel, view: View, places: Places, label: int, offset: int, count: int, show: str
) -> dict[str, Any] | None:
    """Tracks of a person: those without an answer, the most uncertain first; or all, the best first.

    None if there is no such person.
    """
    if label not in view.people:
        return None
    standing = view.standing
    row = standing.row(label)
    mine = (standing.best == row) & (row != NOBODY)
    if show == LEFT:
        found = np.flatnonzero(mine & _left(view))
        order = np.argsort(np.abs(standing.probability[found] - EVEN), kind="stable")
    else:
        chosen = mine & ~standing.says(NO) & ~standing.hidden
        for spot, labels in view.given.denied.items():
            number = model.number((spot.clip, spot.track))
            if number is not None and label in labels:
                chosen[number] = True
        found = np.flatnonzero(chosen)
        shown = np.where(mine[found], standing.probability[found], -1)
        order = np.lexsort((-standing.cosine[found], -shown))
    numbers = found[order]
    return {
        "label": label,
        "name": view.people[label],
        "total": len(numbers),
        "items": items(model, view, places, numbers[offset : offset + count], label),
    }
