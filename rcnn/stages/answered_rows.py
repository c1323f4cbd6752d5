"""Tracks with an answer, as rows of the training set next to those of the clips."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..clips.dataset import TRAIN
from ..clips.labels import Labels
from ..errors import InputError
from ..people.answers import ANSWERS_FILE
from ..people.meaning import Given, Spot
from ..people.templates import merged_labels
from ..people.track_vectors import read_vectors
from ..tables import OK, StageReader
from ..tables.join import Batch
from .answered import Answered, without_vector

FLAG = "--answered"


@dataclass(frozen=True)
class AnsweredRows:
    """What answers add to a training set and change in it.

    known : label of each clip, added ones included
    chosen : index of the track to learn from, by clip, where it is not the first
    vectors : (D,) float32 of each added track, under a name that no clip has
    lost : unused answers
    """

    known: Labels
    chosen: Mapping[str, int]
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    lost: int = 0

    @staticmethod
    def of(
        answered: Answered,
        inputs: Sequence[StageReader],
        others: Sequence[StageReader],
        known: Labels,
        chosen: Mapping[str, int],
    ) -> AnsweredRows:
        """Those of some directories.

        A track with a yes gets that label; one that has only a no for some people is nobody's.

        Parameters
        ----------
        inputs : directories of the clips in the training set, one for each model
        others : of other clips, by the same models; none, or as many
        known, chosen : as they are without answers
        """
        given = answered.given
        if not given:
            return AnsweredRows(known, chosen)
        clips = {spot.clip for spot in (*given.shown, *given.denied)}
        labels, places = dict(merged_labels(known, given)), dict(chosen)
        taken = {
            spot
            for clip, tracks in _tracks(inputs[0], clips).items()
            for spot in _settle(given, clip, tracks, labels, places)
        }
        spots = {*given.shown, *given.denied} - taken
        parts = [
            read_vectors([reader, *others[place : place + 1]], spots, unit=False) for place, reader in enumerate(inputs)
        ]
        there = sorted(spot for spot in spots if all(spot in part for part in parts))
        names = {row_name(spot): spot for spot in there}
        vectors = {name: np.concatenate([part[spot] for part in parts]) for name, spot in names.items()}
        labels |= {name: given.shown.get(spot, 0) for name, spot in names.items()}
        return AnsweredRows(labels, places, vectors, answered.lost + without_vector(given, {*there, *taken}))

    def sums(self, given: Given) -> dict[str, str]:
        """What a manifest records about them; nothing without answers."""
        if not given:
            return {}
        digest = hashlib.sha256(given.digest().encode())
        for name in sorted(self.vectors):
            digest.update(self.vectors[name].tobytes())
        return {ANSWERS_FILE: digest.hexdigest()}

    def beside(self, batches: Iterable[Batch], start_after: str = "") -> Iterator[Batch]:
        """Batches of clips, sorted by name, with the added ones in order; see `rcnn.tables.join.concatenate`."""
        left = sorted(name for name in self.vectors if name > start_after)
        before: Batch | None = None
        for batch in batches:
            if before is not None:
                yield self._with(before, left, batch.names[0])
            before = batch
        if before is not None:
            yield self._with(before, left, None)
        elif left:
            yield self._rows(left)

    def _with(self, batch: Batch, left: list[str], until: str | None) -> Batch:
        """A batch, and the clips of `left` that come before `until`, which are removed from `left`."""
        count = len(left) if until is None else sum(name < until for name in left)
        mine, left[:count] = left[:count], []
        if not mine:
            return batch
        more = self._rows(mine, batch.means is not None)
        names = batch.names + more.names
        order = sorted(range(len(names)), key=names.__getitem__)
        splits, means = batch.splits + more.splits, (batch.means or []) + (more.means or [])
        return Batch(
            [names[row] for row in order],
            [splits[row] for row in order],
            np.concatenate([batch.vectors, more.vectors])[order],
            [means[row] for row in order] if batch.means is not None else None,
        )

    def _rows(self, names: Sequence[str], means: bool = False) -> Batch:
        vectors = np.stack([self.vectors[name] for name in names])
        none = [np.zeros((0, vectors.shape[1]), np.float32)] * len(names)
        return Batch(list(names), [TRAIN] * len(names), vectors, none if means else None)

    def clip(self, name: str) -> dict[str, object]:
        """What the table of clips says about an added one."""
        return {"name": name, "split": TRAIN, "state": OK, "reason": "", "frames": 1, "faces": 1}


def row_name(spot: Spot) -> str:
    """Name of an added track, which no clip can have."""
    return f"{spot.clip}/{spot.track}"


def _tracks(reader: StageReader, clips: set[str]) -> dict[str, list[int]]:
    """The tracks of some clips of a directory, in the directory's order."""
    found: dict[str, list[int]] = {}
    for batch in reader.rows_of(clips, ["name", "track"] if reader.tracked else ["name"]):
        names = batch.column("name").to_pylist()
        tracks = batch.column("track").to_pylist() if reader.tracked else [0] * len(names)
        for name, track in zip(names, tracks, strict=True):
            found.setdefault(name, []).append(track)
    return found


def _settle(
    given: Given, clip: str, tracks: Sequence[int], labels: dict[str, int], places: dict[str, int]
) -> Iterator[Spot]:
    """Let a clip teach by a track that may show its person, else by none; returns the track, if answers are about
    it."""
    spots = [Spot(clip, track) for track in tracks]
    label = labels.get(clip, 0)
    if label > 0:
        sure = [place for place, spot in enumerate(spots) if given.shown.get(spot) == label]
        may = sure[:1] or [place for place, spot in enumerate(spots) if given.allows(spot, label)]
        if places.get(clip, 0) not in may:
            if may:
                places[clip] = may[0]
            else:
                del labels[clip]
    teaches = spots[places.get(clip, 0)]
    if teaches in given.shown:
        labels[clip] = given.shown[teaches]
    if teaches in given.shown or teaches in given.denied:
        yield teaches


def open_answered(paths: Sequence[str], inputs: Sequence[StageReader]) -> list[StageReader]:
    """The directories of other clips; raises InputError if their models are not those of the inputs, in order."""
    readers = [StageReader(path, ("feature",)) for path in paths]
    if readers and [each.manifest["models"] for each in readers] != [each.manifest["models"] for each in inputs]:
        raise InputError(
            f"{FLAG} {','.join(paths)}: must be made with the models of --inputs, in their order; give a directory for "
            "each input"
        )
    return readers
