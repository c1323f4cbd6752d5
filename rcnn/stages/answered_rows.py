"""Tracks that were answered about, as rows of the training set beside those of the clips."""

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
    """What answers add to a training set, and what they change in it.

    known : label of each clip, also of those that are added
    chosen : place of the track that teaches, by clip, where it is not the first
    vectors : (D,) float32 of each track that is added, by a name that no clip has
    lost : answers that are not used
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

        A track with a yes has the label; one that was only denied to people is nobody's.

        Parameters
        ----------
        inputs : whose clips are in the training set, a directory a model
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
        """What a manifest says of them; nothing where nothing was answered."""
        if not given:
            return {}
        digest = hashlib.sha256(given.digest().encode())
        for name in sorted(self.vectors):
            digest.update(self.vectors[name].tobytes())
        return {ANSWERS_FILE: digest.hexdigest()}

    def beside(self, batches: Iterable[Batch], start_after: str = "") -> Iterator[Batch]:
        """Batches of clips, sorted by name, with what is added in its places; see `rcnn.tables.join.concatenate`."""
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
        """A batch with those of `left`, which are taken out of it, that come before `until`."""
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
        """What the table of clips says of one that is added."""
        return {"name": name, "split": TRAIN, "state": OK, "reason": "", "frames": 1, "faces": 1}


def row_name(spot: Spot) -> str:
    """What a track that is added is called, as no clip can be."""
    return f"{spot.clip}/{spot.track}"


def _tracks(reader: StageReader, clips: set[str]) -> dict[str, list[int]]:
    """The tracks of some clips of a directory, as they follow each other there."""
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
    """Let a clip teach by a track that may show its person, else by none; gives the track, if answers are about it."""
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
    """The directories of other clips; raises InputError where their models are not those of the inputs, in order."""
    readers = [StageReader(path, ("feature",)) for path in paths]
    if readers and [each.manifest["models"] for each in readers] != [each.manifest["models"] for each in inputs]:
        raise InputError(
            f"{FLAG} {','.join(paths)}: must be made with the models of --inputs, in their order; give a directory for "
            "each input"
        )
    return readers
