"""Templates of known people, made of the vectors of their clips, and what those clips teach about cosines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
import pyarrow as pa

from ..clips.dataset import TEST
from ..clips.labels import Labels, label_of
from ..errors import InputError
from ..faces.vectors import normalise
from ..scores.calibration import Trials
from ..tables import StageReader, clip_starts, vectors

BLOCK_ROWS = 2048  # rows that are compared at once: 40 MB of cosines with 4,934 people
ROUNDS = 4  # of choosing tracks, as in `teaching`; most choices stand after two
NOBODY = -1.0  # cosine with a person of whom nothing is left


@dataclass(frozen=True)
class _Block:
    """Whole clips: names, splits and first rows of each (n,), and of their rows the numbers of tracks (r,) and unit
    vectors (r, D) float32."""

    names: list[str]
    splits: list[str]
    starts: np.ndarray
    tracks: np.ndarray
    vectors: np.ndarray

    def clips(self) -> Iterator[tuple[int, int, int]]:
        """Number, first row and end of each clip."""
        ends = [*self.starts.tolist()[1:], len(self.tracks)]
        yield from (
            (clip, start, end) for clip, (start, end) in enumerate(zip(self.starts.tolist(), ends, strict=True))
        )


@dataclass(frozen=True)
class Gallery:
    """Known people.

    labels : (people,) int32, rising
    templates : (people, D) float32, unit: the mean direction of a person's clips
    counts : (people,) int64, clips of each
    sums : (people, D) float64, of the unit vectors of the clips
    known : row of the person and number of the track that shows them, by name of the clip
    paths : stage directories of feature.py that it was made of
    """

    labels: np.ndarray
    templates: np.ndarray
    counts: np.ndarray
    sums: np.ndarray
    known: dict[str, tuple[int, int]]
    paths: tuple[str, ...]

    @staticmethod
    def read(paths: Sequence[str], known_labels: Labels) -> Gallery:
        """Make templates of all labelled clips; of several tracks of a clip that most like its label's others counts.

        The vectors are read several times, a block at a time; in memory are the sums of people and the names of clips.

        Parameters
        ----------
        paths : stage directories of feature.py, made with one model; a clip that is in two of them counts once
        known_labels : of their clips, as the data set says now

        Raises
        ------
        InputError
            If one can't be read, was made with another model than the first, or no clip has a label.
        """
        readers = _open(paths)
        found = {label for reader in readers for label in _labels(reader, known_labels)}
        labels = np.array(sorted(label for label in found if label > 0), np.int32)
        if not len(labels):
            raise InputError(
                f"--known {','.join(paths)}: no clip has a label; name what feature.py wrote of train and val, "
                f"python feature.py --input ./output/det_trainval --output {paths[0]}, and with --dataset the data set "
                "that knows who they are"
            )
        known: dict[str, tuple[int, int]] = {}
        sums = np.zeros((len(labels), readers[0].width))
        several = False  # tracks in a clip with a label
        for block in _blocks(readers):
            for clip, start, end in block.clips():
                label = label_of(block.names[clip], block.splits[clip], known_labels)
                if label > 0:
                    person = int(np.searchsorted(labels, label))
                    known[block.names[clip]] = person, int(block.tracks[start])
                    sums[person] += block.vectors[start]
                    several |= end - start > 1
        for _ in range(ROUNDS if several else 0):
            chosen, new = _choose(_blocks(readers), known, sums)
            changed = chosen != known
            known, sums = chosen, new
            if not changed:
                break
        counts = np.bincount([person for person, _ in known.values()], minlength=len(labels))
        return Gallery(labels, normalise(sums), counts, sums, known, tuple(paths))

    def trials(self, most: int | None = None) -> Trials:
        """Compare each known clip with its own person's other clips, and it and each stranger with the other people.

        Strangers are clips without a label, but for those of test, of which nobody knows who they are. Of a known clip
        only the track of its person counts: beside it may stand somebody who is known, too. Of a stranger all count.

        Parameters
        ----------
        most : rows that are compared, about, in blocks spread over all; None for all rows
        """
        genuine, genuine_person, rival, impostor, impostor_person = ([] for _ in range(5))
        compared, people = 0, len(self.labels)
        readers = _open(self.paths)
        every = 1 if most is None else max(1, sum(reader.rows for reader in readers) // most)
        for block in islice(_blocks(readers), None, None, every):
            cosines = block.vectors @ self.templates.T
            for clip, start, end in block.clips():
                rows = cosines[start:end]
                if block.splits[clip] == TEST:
                    continue
                if block.names[clip] in self.known:
                    person, track = self.known[block.names[clip]]
                    row = start + int((block.tracks[start:end] == track).argmax())
                    rows = cosines[row : row + 1]
                    rows[0, person] = NOBODY
                    other = float(rows.max())
                    if self.counts[person] > 1:
                        genuine.append(self._without(person, block.vectors[row], block.vectors[row])[0])
                        genuine_person.append(person)
                        rival.append(other)
                    if people == 1:
                        continue
                    compared += people - 1
                else:
                    compared += rows.size
                impostor.append(float(rows.max()))
                impostor_person.append(int(rows.max(0).argmax()))
        return Trials(
            np.array(genuine, np.float32),
            np.array(genuine_person, np.int32),
            np.array(impostor, np.float32),
            np.array(impostor_person, np.int32),
            np.array(rival, np.float32),
            compared / len(impostor) if impostor else None,
        )

    def nearest(self, names: Sequence[str], tracks: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The best person of each track, and the cosine: (n,) float32, and (n,) int32 rows of people.

        A clip that is among the known ones is compared with the template of its person without it. Where that is the
        person's only clip there is nothing to leave out: it is the template, and its track has the cosine 1.

        Parameters
        ----------
        names : (n,) of the tracks' clips; all tracks of a clip stand together
        tracks : (n,) numbers of the tracks
        vectors : (n, D) float32, of any length
        """
        unit = normalise(vectors)
        cosines = unit @ self.templates.T
        starts = clip_starts(names)
        for start, end in pairwise([*starts, len(names)]):
            found = self.known.get(names[start])
            if found is None or self.counts[found[0]] < 2:
                continue
            person, track = found
            same = np.flatnonzero(np.asarray(tracks[start:end]) == track)
            row = start + int(same[0] if len(same) else cosines[start:end, person].argmax())
            cosines[start:end, person] = self._without(person, unit[row], unit[start:end])
        best = cosines.argmax(1)
        return cosines[np.arange(len(best)), best].astype(np.float32), best.astype(np.int32)

    def _without(self, person: int, left_out: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Cosines (n,) of unit rows (n, D) with a person's template without one of the clips."""
        return np.atleast_2d(rows) @ normalise(self.sums[person] - left_out)


def _choose(
    blocks: Iterator[_Block], known: dict[str, tuple[int, int]], sums: np.ndarray
) -> tuple[dict[str, tuple[int, int]], np.ndarray]:
    """Of each known clip the track most like the others of its person, as they were chosen before; and the new sums."""
    chosen: dict[str, tuple[int, int]] = {}
    new = np.zeros_like(sums)
    for block in blocks:
        for clip, start, end in block.clips():
            if block.splits[clip] == TEST or block.names[clip] not in known:
                continue
            person, track = known[block.names[clip]]
            rows = block.vectors[start:end]
            at = 0
            if end - start > 1:
                before = rows[(block.tracks[start:end] == track).argmax()]
                at = int((rows @ (sums[person] - before)).argmax())
            chosen[block.names[clip]] = person, int(block.tracks[start + at])
            new[person] += rows[at]
    return chosen, new


def _open(paths: Sequence[str]) -> list[StageReader]:
    readers = [StageReader(path, ("feature",)) for path in dict.fromkeys(paths)]
    for reader in readers[1:]:
        if reader.width != readers[0].width or reader.manifest.get("models") != readers[0].manifest.get("models"):
            raise InputError(
                f"--known {','.join(paths)}: {reader.path} was made with another model than {readers[0].path}; "
                f"run python feature.py --output {reader.path} --overwrite with that model"
            )
    return readers


def has_known(readers: Sequence[StageReader], known: Labels) -> bool:
    """Whether a clip of some directories shows a known person."""
    return bool(known) and any(label > 0 for reader in readers for label in _labels(reader, known))


def _labels(reader: StageReader, known: Labels) -> set[int]:
    """The distinct labels of a directory's clips."""
    found: set[int] = set()
    for batch in reader.batches(["name", "split"]):
        names, splits = batch.column("name").to_pylist(), batch.column("split").to_pylist()
        found.update(label_of(*clip, known) for clip in zip(names, splits, strict=True))
    return found


def _blocks(readers: Sequence[StageReader]) -> Iterator[_Block]:
    """All clips of some directories, whole ones; one that an earlier directory has is left out."""
    seen: set[str] = set()
    for number, reader in enumerate(readers):
        mine: set[str] = set()
        for table in _whole_clips(reader):
            if number:
                table = table.filter(
                    pa.array([name not in seen for name in table.column("name").to_pylist()], pa.bool_())
                )
            if number + 1 < len(readers):
                mine.update(table.column("name").to_pylist())
            if len(table):
                yield _block(table, reader)
        seen |= mine


def _whole_clips(reader: StageReader) -> Iterator[pa.Table]:
    """The rows of a directory in blocks that end with a clip."""
    rest: pa.Table | None = None  # the last clip, whose tracks may go on in the next batch
    for batch in filter(len, reader.batches(rows=BLOCK_ROWS)):
        table = pa.Table.from_batches([batch])
        if rest is not None:
            table = pa.concat_tables([rest, table])
        last = clip_starts(table.column("name").to_pylist())[-1] if reader.tracked else len(table)
        rest = table.slice(last)
        yield table.slice(0, last)
    if rest is not None:
        yield rest


def _block(table: pa.Table, reader: StageReader) -> _Block:
    names = table.column("name").to_pylist()
    starts = clip_starts(names)
    splits = table.column("split").to_pylist()
    return _Block(
        [names[start] for start in starts],
        [splits[start] for start in starts],
        np.array(starts, np.int64),
        table.column("track").to_numpy() if reader.tracked else np.zeros(len(names), np.int32),
        normalise(vectors(table.column("feature"))),
    )
