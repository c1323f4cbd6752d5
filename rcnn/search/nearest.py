"""The clips with the vectors most similar to a given one, in one pass over any number of clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ..clips.dataset import TEST
from ..clips.labels import Labels, label_of, labels_of
from ..errors import InputError
from ..faces.vectors import cosines_with, normalise
from ..tables import StageReader, clip_starts, vectors
from .found import Found, Match
from .index import Place, SearchIndex

BLOCK_ROWS = 4096  # clips compared at a time: 8 MB of vectors 512 wide


def nearest(
    readers: Sequence[StageReader],
    vector: np.ndarray,
    count: int = 100,
    known: Mapping[str, tuple[int, int]] | None = None,
    labels: Labels | None = None,
    indexes: Mapping[str, SearchIndex] | None = None,
) -> Found:
    """Compare a vector with every clip; of a clip with several tracks the most similar one is used.

    Memory grows with `count`, and without an index by 8 bytes per clip.

    Parameters
    ----------
    readers : of features; a clip in two of them is returned once
    vector : (D,) float32 of any length but 0
    count : clips to return
    known : row of the person and number of the track that shows them, by name of the clip, see `people.templates`
    labels : of the clips, currently in the data set; None if it has none
    indexes : of readers, by their paths, which are asked in place of comparing; cosines of known people and of
        strangers are then those of a sample

    Raises
    ------
    InputError
        If the vectors of clips have another width, or an index is damaged.
    """
    wanted = normalise(vector.reshape(1, -1))[0]
    tally = _Tally(known or {}, labels or {})
    best: list[Match] = []
    similarities, weights = [np.zeros(0, np.float32)], [np.zeros(0)]
    tracks = 0
    for reader in readers:
        if reader.width != len(wanted):
            raise InputError(
                f"{reader.path}: its vectors are {reader.width} wide, that of the photograph {len(wanted)}; "
                "embed it with the model that made the features"
            )
        index = (indexes or {}).get(reader.path)
        if index is not None:
            seen = index.search(wanted, count)
            best = _best([*best, *(_match(place, tally.labels) for place in seen.places)], count)
            rows, sampled = index.sample()
            block = _Block.of(rows, cosines_with(sampled, wanted), tally.labels) if len(rows) else None
            others = np.zeros(0, np.float32) if block is None else block.best[block.best < seen.edge]
            if block is not None:
                tally.add(block)
            rest = max(index.manifest.clips - len(seen.tail), 0) / max(len(others), 1)
            similarities += [seen.tail, others]
            weights += [np.ones(len(seen.tail)), np.full(len(others), rest)]
            tracks += index.manifest.rows
            continue
        for block in _compare(reader, wanted, tally.labels):
            tracks += len(block.cosines)
            similarities.append(block.best)
            weights.append(np.ones(len(block.best)))
            best = _best([*best, *block.matches(count, best[-1].similarity if len(best) == count else -np.inf)], count)
            tally.add(block)
    return tally.found(best, np.concatenate(similarities), tracks, np.concatenate(weights) if indexes else None)


@dataclass
class _Tally:
    """Cosines of known people and of strangers; see `Found`."""

    people_of: Mapping[str, tuple[int, int]]
    labels: Labels
    cosines: list[float] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    strangers: list[np.ndarray] = field(default_factory=lambda: [np.zeros(0, np.float32)])
    stranger_tracks: int = 0

    def add(self, block: _Block) -> None:
        """Take those of some clips."""
        for clip, label in enumerate(block.labels.tolist() if self.people_of else ()):
            if label > 0 and (entry := self.people_of.get(block.names[clip])):
                self.people.append(entry[0])
                self.cosines.append(block.cosine(clip, entry[1]))
        unknown = (block.labels <= 0) & (block.splits != TEST)  # clips of test have no labels
        self.strangers.append(block.best[unknown])
        self.stranger_tracks += int(block.counts[unknown].sum())

    def found(self, best: list[Match], similarities: np.ndarray, tracks: int, weights: np.ndarray | None) -> Found:
        """The result of a search with these."""
        return Found(
            best,
            similarities,
            tracks,
            np.array(self.cosines, np.float32),
            np.array(self.people, np.int32),
            np.concatenate(self.strangers),
            self.stranger_tracks,
            weights,
        )


@dataclass(frozen=True)
class _Block:
    """Whole clips, compared.

    names, splits, labels : (n,) of the clips
    starts, counts : (n,) first row and number of rows of each
    tracks, cosines : (r,) of the rows
    best : (n,) float32, greatest cosine of each clip
    """

    names: list[str]
    splits: np.ndarray
    labels: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    tracks: np.ndarray
    cosines: np.ndarray
    best: np.ndarray

    @staticmethod
    def of(rows: pa.RecordBatch, cosines: np.ndarray, known: Labels) -> _Block:
        """Rows with a track, sorted by name, and their cosines."""
        names = rows.column("name").to_pylist()
        starts = np.array(clip_starts(names), np.int64)
        clips = [names[start] for start in starts.tolist()]
        splits = rows.column("split").to_numpy(zero_copy_only=False)[starts]
        return _Block(
            clips,
            splits,
            labels_of(clips, splits, known),
            starts,
            np.diff(starts, append=len(names)),
            rows.column("track").to_numpy(),
            cosines,
            np.maximum.reduceat(cosines, starts),
        )

    def cosine(self, clip: int, track: int) -> float:
        """That of a track of a clip."""
        rows = slice(self.starts[clip], self.starts[clip] + self.counts[clip])
        return float(self.cosines[rows][(self.tracks[rows] == track).argmax()])

    def matches(self, count: int, least: float) -> list[Match]:
        """The clips that may be among the most similar ones: at least `least`, with all that equal the last one."""
        clips = np.flatnonzero(self.best >= least)
        if len(clips) > count:  # names decide between equal ones
            edge = -np.partition(-self.best[clips], count - 1)[count - 1]
            clips = clips[self.best[clips] >= edge]
        found = []
        for clip in clips.tolist():
            rows = slice(self.starts[clip], self.starts[clip] + self.counts[clip])
            track = int(self.tracks[rows][self.cosines[rows].argmax()])
            split, label = str(self.splits[clip]), int(self.labels[clip])
            found.append(Match(self.names[clip], split, label, float(self.best[clip]), track))
        return found


def _compare(reader: StageReader, wanted: np.ndarray, known: Labels) -> Iterator[_Block]:
    """The clips of a directory; one whose tracks continue in the next batch is kept together."""
    held: tuple[pa.RecordBatch, np.ndarray] | None = None
    for batch in reader.batches(rows=BLOCK_ROWS):
        block = vectors(batch.column("feature"))
        cosines = cosines_with(block, wanted)
        rows = batch.select(["name", "split"])
        tracks = batch.column("track") if reader.tracked else pa.array(np.zeros(len(cosines), np.int32))
        rows = rows.append_column("track", tracks)
        if held is not None:
            rows = pa.concat_batches([held[0], rows])
            cosines = np.concatenate([held[1], cosines])
        names = rows.column("name").to_pylist()
        last = names.index(names[-1]) if reader.tracked else len(names)
        held = (rows.slice(last), cosines[last:]) if last < len(names) else None
        if last:
            yield _Block.of(rows.slice(0, last), cosines[:last], known)
    if held is not None:
        yield _Block.of(*held, known)


def _match(place: Place, labels: Labels) -> Match:
    return Match(place.clip, place.split, label_of(place.clip, place.split, labels), place.cosine, place.track)


def _best(matches: list[Match], count: int) -> list[Match]:
    once: dict[str, Match] = {}
    for match in sorted(matches, key=lambda match: (-match.similarity, match.clip)):
        once.setdefault(match.clip, match)
    return list(once.values())[:count]
