"""Templates of known people, built from the vectors of their clips, and calibration trials from those clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from ..clips.dataset import TEST
from ..clips.labels import Labels, label_of
from ..errors import InputError
from ..faces.vectors import normalise
from ..scores.calibration import Trials
from ..tables import StageReader, clip_starts
from .blocks import Block, blocks_of
from .meaning import Given, Spot

ROUNDS = 4  # of choosing tracks, as in `teaching`; most choices are stable after two
NOBODY = -1.0  # cosine with a person without remaining vectors


@dataclass(frozen=True)
class Gallery:
    """Known people.

    labels : (people,) int32, rising
    templates : (people, D) float32, unit: the mean direction of a person's clips
    counts : (people,) int64, clips of each
    sums : (people, D) float64, of the unit vectors of the clips
    known : row of the person and number of the track that shows them, by name of the clip
    paths : the stage directories of feature.py that were read
    answered : tracks with an answer, which are not used as strangers
    """

    labels: np.ndarray
    templates: np.ndarray
    counts: np.ndarray
    sums: np.ndarray
    known: dict[str, tuple[int, int]]
    paths: tuple[str, ...]
    answered: frozenset[Spot] = frozenset()

    @staticmethod
    def read(paths: Sequence[str], known_labels: Labels, given: Given | None = None, needed: bool = True) -> Gallery:
        """Build templates from all labelled clips; of several tracks, the most similar to its label's others is used.

        The vectors are read several times, in blocks; only the sums of people and the names of clips stay in memory.

        Parameters
        ----------
        paths : stage directories of feature.py, made with one model; a clip in two of them counts once
        known_labels : current labels of their clips, from the data set
        given : answers about these clips: a track that shows somebody else is not used for the person, a confirmed
            track is
        needed : whether at least one known person is required

        Raises
        ------
        InputError
            If a directory cannot be read or uses another model than the first, or no clip has a label.
        """
        readers = _open(paths)
        given = given or Given()
        known_labels = merged_labels(known_labels, given)
        found = {label for reader in readers for label in _labels(reader, known_labels)}
        labels = np.array(sorted(label for label in found if label > 0), np.int32)
        if not len(labels) and needed:
            raise InputError(
                f"--known {','.join(paths)}: no clip has a label; name what feature.py wrote of train and val, "
                f"python feature.py --input ./output/det_trainval --output {paths[0]}, and with --dataset the data set "
                "that knows who they are"
            )
        known: dict[str, tuple[int, int]] = {}
        sums = np.zeros((len(labels), readers[0].width))
        several = False  # whether a labelled clip has several tracks
        for block in blocks_of(readers):
            for clip, start, end in block.clips():
                label = label_of(block.names[clip], block.splits[clip], known_labels)
                if label > 0:
                    person = int(np.searchsorted(labels, label))
                    rows = _teaching(given, label, block.names[clip], block.tracks[start:end]) + start
                    if not len(rows):
                        continue
                    known[block.names[clip]] = person, int(block.tracks[rows[0]])
                    sums[person] += block.vectors[rows[0]]
                    several |= len(rows) > 1
        for _ in range(ROUNDS if several else 0):
            chosen, new = _choose(blocks_of(readers), known, sums, labels, given)
            changed = chosen != known
            known, sums = chosen, new
            if not changed:
                break
        counts = np.bincount([person for person, _ in known.values()], minlength=len(labels))
        return Gallery(labels, normalise(sums), counts, sums, known, tuple(paths), frozenset(given.shown))

    def trials(self, most: int | None = None) -> Trials:
        """Compare each known clip with its person's other clips, and each known clip and stranger with other people.

        Strangers are unlabelled clips, except those of the test split, whose identities are not given. Of a known
        clip only the person's track is used, because other known people may be next to it. Of a stranger all tracks
        are used.

        Parameters
        ----------
        most : approximate number of rows to compare, in blocks spread over all; None for all rows
        """
        genuine, genuine_person, rival, impostor, impostor_person = ([] for _ in range(5))
        compared, people = 0, len(self.labels)
        if not people:
            none = np.zeros(0, np.float32), np.zeros(0, np.int32)
            return Trials(*none, *none)
        readers = _open(self.paths)
        every = 1 if most is None else max(1, sum(reader.rows for reader in readers) // most)
        for block in islice(blocks_of(readers), None, None, every):
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
                    rows = rows[self._strangers(block.names[clip], block.tracks[start:end])]
                    if not len(rows):
                        continue
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

    def _strangers(self, name: str, tracks: np.ndarray) -> np.ndarray:
        """(n,) bool, which tracks of a clip have no answer."""
        if not self.answered:
            return np.ones(len(tracks), bool)
        return np.array([Spot(name, track) not in self.answered for track in tracks.tolist()], bool)

    def nearest(self, names: Sequence[str], tracks: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cosine, (n,) float32, and the row of the best person, (n,) int32, of each track.

        A known clip is compared with its person's template without that clip. If it is the person's only clip, nothing
        can be left out: it is the template, and its track has the cosine 1.

        Parameters
        ----------
        names : (n,) clips of the tracks; the tracks of a clip are contiguous
        tracks : (n,) track numbers
        vectors : (n, D) float32, not necessarily normalised
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
    blocks: Iterator[Block], known: dict[str, tuple[int, int]], sums: np.ndarray, labels: np.ndarray, given: Given
) -> tuple[dict[str, tuple[int, int]], np.ndarray]:
    """For each known clip, the track most similar to the person's previously chosen tracks; and the new sums."""
    chosen: dict[str, tuple[int, int]] = {}
    new = np.zeros_like(sums)
    for block in blocks:
        for clip, start, end in block.clips():
            if block.splits[clip] == TEST or block.names[clip] not in known:
                continue
            person, track = known[block.names[clip]]
            rows = _teaching(given, int(labels[person]), block.names[clip], block.tracks[start:end]) + start
            at = rows[0]
            if len(rows) > 1:
                before = block.vectors[start + int((block.tracks[start:end] == track).argmax())]
                at = rows[(block.vectors[rows] @ (sums[person] - before)).argmax()]
            chosen[block.names[clip]] = person, int(block.tracks[at])
            new[person] += block.vectors[at]
    return chosen, new


def _teaching(given: Given, label: int, name: str, tracks: np.ndarray) -> np.ndarray:
    """Which tracks (k,) of a clip may be used for its label: the confirmed one, else all allowed ones."""
    if not given.shown and not given.denied:
        return np.arange(len(tracks))
    spots = [Spot(name, track) for track in tracks.tolist()]
    sure = [row for row, spot in enumerate(spots) if given.shown.get(spot) == label]
    return np.array(sure[:1] or [row for row, spot in enumerate(spots) if given.allows(spot, label)], np.int64)


def merged_labels(labels: Labels, given: Given) -> Labels:
    """Labels of clips after merges."""
    return {name: given.label(label) for name, label in labels.items()} if given.merged else labels


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
