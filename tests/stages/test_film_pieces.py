"""The faces of a film's pieces are those of the film; a photograph is a clip of one frame; a cut parts tracks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_people import framed, portrait
from reference_models import ROOT

from rcnn.clips.dataset import TEST, Clip
from rcnn.config import config
from rcnn.faces.load import load_detector, load_embedder
from rcnn.networks.engine import CPU
from rcnn.stages.face_finder import ClipFaceFinder, FoundFaces
from rcnn.video.decoder import FrameDecoder
from rcnn.video.motion import FPS, write_video

PEOPLE = (1, 4)
SHOT = 2 * FPS  # frames
LOOKS = 4  # a second


class Counting(FrameDecoder):
    """Counts how often a clip is read."""

    reads = 0

    def read_frames(self, *how):
        Counting.reads += 1
        return super().read_frames(*how)


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """A shot of each person, in the same place."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    images = [framed(portrait(number)) for number in PEOPLE for _ in range(SHOT)]
    write_video(path, images, images[0].shape[1::-1], 20)
    return path


@pytest.fixture(scope="module")
def finder() -> ClipFaceFinder:
    detector = load_detector(f"{ROOT / 'model/essh-m25'},0", CPU)
    embedder = load_embedder(f"{ROOT / 'model/face-m'},0", CPU)
    return ClipFaceFinder(detector, embedder, 1, 1.0, every=True, source=Counting, rate=Fraction(LOOKS))


def find(finder: ClipFaceFinder, path: Path, start: float = 0.0, end: float = 0.0) -> FoundFaces:
    (found,) = finder([Clip(f"{start}", str(path), TEST, start=start, end=end)])
    return found


def test_pieces_have_the_faces_of_the_film(film, finder):
    whole = find(finder, film)
    pieces = [find(finder, film, *span) for span in ((0.0, 1.1), (1.1, 2.7), (2.7, 0.0))]
    assert whole.looks == sum(piece.looks for piece in pieces) == LOOKS * len(PEOPLE) * SHOT // FPS
    assert whole.faces.times.tolist() == [time for piece in pieces for time in piece.faces.times]
    np.testing.assert_allclose(np.concatenate([piece.faces.boxes for piece in pieces]), whole.faces.boxes, atol=1e-3)
    assert [piece.info.seconds for piece in pieces] == pytest.approx([1.1, 1.6, 1.3])


def test_a_cut_parts_tracks(film, finder, monkeypatch):
    for name, value in (("UNLIKE", -1.0), ("ALIKE", 0.99), ("JOIN", 0.99)):  # all that is in one place would be one
        monkeypatch.setitem(config.TRACK, name, value)
    faces = find(finder, film).faces
    cut = SHOT / FPS
    assert set(faces.tracks[faces.times < cut]) & set(faces.tracks[faces.times >= cut]) == set()
    assert len(set(faces.tracks.tolist())) == len(PEOPLE)


def test_a_photograph_is_looked_at_once(finder, tmp_path):
    for name, image in (("somebody.jpg", framed(portrait(1))), ("nobody.png", np.full((90, 90, 3), 90, np.uint8))):
        cv2.imwrite(str(tmp_path / name), image)
        Counting.reads = 0
        found = find(finder, tmp_path / name)
        assert (Counting.reads, found.looks, found.unreadable) == (1, 1, "")
        assert found.info.is_still
        assert (found.faces.frames.tolist(), found.faces.times.tolist()) == (
            ([1], [0.0]) if "some" in name else ([], [])
        )


def test_what_is_behind_the_end_of_a_film_is_unreadable_and_says_why(film, finder):
    found = find(finder, film, 9.0)
    assert found.unreadable == "nothing of it can be read from 9.000 s on: the file ends before"
