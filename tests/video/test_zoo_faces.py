"""Every kind of file that people have, through the step of detect.py: as many looks with a face as the plain clip has,
and the face of the same person."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from zoo import KINDS, Kind, Zoo

from rcnn.clips.dataset import Clip
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.pooling import clip_features
from rcnn.stages.crops import decode_crop
from rcnn.stages.face_finder import ClipFaceFinder, FoundFaces

RATE = Fraction(4)  # looks a second
COSINE = 0.95  # wanted where the content is the same
OTHERWISE = {  # where it is not: least cosine, and why
    "cinema": 0.7,  # the top of the head is cut off
    "3gp": 0.55,  # made by squeezing 16:9 into 4:3, and of 288 lines
    "pixels_by_container": 0.55,  # made by widening 16:9 to 8:3
    "gif": 0.65,  # 180 lines in 256 colours
    "high": 0.88,  # a face of 60 pixels
    "8k": 0.85,  # the mean is of one or two frames, and that of the plain clip of 8
    "one_frame": 0.85,
    "prores_alpha": 0.9,  # half a second of 180 lines
    # the face is larger in the detector's input, so its landmarks differ a little
    **dict.fromkeys(("portrait", "portrait_turned_90", "portrait_turned_180", "portrait_turned_270"), 0.9),
}


class Looker:
    """What models find in a file: the face of each look with the best score."""

    def __init__(self, detector: str, embedder: str) -> None:
        self.embedder = load_embedder(embedder)
        self.finder = ClipFaceFinder(load_detector(detector), self.embedder, 1, 0.0, every=True, rate=RATE)

    def look(self, path: Path) -> FoundFaces:
        (found,) = self.finder([Clip(path.name, str(path), "train")])
        assert found.unreadable == ""
        order = np.lexsort([-found.faces.scores, found.faces.frames])
        first = np.flatnonzero(np.diff(found.faces.frames[order], prepend=0))
        return replace(found, faces=found.faces.take(order[first]))

    def vector(self, found: FoundFaces) -> np.ndarray:
        return clip_features(self.embedder, [[decode_crop(crop, "") for crop in found.faces.crops]], 0)[0]


@pytest.fixture(scope="module")
def looker(models: dict[str, str]) -> Looker:
    return Looker(models["detector"], models["model"])


@pytest.fixture(scope="module")
def plain(looker: Looker, zoo: Zoo) -> FoundFaces:
    return look_at_plain(looker, zoo)


def look_at_plain(looker: Looker, zoo: Zoo) -> FoundFaces:
    found = looker.look(zoo.plain)
    assert found.looks == 8 == len(found.faces)
    return found


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_the_face_is_found_and_is_the_same(kind: Kind, looker: Looker, plain: FoundFaces, zoo: Zoo, record_property):
    found = looker.look(zoo.path(kind))
    record_property("cosine", round(assert_the_same(kind, looker, plain, found), 4))
    if is_placed(kind):
        assert_in_place(kind, plain, found)


def test_the_face_is_found_and_is_the_same_by_published_models(checkpoints: dict[str, str], zoo: Zoo, subtests):
    looker = Looker(checkpoints["retinaface"], checkpoints["mobilefacenet"])
    plain = look_at_plain(looker, zoo)
    for kind in KINDS:
        with subtests.test(kind.name):
            found = looker.look(zoo.path(kind))
            assert_the_same(kind, looker, plain, found)
            if is_placed(kind):
                assert_in_place(kind, plain, found)


def assert_the_same(kind: Kind, looker: Looker, plain: FoundFaces, found: FoundFaces) -> float:
    """Each look has a face, and they are the plain one's; gives the cosine."""
    assert len(found.faces) == found.looks
    cosine = float(looker.vector(plain) @ looker.vector(found))
    assert cosine >= OTHERWISE.get(kind.name, COSINE)
    return cosine


def is_placed(kind: Kind) -> bool:
    """Whether all its pictures are of one size, and show what the plain clip shows."""
    return kind.later is None and kind.full is None and kind.speed == 1


def assert_in_place(kind: Kind, plain: FoundFaces, found: FoundFaces) -> None:
    """The face lies where the plain one lies, in pixels of the upright frame, even of one reduced as it is decoded."""
    faces = found.faces
    middle = np.median(faces.landmarks.mean(1), 0)
    expected = kind.view.matrix[:, :2] @ np.median(plain.faces.landmarks.mean(1), 0) + kind.view.matrix[:, 2]
    width = np.median(faces.boxes[:, 2] - faces.boxes[:, 0])
    assert np.abs(middle - expected).max() < 0.1 * width
