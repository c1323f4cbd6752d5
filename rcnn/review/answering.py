"""Checks answers sent by the page about people and tracks, and adds each as one step to the log."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..files.lock import LOCK
from ..files.text import printable
from ..people.answers import Answer
from ..people.meaning import APART, HIDE, MERGE, NO_ANSWER, PERSON, RENAME, SHOW, TOGETHER, YES_ANSWER
from .run_model import RunModel, View

OTHER, NAME, UNDO = "other", "name", "undo"
MOST_SPOTS = 20_000  # of one answer
NAME_LETTERS = 200
TOKEN_LETTERS = 100
DESK_LOCK = f"{LOCK}-review"  # held by a desk of a run while it checks and adds an answer
BAD, CONFLICT = 400, 409  # HTTP


class RefusedError(Exception):
    """An invalid answer; says why, in one sentence.

    Parameters
    ----------
    status : of HTTP
    """

    def __init__(self, message: str, status: int = BAD) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Asked:
    """The request of the page.

    numbers : of the tracks
    """

    token: str
    kind: str
    numbers: tuple[int, ...]
    label: int | None
    other: int | None
    name: str
    window: str


def read_asked(model: RunModel, body: Any) -> Asked:
    """The answer in a request.

    Raises
    ------
    RefusedError
        If it is malformed, or names a track that the run does not have.
    """
    if not isinstance(body, Mapping):
        raise RefusedError("An answer is a JSON object.")
    token, kind = _text(body, "token", TOKEN_LETTERS), _text(body, "kind", TOKEN_LETTERS)
    if not token:
        raise RefusedError("An answer needs a token.")
    spots = body.get("spots") or []
    if not isinstance(spots, list) or len(spots) > MOST_SPOTS:
        raise RefusedError(f"The tracks of an answer are a list of {MOST_SPOTS} at most.")
    numbers = dict.fromkeys(_number(model, spot) for spot in spots)
    name = " ".join(_text(body, "name", NAME_LETTERS).split())
    if name != printable(name):
        raise RefusedError("A name must have visible characters only.")
    window = _text(body, "window", TOKEN_LETTERS)
    return Asked(token, kind, tuple(numbers), _label(body, "label"), _label(body, "other"), name, window)


def _text(body: Mapping[str, Any], field: str, most: int) -> str:
    value = body.get(field) or ""
    if not isinstance(value, str) or len(value) > most:
        raise RefusedError(f"The {field} of an answer is a text of {most} letters at most.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RefusedError(f"The {field} of an answer is not text.") from None
    return value


def _label(body: Mapping[str, Any], field: str) -> int | None:
    value = body.get(field)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise RefusedError(f"The {field} of an answer is a whole number.")
    return value


def _number(model: RunModel, spot: Any) -> int:
    if isinstance(spot, list) and len(spot) == 2:
        clip, track = spot
        if isinstance(clip, str) and isinstance(track, int) and not isinstance(track, bool):
            number = model.number((clip, track))
            if number is not None:
                return number
    raise RefusedError("An answer names a track that this run does not have.")


def answer(model: RunModel, asked: Asked) -> int | None:
    """Add an answer to the log; returns its step, None if there was nothing to take back.

    A known token changes nothing, whatever else the request contains.

    Raises
    ------
    RefusedError
        If it is invalid: two people in one frame would be one person, or a person is not known.
    """
    with _alone(model.run.root), model.viewing() as view:
        known = model.log.step_of(asked.token)
        if known is not None:
            return known
        if asked.kind == UNDO:
            return model.log.undo(asked.token, asked.window)
        return model.log.add(asked.token, list(_answers(model, view, asked)), asked.window)


@contextmanager
def _alone(root: str) -> Iterator[None]:
    """Lock out other desks of the run: two must not give one label to two people. The system releases the lock of a
    dead process."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(os.path.join(root, DESK_LOCK), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _answers(model: RunModel, view: View, asked: Asked) -> Iterator[Answer]:
    kind = asked.kind
    if kind in (MERGE, RENAME):
        yield _about_person(view, asked)
        return
    if not asked.numbers:
        raise RefusedError("This answer needs a track.")
    if kind in (YES_ANSWER, OTHER, NAME):
        yield from _named(model, view, asked)
    elif kind == NO_ANSWER:
        label = _known(view, asked.label)
        yield from (_of_track(model, NO_ANSWER, number, label) for number in asked.numbers)
    elif kind in (HIDE, SHOW):
        yield from (_of_track(model, kind, number) for number in asked.numbers)
    elif kind in (TOGETHER, APART):
        yield from _pairs(model, view, asked)
    else:
        raise RefusedError("This kind of answer is not known.")


def _about_person(view: View, asked: Asked) -> Answer:
    label = _known(view, asked.label)
    if asked.kind == RENAME:
        if not asked.name:
            raise RefusedError("A person needs a name.")
        same = _called(view, asked.name)
        if same not in (None, label):
            raise RefusedError(f"Someone else has the name {asked.name} already; merge the two.", CONFLICT)
        return Answer(RENAME, label=label, name=asked.name)
    other = _known(view, asked.other)
    if other == label:
        raise RefusedError("These are one person already.")
    return Answer(MERGE, label=label, other=other)


def _named(model: RunModel, view: View, asked: Asked) -> Iterator[Answer]:
    """Tracks show a known person, or a new one."""
    if asked.kind == OTHER:
        was = _known(view, asked.label)
    if asked.kind == YES_ANSWER or (asked.kind == OTHER and asked.other is not None):
        label = _known(view, asked.label if asked.kind == YES_ANSWER else asked.other)
    elif not asked.name:
        raise RefusedError("A person needs a name.")
    else:
        same = _called(view, asked.name)
        label = _new_label(model, view) if same is None else same
        if same is None:
            yield Answer(PERSON, label=label, name=asked.name)
    if asked.kind == OTHER:
        if label == was:
            raise RefusedError("These are one person already.")
        yield from (_of_track(model, NO_ANSWER, number, was) for number in asked.numbers)
    _check_moments(model, view, asked.numbers, label)
    yield from (_of_track(model, YES_ANSWER, number, label) for number in asked.numbers)


def _pairs(model: RunModel, view: View, asked: Asked) -> Iterator[Answer]:
    """Tracks that are one person, or are another person than the first: each of them with the first.

    Tracks of one person that were separated before are joined again: the later answer wins.
    """
    first, *others = asked.numbers
    if not others:
        raise RefusedError("This answer needs two tracks.")
    pairs = dict.fromkeys((first, number) for number in others)
    if asked.kind == TOGETHER:
        _check_apart(model, asked.numbers)
        before = ((model.number((a.clip, a.track)), model.number((b.clip, b.track))) for a, b in view.given.apart)
        pairs |= dict.fromkeys((a, b) for a, b in before if a in asked.numbers and b in asked.numbers)
    yield from (_of_pair(model, asked.kind, one, other) for one, other in pairs)


def _check_moments(model: RunModel, view: View, numbers: tuple[int, ...], label: int) -> None:
    """Check that nobody is in two places at once."""
    spots = (spot for spot, shown in view.given.shown.items() if shown == label)
    before = (model.number((spot.clip, spot.track)) for spot in spots)
    _check_apart(model, numbers, [number for number in before if number is not None and number not in numbers])


def _check_apart(model: RunModel, numbers: Sequence[int], before: Sequence[int] = ()) -> None:
    """Refuse tracks that share a frame with each other, or with earlier ones."""
    tracks = model.run.tracks
    by_film: dict[int, list[int]] = {}
    for number in (*numbers, *before):
        by_film.setdefault(int(tracks.film[number]), []).append(number)
    for together in by_film.values():
        shown = [tracks.shown[tracks.ends[number] : tracks.ends[number + 1]] for number in together]
        owners = np.repeat(np.isin(together, numbers), [len(times) for times in shown])
        times = np.concatenate(shown)
        order = np.argsort(times, kind="stable")
        same = np.diff(times[order]) == 0
        if np.any(same & (owners[order][1:] | owners[order][:-1])):
            clip = printable(tracks.name(together[0]))
            raise RefusedError(f"Two of these faces are in one frame of {clip}: they are two people.", CONFLICT)


def _known(view: View, label: int | None) -> int:
    found = None if label is None else view.given.label(label)
    if found is None or found not in view.people:
        raise RefusedError("This person is not known here.")
    return found


def _called(view: View, name: str) -> int | None:
    """Label of the person with a name, ignoring case."""
    wanted = name.casefold()
    return next((label for label, known in view.people.items() if known.casefold() == wanted), None)


def _new_label(model: RunModel, view: View) -> int:
    """A label that nobody has or had."""
    given = view.given
    taken = {0, *view.people, *model.run.names, *given.people, *given.merged, *given.renamed, *view.standing.labels}
    return max(taken) + 1


def _of_track(model: RunModel, kind: str, number: int, label: int | None = None) -> Answer:
    time, box = _seen(model, number)
    return Answer(kind, spot=model.spot(number), label=label, time=time, box=box)


def _of_pair(model: RunModel, kind: str, one: int, other: int) -> Answer:
    (time, box), (time2, box2) = _seen(model, one), _seen(model, other)
    spot, spot2 = model.spot(one), model.spot(other)
    return Answer(kind, spot=spot, spot2=spot2, time=time, box=box, time2=time2, box2=box2)


def _seen(model: RunModel, number: int) -> tuple[float, tuple[float, ...]]:
    tracks = model.run.tracks
    return float(tracks.time[number]), tuple(tracks.box[number].tolist())
