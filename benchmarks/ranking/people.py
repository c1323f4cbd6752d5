"""Assigns people to the two sides, draws known people, and splits their material into training and search.

A person is on one side with all photographs and videos. People with photographs are on the "end" side if
`rcnn.training.people.held_out` says so, because our embedding model was trained on the others. People with videos
alternate between the sides in hash order, separately for several sessions and for one. Files with several people are
excluded, because their identities are unknown.

People with photographs are distributed over the draws, so that draws share no photograph. There are too few videos for
that: draws share them, and differ in the training session, the known people and the cut positions.
"""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rcnn.training.people import held_out

CHOOSING, END = SIDES = ("choosing", "end")
DRAWS = 5
SESSION, PHOTOGRAPHS, SAME = KINDS = ("another session", "photographs", "same recording")
SEVERAL_PHOTOGRAPHS, TWO_PHOTOGRAPHS = 18, 6  # known people of a draw with three photographs or more, and with two
SAME_RECORDING = 8  # known people of a draw whose one recording teaches and is looked for
STRANGERS, TAUGHT_STRANGERS = 24, 40  # people with photographs in a draw's films, and in its val
STRANGERS_PHOTOGRAPHS = 5  # maximum per person in val
TEACHING_SECONDS, TEACHING_PIECES = 2.0, 3  # of a training video: length and number of clips
TEACHING_PHOTOGRAPHS, SEEN_PHOTOGRAPHS = 5, 3  # maximum per person
LEAST_SHOT, LONGEST_SHOT = 2.0, 6.0  # seconds of a shot of a film
GAP = 1.0  # seconds between the training and the search part of one recording
SAME_SECONDS = 8.0  # minimum length of such a recording


@dataclass(frozen=True)
class Video:
    """A video of one person; `path` from the folder of videos."""

    path: str
    person: str
    session: str
    seconds: float


@dataclass(frozen=True)
class Piece:
    """A photograph, with an end of 0, or some seconds of a video."""

    path: Path
    person: str
    start: float = 0.0
    end: float = 0.0

    @property
    def is_still(self) -> bool:
        return not self.end


@dataclass(frozen=True)
class Known:
    """A person to find: kind, training material, and material for films, one shot each."""

    person: str
    kind: str
    teaching: tuple[Piece, ...]
    seen: tuple[Piece, ...]


@dataclass(frozen=True)
class Cast:
    """The people of a draw.

    known : known people; the first has label 1
    strangers : material of strangers in films, one shot each
    taught_strangers : photographs of other strangers, unlabelled clips of val
    """

    known: tuple[Known, ...]
    strangers: tuple[Piece, ...]
    taught_strangers: tuple[Piece, ...]

    @property
    def labels(self) -> dict[str, int]:
        return {known.person: label for label, known in enumerate(self.known, 1)}


def number(*words: object) -> int:
    """A hash of the words, 0..2**64-1, equal on every machine."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, words)).encode()).digest()[:8], "big")


def by_chance(names: Iterable[str], *words: object) -> list[str]:
    """Names in hash order."""
    return sorted(names, key=lambda name: (number(*words, name), name))


def read_videos(folder: Path) -> list[Video]:
    """The single-person videos of `manifest.csv`."""
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [Video(row["file"], row["person"], row["session"], float(row["seconds"])) for row in rows if row["person"]]


def read_photographs(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The photographs of each person, from PERSON/*.jpg."""
    return {path.name: tuple(sorted(path.glob("*.jpg"))) for path in sorted(folder.iterdir()) if path.is_dir()}


def side_of_photographs(person: str) -> str:
    """The side of a person with photographs."""
    return END if held_out(person) else CHOOSING


def sides_of_videos(videos: Sequence[Video]) -> dict[str, str]:
    """The side of each person with videos."""
    sessions: dict[str, set[str]] = {}
    for video in videos:
        sessions.setdefault(video.person, set()).add(video.session)
    sides = {}
    for several in (True, False):
        order = by_chance((person for person in sessions if (len(sessions[person]) > 1) == several), "side")
        sides.update({person: SIDES[turn % 2] for turn, person in enumerate(order)})
    return sides


def draw_cast(videos: Sequence[Video], photographs: Mapping[str, Sequence[Path]], side: str, draw: int,
              folder: Path = Path()) -> Cast:  # fmt: skip
    """The people of a draw of a side.

    Parameters
    ----------
    folder : of the videos
    """
    sides = sides_of_videos(videos)
    of_person: dict[str, list[Video]] = {}
    for video in videos:
        if sides[video.person] == side:
            of_person.setdefault(video.person, []).append(video)
    dealt = _deal({name: paths for name, paths in photographs.items() if side_of_photographs(name) == side}, draw)
    known = [found for person in of_person if (found := _by_session(of_person[person], draw, folder))]
    others = by_chance(of_person.keys() - {each.person for each in known}, "known", draw)
    same = [found for person in others if (found := _same_recording(of_person[person], draw, folder))]
    known += same[:SAME_RECORDING]
    several = [name for name in dealt if len(photographs[name]) > 2][:SEVERAL_PHOTOGRAPHS]
    two = [name for name in dealt if len(photographs[name]) == 2][:TWO_PHOTOGRAPHS]
    known += [_by_photographs(name, photographs[name]) for name in (*several, *two)]
    taken = {each.person for each in known}
    unknown = [name for name in dealt if name not in taken][: STRANGERS + TAUGHT_STRANGERS]
    seen = [Piece(photographs[name][0], name) for name in unknown[:STRANGERS]]
    taught = [Piece(path, name) for name in unknown[STRANGERS:] for path in photographs[name][:STRANGERS_PHOTOGRAPHS]]
    shots = [_shots(of_person[person], 1, draw, folder) for person in others if person not in taken]
    return Cast(
        tuple(sorted(known, key=lambda each: each.person)),
        (*(piece for found in shots for piece in found), *seen),
        tuple(taught),
    )


def _deal(photographs: Mapping[str, Sequence[Path]], draw: int) -> list[str]:
    """The people of a draw in hash order; those with few and those with many photographs are dealt separately."""
    mine = []
    for least, most in ((3, 10**6), (2, 2), (1, 1)):
        some = by_chance((name for name in photographs if least <= len(photographs[name]) <= most), "draw")
        mine += some[draw::DRAWS]
    return by_chance(mine, "known", draw)


def _by_photographs(person: str, paths: Sequence[Path]) -> Known:
    order = sorted(paths, key=lambda path: number("teaching", path.name))
    teaching = order[: min(TEACHING_PHOTOGRAPHS, -(-len(order) // 2))]
    seen = order[len(teaching) :][:SEEN_PHOTOGRAPHS]
    pieces = [tuple(Piece(path, person) for path in part) for part in (teaching, seen)]
    return Known(person, PHOTOGRAPHS, *pieces)


def _by_session(videos: Sequence[Video], draw: int, folder: Path) -> Known | None:
    """Train on one session and search the others; None for a person with a single session."""
    sessions: dict[str, list[Video]] = {}
    for video in videos:
        sessions.setdefault(video.session, []).append(video)
    usable = {name for name, mine in sessions.items() if max(video.seconds for video in mine) >= LEAST_SHOT}
    order = by_chance(usable, "session", draw, videos[0].person)
    if len(order) < 2:
        return None
    teaching = _teaching(sessions[order[0]], folder)
    seen = [piece for name in order[1:4] for piece in _shots(sessions[name], 1, draw, folder)]
    return Known(videos[0].person, SESSION, teaching, tuple(seen))


def _same_recording(videos: Sequence[Video], draw: int, folder: Path) -> Known | None:
    """Train on the start of the longest video and search a later part of it; None if it is too short."""
    video = max(videos, key=lambda each: (each.seconds, each.path))
    if video.seconds < SAME_SECONDS:
        return None
    until = min(video.seconds / 3, TEACHING_SECONDS * TEACHING_PIECES)
    teaching = _teaching([Video(video.path, video.person, video.session, until)], folder)
    return Known(video.person, SAME, teaching, tuple(_shots([video], 1, draw, folder, until + GAP)))


def _teaching(videos: Sequence[Video], folder: Path) -> tuple[Piece, ...]:
    """Pieces of some videos: first the first of each, then the second of each, and so on."""
    found = []
    for video in videos:
        length = min(TEACHING_SECONDS, video.seconds)
        for turn in range(min(TEACHING_PIECES, int(video.seconds / length))):
            start = turn * length
            found.append((turn, Piece(folder / video.path, video.person, start, start + length)))
    return tuple(piece for _, piece in sorted(found, key=lambda each: (each[0], str(each[1].path))))[:TEACHING_PIECES]


def _shots(videos: Sequence[Video], count: int, draw: int, folder: Path, since: float = 0.0) -> list[Piece]:
    """Up to `count` pieces, each of a different video, long enough for a shot."""
    rng = random.Random(number("shots", draw, videos[0].person, videos[0].session))
    usable = [video for video in videos if video.seconds - since >= LEAST_SHOT]
    found = []
    for video in rng.sample(usable, min(count, len(usable))):
        start = rng.uniform(since, max(since, video.seconds - LONGEST_SHOT))
        found.append(Piece(folder / video.path, video.person, start, min(video.seconds, start + LONGEST_SHOT)))
    return found
