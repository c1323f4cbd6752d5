"""Which directories and files a prediction was made from, as the manifests say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import files
from ..errors import InputError
from ..files import sha256
from ..files.text import printable
from ..networks.checkpoint import checkpoint_files
from ..networks.zoo.record import read_training_record
from ..networks.zoo.roles import members_of
from ..tables import KINDS, MANIFEST, StageReader
from .data import Epoch

SHOWN = 200  # characters of a path in a line


@dataclass
class Lineage:
    """The inputs behind some stage directories.

    given : paths of the command: paths in manifests are opened only on this disk and next to these
    detections : of the clips that were ranked
    training : detect directories of the clips that the classifier learned from
    learnt : outputs of genfeat.py for these, with the learnt labels
    stages : every directory that was passed, the earliest first
    curve : of the classifier's training
    heads : one line per classifier: the origin of its scores
    notes : what is gone, was rebuilt since, or was not opened
    closed : paths named in manifests but not in this command, which were not opened
    """

    given: Sequence[str] = ()
    detections: list[StageReader] = field(default_factory=list)
    training: list[StageReader] = field(default_factory=list)
    learnt: list[StageReader] = field(default_factory=list)
    stages: list[StageReader] = field(default_factory=list)
    curve: list[Epoch] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    closed: dict[str, None] = field(default_factory=dict)

    @property
    def datasets(self) -> list[str]:
        """Directories of the data sets, each once, except those that may not be opened."""
        readers = (*self.detections, *self.training, *self.stages)  # whose detect directories may be gone
        found = [reader.arguments.get("dataset") for reader in readers]
        return [path for path in dict.fromkeys(found) if isinstance(path, str) and self.opens(path)]

    def opens(self, path: str) -> bool:
        """Whether a path that a manifest names may be opened; one that may not is kept in `closed`."""
        if files.may_follow(path, self.given):
            return True
        self.closed.setdefault(path)
        return False

    def say_closed(self) -> None:
        """Print a line about paths that were not opened, if any."""
        if self.closed:
            first, more = printable(next(iter(self.closed)))[:SHOWN], len(self.closed) - 1
            others = f" and {more} more places" if more else ""
            print(f"not opened, because a manifest names it and this command does not: {first}{others}", flush=True)


def trace(readers: Sequence[StageReader], given: Sequence[str] = ()) -> Lineage:
    """Follow `sources` and models back to the clips; what no longer exists becomes a note, never an error.

    Parameters
    ----------
    readers : of predictions or features, which the command names
    given : other paths of the command
    """
    lineage = Lineage((*given, *(reader.path for reader in readers)))
    lineage.detections = list(_detections(readers, lineage, set()))
    for reader in readers:
        if reader.stage == "predict":
            _trace_classifier(reader, lineage)
    lineage.notes = list(dict.fromkeys(lineage.notes))
    return lineage


def _detections(readers: Sequence[StageReader], lineage: Lineage, seen: set[str]) -> Iterator[StageReader]:
    """The detect directories behind `readers`, each once; `seen` are paths that were passed on the way."""
    for reader in readers:
        if reader.path in seen:
            continue
        seen.add(reader.path)
        if reader.stage == "detect":
            yield reader
        else:
            yield from _detections(list(_sources(reader, lineage)), lineage, seen)
        if all(reader.path != known.path for known in lineage.stages):
            lineage.stages.append(reader)


def _sources(reader: StageReader, lineage: Lineage) -> Iterator[StageReader]:
    for source in reader.manifest["sources"]:
        path = source["path"]
        try:
            found = StageReader(_source_place(source, reader.path, lineage), tuple(KINDS))
        except InputError as error:
            lineage.notes.append(f"{reader.path} was made from {path}, which can't be read: {error}")
            continue
        if sha256(files.join(found.path, MANIFEST)) != source["manifest"]:
            lineage.notes.append(f"{found.path} was rebuilt after {reader.path} was made from it")
        yield found


def _source_place(source: Mapping[str, Any], user: str, lineage: Lineage) -> str:
    """The place of a source: next to the directory `user` if it is unchanged there, because a run that was copied
    must not read the original; else as for `_place`."""
    beside = files.join(files.parent(user), files.base_name(source["path"].rstrip("/")))
    manifest = files.join(beside, MANIFEST)
    if not files.is_url(user) and files.is_file(manifest) and sha256(manifest) == source["manifest"]:
        return beside if not files.same(beside, source["path"]) else str(source["path"])
    return _place(source["path"], user, lineage, MANIFEST)


def _place(path: str, user: str, lineage: Lineage, inside: str = "") -> str:
    """Resolve `path`, named by the directory `user`: as it is, or next to the directory if both were moved together.

    Raises
    ------
    InputError
        If it is in neither location, or may not be opened there.
    """
    if files.is_url(user):
        beside = files.join(files.parent(user), files.base_name(path))
    else:
        user = os.path.abspath(files.plain(user))
        beside = os.path.relpath(os.path.join(os.path.dirname(user), files.base_name(path)))
    for place in filter(lambda place: files.may_follow(place, lineage.given), (path, beside)):
        try:
            if files.exists(files.join(place, inside) if inside else place):
                return place
        except InputError:  # a store that does not answer, or refuses us
            continue
    raise InputError("it does not exist" if lineage.opens(path) else "this command does not name that place")


def _trace_classifier(reader: StageReader, lineage: Lineage) -> None:
    model = reader.arguments.get("model")
    prefix, _, epoch = model.rpartition(",") if isinstance(model, str) else ("", "", "")
    try:
        place = _place(f"{prefix}-train.json", reader.path, lineage)
        members = members_of(f"{place.removesuffix('-train.json')},{epoch}")
        found = [checkpoint_files(member)[1] for member in members]
    except InputError:
        lineage.notes.append(f"the training curve of {model} does not exist")
        return
    try:
        record = read_training_record(place)
    except (OSError, ValueError) as error:
        lineage.notes.append(f"{place}: the training curve can't be read ({error})")
        return
    for params in found:
        wanted = reader.manifest["models"].get(os.path.basename(params))
        if not os.path.isfile(params) or sha256(params) != wanted:
            lineage.notes.append(f"{params} is not the file any more that {reader.path} was made with")
            return
    if not lineage.curve:
        lineage.curve = [Epoch(point.epoch, point.accuracy, point.loss, point.val_accuracy) for point in record.curve]
    if record.head and record.head.line not in lineage.heads:
        lineage.heads.append(record.head.line)
    data = record.arguments.data
    try:
        readers = [StageReader(_place(data, reader.path, lineage, MANIFEST), ("genfeat",))]
    except InputError as error:
        lineage.notes.append(f"the classifier was trained on {data}, which can't be read: {error}")
        return
    lineage.learnt += [found for found in readers if all(found.path != known.path for known in lineage.learnt)]
    known = {detection.path for detection in lineage.training}
    lineage.training += [found for found in _detections(readers, lineage, set()) if found.path not in known]
