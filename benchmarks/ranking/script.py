"""The content of films: shots of one person or of two side by side, with hard cuts; and their clips, with ground
truth."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .people import LEAST_SHOT, Cast, Piece, number

FILMS = 6  # per draw
SECONDS, WEIGHTS = (2.0, 2.5, 3.0, 4.0, 6.0), (8, 6, 4, 2, 1)  # of a shot, and their frequencies
STEP = 0.5  # seconds; shots are multiples of it, so that cuts and middles of shots fall on frames
BESIDE = 0.45  # share of the shots with a second person next to the first
CLIP_SECONDS, LONG_CLIP = (2.0, 5.0), 10.0  # of most clips; maximum of one in LONG_EVERY
LONG_EVERY = 8
TRIES = 1000  # to find an order in which nobody is in two consecutive shots


@dataclass(frozen=True)
class Shot:
    """Some seconds of a film.

    pieces : the pieces shown, one, or two side by side; those of an insert are blurred beyond recognition
    """

    pieces: tuple[Piece, ...]
    seconds: float
    insert: bool = False

    @property
    def people(self) -> frozenset[str]:
        return frozenset() if self.insert else frozenset(piece.person for piece in self.pieces)


@dataclass(frozen=True)
class Film:
    name: str
    shots: tuple[Shot, ...]

    @property
    def seconds(self) -> float:
        return sum(shot.seconds for shot in self.shots)


@dataclass(frozen=True)
class FilmClip:
    """A clip of a film, start and end in seconds, and all people in it, known or not."""

    name: str
    film: str
    start: float
    end: float
    people: frozenset[str]


def write_films(cast: Cast, side: str, draw: int) -> list[Film]:
    """The films of a draw: every piece for films of its cast once, and an insert per film."""
    rng = random.Random(number("films", side, draw))
    known = cast.labels
    pieces = [piece for each in cast.known for piece in each.seen] + list(cast.strangers)
    for _ in range(TRIES):
        shots = _shots(rng.sample(pieces, len(pieces)), known.keys(), rng)
        if not any(one.people & other.people for one, other in pairwise(shots)):
            break
    else:
        raise ValueError(f"{side}, draw {draw}: no order of the shots keeps everybody apart")
    films = []
    for index in range(FILMS):
        mine = shots[index * len(shots) // FILMS : (index + 1) * len(shots) // FILMS]
        hidden = Shot((rng.choice(cast.strangers),), LEAST_SHOT, insert=True)
        mine.insert(rng.randrange(1, len(mine)), hidden)
        films.append(Film(f"{side}-{draw}-film-{index}", tuple(mine)))
    return films


def _shots(pieces: Sequence[Piece], known: object, rng: random.Random) -> list[Shot]:
    """Put each piece in a shot; some shots with a known person also show the next piece side by side."""
    left, shots = list(pieces), []
    while left:
        chosen = [left.pop()]
        beside = [piece for piece in left[-3:] if piece.person != chosen[0].person and (
            piece.person in known or chosen[0].person in known)]  # type: ignore[operator]  # fmt: skip
        if beside and rng.random() < BESIDE:
            chosen.append(beside[-1])
            left.remove(beside[-1])
        longest = min((piece.end - piece.start for piece in chosen if not piece.is_still), default=max(SECONDS))
        seconds = min(rng.choices(SECONDS, WEIGHTS)[0], int(longest / STEP) * STEP)
        shots.append(Shot(tuple(chosen), seconds))
    return shots


def cut_clips(film: Film) -> list[FilmClip]:
    """The clips of a film, which together cover it: they end at cuts and in the middle of shots, as with cutting at
    fixed times, but nobody is in one for less than half a shot."""
    rng = random.Random(number("clips", film.name))
    starts = [0.0]
    for shot in film.shots:
        starts.append(starts[-1] + shot.seconds)
    spans = list(zip(starts, starts[1:], film.shots, strict=False))
    marks = sorted({*starts, *((start + end) / 2 for start, end, _ in spans)})
    clips, begin = [], 0.0
    while begin < film.seconds:
        wanted = rng.uniform(*CLIP_SECONDS) if rng.randrange(LONG_EVERY) else LONG_CLIP
        least, last = begin + CLIP_SECONDS[0], film.seconds - CLIP_SECONDS[0]
        later = [mark for mark in marks if least <= mark <= last]  # so that the remainder is no shorter than a clip
        end = max([mark for mark in later if mark <= begin + wanted], default=later[0] if later else film.seconds)
        people = frozenset().union(*(shot.people for start, stop, shot in spans if start < end and stop > begin))
        clips.append(FilmClip(f"{film.name}-{round(1000 * begin):06d}", film.name, begin, end, people))
        begin = end
    return clips


def clean_of(clips: Sequence[FilmClip], known: frozenset[str]) -> Iterator[FilmClip]:
    """Clips of other draws that a draw may rank too: those without its known people."""
    return (clip for clip in clips if not clip.people & known)
