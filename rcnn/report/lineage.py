"""Which directories and files a prediction was made from, as the manifests say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import files
from ..errors import InputError
from ..files import sha256
from ..files.json import read_json
from ..networks.checkpoint import checkpoint_files
from ..tables import KINDS, MANIFEST, StageReader
from .data import Epoch


@dataclass
class Lineage:
    """What lies behind some stage directories.

    detections : of the clips that were ranked
    training : detect directories of the clips that the classifier learned from
    stages : every directory that was passed, the earliest first
    curve : of the classifier's training
    notes : what is gone or was made anew since
    """

    detections: list[StageReader] = field(default_factory=list)
    training: list[StageReader] = field(default_factory=list)
    stages: list[StageReader] = field(default_factory=list)
    curve: list[Epoch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def datasets(self) -> list[str]:
        """Directories of the data sets, each once."""
        found = [reader.arguments.get("dataset") for reader in (*self.detections, *self.training)]
        return list(dict.fromkeys(path for path in found if isinstance(path, str)))


def trace(readers: Sequence[StageReader]) -> Lineage:
    """Follow `sources` and models back to the clips; what is not there any more becomes a note, never an error.

    Parameters
    ----------
    readers : of predictions or features
    """
    lineage = Lineage()
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
    for source in reader.manifest.get("sources", ()):
        path = str(source.get("path"))
        place = _place(path, reader.path, MANIFEST)
        try:
            found = StageReader(path if place is None else place, tuple(KINDS))
        except InputError as error:
            lineage.notes.append(f"{reader.path} was made from {path}, which can't be read: {error}")
            continue
        if sha256(files.join(found.path, MANIFEST)) != source.get("manifest"):
            lineage.notes.append(f"{found.path} was made anew after {reader.path} was made from it")
        yield found


def _place(path: str, user: str, inside: str = "") -> str | None:
    """Where `path`, named by the directory `user`, lies: there, or beside the directory when all was moved together."""
    if files.is_url(user):
        beside = files.join(files.parent(user), files.base_name(path))
    else:
        user = os.path.abspath(files.plain(user))
        beside = os.path.relpath(os.path.join(os.path.dirname(user), files.base_name(path)))
    for place in (path, beside):
        try:
            if files.exists(files.join(place, inside) if inside else place):
                return place
        except InputError:  # a store that does not answer, or not us
            continue
    return None


def _trace_classifier(reader: StageReader, lineage: Lineage) -> None:
    model = reader.arguments.get("model")
    prefix, _, epoch = model.rpartition(",") if isinstance(model, str) else ("", "", "")
    place = _place(f"{prefix}-train.json", reader.path)
    if not prefix or place is None:
        lineage.notes.append(f"the training curve of {model} is not there")
        return
    try:
        record = read_json(place)
        curve = [_epoch(point) for point in record["curve"]]
        data = str(record["arguments"]["data"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        lineage.notes.append(f"{place}: the training curve can't be read ({error})")
        return
    found_prefix = place.removesuffix("-train.json")
    params = checkpoint_files(f"{found_prefix},{epoch}")[1]
    wanted = reader.manifest.get("models", {}).get(os.path.basename(params))
    if not os.path.isfile(params) or sha256(params) != wanted:
        lineage.notes.append(f"{params} is not the file any more that {reader.path} was made with")
        return
    if not lineage.curve:
        lineage.curve = curve
    training_set = _place(data, reader.path, MANIFEST)
    try:
        readers = [StageReader(data if training_set is None else training_set, ("genfeat",))]
    except InputError as error:
        lineage.notes.append(f"the classifier was trained on {data}, which can't be read: {error}")
        return
    known = {detection.path for detection in lineage.training}
    lineage.training += [found for found in _detections(readers, lineage, set()) if found.path not in known]


def _epoch(point: dict[str, Any]) -> Epoch:
    val = point.get("val_accuracy")
    return Epoch(
        int(point["epoch"]), float(point["accuracy"]), float(point["loss"]), None if val is None else float(val)
    )
