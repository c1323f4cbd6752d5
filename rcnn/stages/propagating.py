"""`predict.py --propagate faces`: tracks of one film with similar faces share their scores."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..clips.listed import TO_THE_END
from ..clips.sources import find_sources
from ..config import config
from ..faces.vectors import normalise
from ..report import trace
from ..scores.consensus import competitive_consensus
from ..tables import StageReader
from ..tables.join import Batch

KEPT = config.SUBMIT.CLASSES_PER_CLIP  # classes that are kept for a track; submit.py enters a clip for no more
NEIGHBOURS = 10  # of a track
LEAST_SHARE = 1e-3  # probability below which a class is ignored in a film
BLOCK_ROWS = 1024  # tracks compared with those of their film at a time


@dataclass(frozen=True)
class Pieces:
    """Clips that are pieces of films, by name.

    films : what they are pieces of; only films of several clips
    spans : start and end in seconds of the film, if known
    """

    films: Mapping[str, str]
    spans: Mapping[str, tuple[float, float]]

    @property
    def digest(self) -> str:
        """sha256 of which clip is of which film."""
        lines = "".join(f"{name}\t{film}\n" for name, film in sorted(self.films.items()))
        return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()

    def follow(self, one: str, other: str) -> bool:
        """Whether one of two clips of a film starts where the other ends."""
        if one not in self.spans or other not in self.spans:
            return False
        (start, end), (begin, stop) = self.spans[one], self.spans[other]
        return min(abs(begin - end), abs(start - stop)) <= config.APPEARANCE.GAP


def read_pieces(readers: Sequence[StageReader]) -> Pieces:
    """The pieces of the first of some directories, from its table of clips, or from the data set's sources.txt."""
    films: dict[str, str] = {}
    spans: dict[str, tuple[float, float]] = {}
    names: set[str] = set()
    columns = ("name", "source", "start", "end")
    for batch in readers[0].clips():
        for name, source, start, end in zip(*(batch.column(c).to_pylist() for c in columns), strict=True):
            names.add(name)
            if source and (start or end != TO_THE_END):
                films[name], spans[name] = source, (start, end)
    films = {**find_sources(None, *trace(readers).datasets, clips=names - films.keys()), **films}
    counts = Counter(films.values())
    films = {name: film for name, film in films.items() if counts[film] > 1}
    return Pieces(films, {name: span for name, span in spans.items() if name in films})


@dataclass
class _Tracks:
    """For all clips: names and splits (n,), unit vectors (n, D) float16, and classes and probabilities (n, k)."""

    names: list[str]
    splits: list[str]
    vectors: np.ndarray
    classes: np.ndarray
    scores: np.ndarray
    width: int

    @staticmethod
    def gather(scored: Iterable[tuple[Batch, np.ndarray]]) -> _Tracks:
        """Those of all batches."""
        names: list[str] = []
        splits: list[str] = []
        units, classes, probabilities = ([] for _ in range(3))
        width = 0
        for batch, scores in scored:
            names += batch.names
            splits += batch.splits
            width = scores.shape[1]
            kept = min(KEPT, width)
            best = np.argpartition(-scores, kept - 1, axis=1)[:, :kept].astype(np.int32)
            best[:, -1:] = np.where((best == 0).any(1, keepdims=True), best[:, -1:], 0)  # class 0 competes, too
            units.append(normalise(batch.vectors).astype(np.float16))
            classes.append(best)
            probabilities.append(np.take_along_axis(scores, best, 1))
        vectors, best, found = (np.concatenate(parts) for parts in (units, classes, probabilities))
        return _Tracks(names, splits, vectors, best, found, width)

    def dense(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities (m, classes) float32 of some tracks; 0 for classes that were not kept."""
        found = np.zeros((len(rows), self.width), np.float32)
        np.put_along_axis(found, self.classes[rows].astype(np.int64), self.scores[rows], 1)
        return found


def propagate(
    scored: Iterable[tuple[Batch, np.ndarray]], pieces: Pieces, rows: int
) -> Iterator[tuple[Batch, np.ndarray]]:
    """Tracks and their probabilities (n, classes), in the same order, after all have been read.

    Memory: the 200 best classes of each track, and its vector in float16.

    Parameters
    ----------
    scored : tracks, all of a clip together, and their probabilities
    pieces : of films
    rows : of a yielded batch, apart from the rest of the last clip's tracks
    """
    tracks = _Tracks.gather(scored)
    films: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(tracks.names):
        if name in pieces.films:
            films[pieces.films[name]].append(row)
    for members in films.values():
        if len(members) > 1:
            _settle(tracks, np.array(members), pieces)
    start = 0
    for end in _ends(tracks.names, rows):
        part = np.arange(start, end)
        yield (
            Batch(tracks.names[start:end], tracks.splits[start:end], tracks.vectors[part].astype(np.float32)),
            tracks.dense(part),
        )
        start = end


def _ends(names: Sequence[str], rows: int) -> Iterator[int]:
    """Where batches of whole clips end."""
    start = 0
    for row in range(1, len(names)):
        if row - start >= rows and names[row] != names[row - 1]:
            yield row
            start = row
    if names:
        yield len(names)


def _settle(tracks: _Tracks, members: np.ndarray, pieces: Pieces) -> None:
    """Replace the scores of a film's tracks, (m,) rows."""
    shown = np.unique(tracks.classes[members][tracks.scores[members] >= LEAST_SHARE])
    if not len(shown):
        return
    place = np.full(tracks.width, -1)
    place[shown] = np.arange(len(shown))
    own = np.zeros((len(members), len(shown)), np.float32)
    at = place[tracks.classes[members]]
    for row in range(len(members)):
        kept = at[row] >= 0
        own[row, at[row][kept]] = tracks.scores[members[row]][kept]
    found = competitive_consensus(own, _links(tracks, members, pieces))
    for row in np.flatnonzero((found != own).any(1)).tolist():
        whole = tracks.dense(members[row : row + 1])[0]
        whole[shown] = found[row]
        best = np.argpartition(-whole, tracks.classes.shape[1] - 1)[: tracks.classes.shape[1]]
        tracks.classes[members[row]], tracks.scores[members[row]] = best, whole[best]


def _links(tracks: _Tracks, members: np.ndarray, pieces: Pieces) -> list[tuple[np.ndarray, np.ndarray]]:
    """The most similar tracks to each track of a film, and their cosines.

    Tracks of one clip are never linked: if tracking did not join them, they are two people. If one clip follows the
    other, a lower similarity is enough.
    """
    vectors = tracks.vectors[members].astype(np.float32)
    names = [tracks.names[row] for row in members.tolist()]
    clip_of = np.unique(names, return_inverse=True)[1]
    links = []
    for begin in range(0, len(members), BLOCK_ROWS):
        cosines = vectors[begin : begin + BLOCK_ROWS] @ vectors.T
        for row, line in enumerate(cosines, begin):
            line[clip_of == clip_of[row]] = -1
            others = np.argsort(-line, kind="stable")[:NEIGHBOURS]
            near = np.array([pieces.follow(names[row], names[other]) for other in others.tolist()], bool)
            least = np.where(near, config.TRACK.UNLIKE, config.TRACK.ALIKE)
            others = others[line[others] >= least]
            links.append((others, np.minimum(line[others], 1)))
    return links
