"""Who is in view in one video, and when, without a data set: known people are given as photographs or features."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pyarrow as pa

from ..clips.dataset import TEST, TRAIN, Clip
from ..clips.labels import Labels
from ..clips.names import find_people
from ..errors import InputError
from ..faces.card import read_thresholds
from ..faces.detectors import Detector
from ..faces.embedding import Embedder
from ..faces.pooling import clip_features
from ..networks.zoo.roles import model_files
from ..people.appearances import Appearance, find_appearances, judge_tracks, seconds_of_look
from ..people.templates import Gallery
from ..report import trace
from ..scores.calibration import CardThresholds, Trials, operating_point
from ..search.photographs import look_at
from ..tables import OK, StageReader, StageWriter, features_schema, vector_array
from ..tables.header import file_sums
from .appearances import card_of
from .clip_tracks import intervals
from .face_finder import ClipFaceFinder, FoundFaces
from .feature import FeatureStep
from .labels import find_labels

RATE = Fraction(8)  # sampled frames per second, as in --recipe best


@dataclass(frozen=True)
class KnownPeople:
    """People to search for.

    gallery : their templates
    trials : known cosines within and between them
    names : by label
    card : of the embedding model; None if it was not measured
    """

    gallery: Gallery
    trials: Trials
    names: Mapping[int, str]
    card: CardThresholds | None

    @staticmethod
    def of_photographs(
        people: Mapping[str, str | Sequence[str]], detector: Detector, embedder: Embedder, model: str
    ) -> KnownPeople:
        """From photographs; in each, the large face near the middle is used.

        Parameters
        ----------
        people : paths of photographs, or one path, by the person's name
        model : what the embedder is, `PREFIX,EPOCH` or `X.onnx`

        Raises
        ------
        InputError
            If `people` is empty, or a photograph can't be read or has no face.
        """
        listed = {name: [paths] if isinstance(paths, str) else list(paths) for name, paths in people.items()}
        if not listed or not all(listed.values()):
            raise InputError(
                "people: each name needs at least one photograph, {'Ada': ['ada-1.jpg', 'ada-2.jpg'], ...}"
            )
        crops = {
            name: [(photograph := look_at(path, detector)).crops()[photograph.central] for path in paths]
            for name, paths in listed.items()
        }
        return KnownPeople.of_crops(crops, embedder, model)

    @staticmethod
    def of_crops(people: Mapping[str, Sequence[np.ndarray]], embedder: Embedder, model: str) -> KnownPeople:
        """From aligned faces.

        Parameters
        ----------
        people : crops (112, 112, 3) uint8, BGR, one or more, by the person's name
        model : what the embedder is, `PREFIX,EPOCH` or `X.onnx`
        """
        names = dict(enumerate(people, 1))
        labels = [label for label, name in names.items() for _ in people[name]]
        vectors = clip_features(embedder, [[crop] for name in names.values() for crop in people[name]], 0)
        with tempfile.TemporaryDirectory() as folder:
            taught = dict(zip(write_photographs(folder, vectors), labels, strict=True))
            return KnownPeople._read((folder,), taught, names, read_thresholds(model, file_sums(model_files(model))))

    @staticmethod
    def of_features(paths: Sequence[str]) -> KnownPeople:
        """From the labelled clips of stage directories of feature.py, with the names in their data set."""
        readers = [StageReader(path, ("feature",)) for path in paths]
        lineage = trace(readers)
        names = find_people(None, *lineage.datasets)
        return KnownPeople._read(paths, find_labels(None, lineage), names, card_of(readers[0]))

    @staticmethod
    def _read(
        paths: Sequence[str], labels: Labels, names: Mapping[int, str], card: CardThresholds | None
    ) -> KnownPeople:
        gallery = Gallery.read(paths, labels)
        return KnownPeople(gallery, gallery.trials(), names, card)


def write_photographs(path: str, vectors: np.ndarray) -> list[str]:
    """Write vectors (n, D) of photographs as a stage directory of feature.py; returns their names in it."""
    rows = [(f"{number:08d}", TRAIN) for number in range(len(vectors))]
    schema = features_schema(vectors.shape[1])
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    with StageWriter(path, "feature", schema) as writer:
        writer.add_rows(
            pa.RecordBatch.from_arrays(
                [column.cast(field.type) for column, field in zip(columns, schema, strict=False)]
                + [vector_array(vectors)],
                schema=schema,
            )
        )
        keys = ("name", "split")
        writer.add_clips(
            [dict(zip(keys, row, strict=True)) | {"state": OK, "reason": "", "frames": 1, "faces": 1} for row in rows]
        )
    return [name for name, _ in rows]


def find_in_one(
    path: str,
    people: KnownPeople,
    detector: Detector,
    embedder: Embedder,
    quality: Embedder | None,
    threshold: float,
    false_hits: float = 1.0,
) -> Iterator[Appearance]:
    """The appearances in one file, including those with "no", sorted by start.

    Parameters
    ----------
    embedder : the one that made the vectors of the people
    quality : model whose norm of the embedding is a face's quality; None for the detector's score
    threshold : smallest quality of a face
    false_hits : see `rcnn.scores.calibration.operating_point`

    Raises
    ------
    InputError
        If the file can't be read.
    """
    same = quality is embedder  # its vectors come with the faces
    found = _look_at(path, ClipFaceFinder(detector, quality, 1, threshold, every=True, rate=RATE, vectors=same))
    if not len(found.faces):
        return
    (result,) = FeatureStep(None if same else embedder, 1, 0, people.gallery.templates.shape[1])([found.faces])
    tracks = np.array(result.tracks, np.int32)
    names = [found.faces.clip.name] * len(tracks)
    cosines, rows = people.gallery.nearest(names, tracks, result.vectors)
    labels = people.gallery.labels
    point = operating_point(people.trials, len(labels), false_hits, people.card, len(tracks))
    matches = judge_tracks(tracks, cosines, rows, labels, point)
    seconds, look = 0.0, 0.0
    if found.info is not None:
        seconds = found.info.seconds
        look = seconds_of_look(intervals(None, RATE, float(found.info.rate)), found.looks, seconds, found.info.read)
    for item in find_appearances(found.faces, matches, look, seconds):
        yield replace(item, person=people.names.get(item.who, ""), source=path)


def _look_at(path: str, finder: ClipFaceFinder) -> FoundFaces:
    # a name that no clip of the people has
    (found,) = finder([Clip("/", path, TEST)])
    if found.unreadable:
        raise InputError(f"{path}: can't be read: {found.unreadable}")
    return found
