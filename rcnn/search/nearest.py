"""The clips whose vectors are most like a given one, in one pass over any number of clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..clips.dataset import TEST
from ..clips.labels import Labels, labels_of
from ..errors import InputError
from ..faces.vectors import normalise
from ..tables import StageReader, clip_starts, vectors

BLOCK_ROWS = 4096  # clips that are compared at once: 8 MB of vectors 512 wide


@dataclass(frozen=True)
class Match:
    """A clip that was found.

    similarity : cosine of the vector looked for and that of the clip's most similar track, -1..1
    track : number of that track; 0 where the features have no tracks
    """

    clip: str
    split: str
    label: int
    similarity: float
    track: int = 0


@dataclass(frozen=True)
class Found:
    """What a search gives.

    matches : the most similar first; of equal ones the earlier name
    similarities : (clips,) float32, of every clip that was compared, in the order of the tables
    tracks : that were compared
    known : (k,) float32, cosines of the tracks that show known people, a track a clip
    people : (k,) int32, rows of these people
    strangers : (s,) float32, the greatest cosine of each clip that shows nobody known
    stranger_tracks : of these clips
    """

    matches: Sequence[Match]
    similarities: np.ndarray
    tracks: int
    known: np.ndarray
    people: np.ndarray
    strangers: np.ndarray
    stranger_tracks: int

    @property
    def clips(self) -> int:
        """How many were compared."""
        return len(self.similarities)


def nearest(
    readers: Sequence[StageReader],
    vector: np.ndarray,
    count: int = 100,
    known: Mapping[str, tuple[int, int]] | None = None,
    labels: Labels | None = None,
) -> Found:
    """Compare a vector with every clip; a clip with several tracks counts with the most similar one.

    The memory that it takes grows with `count`, and by 8 bytes a clip.

    Parameters
    ----------
    readers : of features; a clip that is in two of them is given once
    vector : (D,) float32 of any length but 0
    count : clips to give
    known : row of the person and number of the track that shows them, by name of the clip, see `people.templates`
    labels : of the clips, as the data set says now; None where it says nothing

    Raises
    ------
    InputError
        If the vectors of clips have another width.
    """
    wanted = normalise(vector.reshape(1, -1))[0]
    known = known or {}
    best: list[Match] = []
    similarities = [np.zeros(0, np.float32)]
    cosines: list[float] = []
    people: list[int] = []
    strangers = [np.zeros(0, np.float32)]
    tracks = stranger_tracks = 0
    for reader in readers:
        if reader.width != len(wanted):
            raise InputError(
                f"{reader.path}: its vectors are {reader.width} wide, that of the photograph {len(wanted)}; "
                "embed it with the model that made the features"
            )
        for block in _compare(reader, wanted, labels or {}):
            tracks += len(block.cosines)
            similarities.append(block.best)
            best = _best([*best, *block.matches(count, best[-1].similarity if len(best) == count else -np.inf)], count)
            for clip, label in enumerate(block.labels.tolist() if known else ()):
                if label > 0 and (entry := known.get(block.names[clip])):
                    people.append(entry[0])
                    cosines.append(block.cosine(clip, entry[1]))
            unknown = (block.labels <= 0) & (block.splits != TEST)  # of test nobody says who they are
            strangers.append(block.best[unknown])
            stranger_tracks += int(block.counts[unknown].sum())
    return Found(
        best,
        np.concatenate(similarities),
        tracks,
        np.array(cosines, np.float32),
        np.array(people, np.int32),
        np.concatenate(strangers),
        stranger_tracks,
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
    """The clips of a directory; one whose tracks go on in the next batch stays whole."""
    held: tuple[pa.RecordBatch, np.ndarray] | None = None
    for batch in reader.batches(rows=BLOCK_ROWS):
        block = vectors(batch.column("feature"))
        lengths = np.sqrt(np.einsum("nd,nd->n", block, block))
        cosines = (block @ wanted) / np.maximum(lengths, np.finfo(np.float32).tiny)
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


def _best(matches: list[Match], count: int) -> list[Match]:
    once: dict[str, Match] = {}
    for match in sorted(matches, key=lambda match: (-match.similarity, match.clip)):
        once.setdefault(match.clip, match)
    return list(once.values())[:count]
