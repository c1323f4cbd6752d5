"""--detect-every: the detector runs on some of the sampled frames, and the faces of the others are the same."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from drawn_people import framed, portrait
from reference_models import ROOT

from rcnn.clips.dataset import TEST, TRAIN, Clip
from rcnn.errors import InputError
from rcnn.faces.detectors import Detector
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise
from rcnn.networks.engine import CPU
from rcnn.stages.face_finder import ClipFaceFinder, FoundFaces
from rcnn.stages.recipes import BEST, FAST, options_of_recipe
from rcnn.stages.settings import DetectSettings, FindSettings
from rcnn.stages.settings.clips import ALL
from rcnn.video.motion import FPS, write_video

RATE = 25  # every frame is sampled
EVERY = 4
FRAMES = 22  # no multiple of EVERY and one more
ENTERS = 6  # frame at which somebody enters, between two on which the detector runs anyway
SAME_BOX = 0.85  # intersection over union


class CountingDetector:
    """Counts the images that a detector is given."""

    def __init__(self, detector: Detector) -> None:
        self._detector, self.images = detector, 0

    def __getattr__(self, name: str):
        return getattr(self._detector, name)

    def detect(self, images, *how, **more):
        self.images += len(images)
        return self._detector.detect(images, *how, **more)


@pytest.fixture(scope="module")
def finder() -> ClipFaceFinder:
    detector = load_detector(f"{ROOT / 'model/essh-m25'},0", CPU)
    embedder = load_embedder(f"{ROOT / 'model/face-m'},0", CPU)
    return ClipFaceFinder(detector, embedder, 1, 0.0, every=True, rate=Fraction(RATE))


def clip_of(images: list[np.ndarray], folder: Path, name: str) -> Clip:
    path = folder / f"{name}.mp4"
    write_video(path, images, images[0].shape[1::-1], 20)
    return Clip(name, str(path), TRAIN)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, Clip]:
    folder = tmp_path_factory.mktemp("clips")
    assert RATE == FPS
    nobody = np.full_like(framed(portrait(1)), 90)
    films = {
        "moves": [framed(portrait(1), left=200 + 6 * turn, top=100 + turn) for turn in range(FRAMES)],
        "enters": [nobody] * ENTERS + [framed(portrait(1))] * (FRAMES - ENTERS),
        "nobody": [nobody] * FRAMES,
        "cut": [framed(portrait(1))] * ENTERS + [framed(portrait(4))] * (FRAMES - ENTERS),
        "short": [framed(portrait(4))] * 2,
    }
    return {name: clip_of(images, folder, name) for name, images in films.items()}


def find(finder: ClipFaceFinder, clips: list[Clip], every: int) -> tuple[list[FoundFaces], int]:
    """What is found, and the number of images that the detector was given."""
    counting = CountingDetector(finder.detector)
    return replace(finder, detector=counting, detect_every=every)(clips), counting.images


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    shared = sides.clip(0).prod(1)
    return shared / ((first[:, 2:] - first[:, :2]).prod(1) + (second[:, 2:] - second[:, :2]).prod(1) - shared)


def test_a_moving_face_is_followed(finder, clips):
    (whole,), _ = find(finder, [clips["moves"]], 1)
    (some,), images = find(finder, [clips["moves"]], EVERY)
    assert images == -(-FRAMES // EVERY) + 1  # the last frame, too
    assert some.looks == whole.looks == FRAMES
    assert some.faces.frames.tolist() == whole.faces.frames.tolist() == list(range(1, FRAMES + 1))
    assert overlap(some.faces.boxes, whole.faces.boxes).min() > SAME_BOX
    eyes = np.linalg.norm(whole.faces.landmarks[:, 0] - whole.faces.landmarks[:, 1], axis=-1)
    off = np.linalg.norm(some.faces.landmarks - whole.faces.landmarks, axis=-1).mean(1)
    assert (off / eyes).max() < 0.12
    assert set(some.faces.tracks.tolist()) == {0}


def test_who_enters_between_is_found_at_the_same_frame(finder, clips):
    (whole,), _ = find(finder, [clips["enters"]], 1)
    (some,), images = find(finder, [clips["enters"]], EVERY)
    assert some.faces.frames[0] == whole.faces.frames[0] == ENTERS + 1
    assert some.faces.frames.tolist() == whole.faces.frames.tolist()
    assert images < FRAMES


def test_nobody_costs_a_quarter(finder, clips):
    (found,), images = find(finder, [clips["nobody"]], EVERY)
    assert (len(found.faces), found.looks, images) == (0, FRAMES, -(-FRAMES // EVERY) + 1)


def test_no_face_is_taken_across_a_cut(finder, clips):
    """Two people in one place: what lies between must be one of them, on their side of the cut."""
    (whole,), _ = find(finder, [clips["cut"]], 1)
    (some,), _ = find(replace(finder, vectors=True), [clips["cut"]], EVERY)
    assert set(some.faces.frames.tolist()) <= set(whole.faces.frames.tolist())
    before = some.faces.frames <= ENTERS
    assert before.sum() >= ENTERS - 1
    assert (~before).sum() >= FRAMES - ENTERS - 1
    unit = normalise(some.faces.vectors.astype(np.float32))
    assert (unit[before] @ unit[before][0]).min() > 0.5
    assert (unit[~before] @ unit[~before][-1]).min() > 0.5


@pytest.mark.parametrize("every", [1, EVERY])
def test_batches_and_neighbours_change_nothing(finder, clips, every):
    together, _ = find(finder, list(clips.values()), every)
    for batch, (name, found) in zip((1, 3, 8, 8, 32), zip(clips, together, strict=True), strict=True):
        (alone,), _ = find(replace(finder, batch=batch), [clips[name]], every)
        assert alone.faces.frames.tolist() == found.faces.frames.tolist()
        np.testing.assert_array_equal(alone.faces.boxes, found.faces.boxes)
        assert alone.faces.crops == found.faces.crops


def test_an_unreadable_clip_takes_nothing_from_its_neighbours(finder, clips, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(Path(clips["moves"].path).read_bytes()[:2000])
    found, _ = find(finder, [clips["short"], Clip("broken", str(broken), TEST), clips["moves"]], EVERY)
    assert [bool(each.unreadable) for each in found] == [False, True, False]
    assert [len(each.faces) for each in found] == [2, 0, FRAMES]


def test_a_quality_that_is_the_score_has_no_embeddings_to_confirm_by(tmp_path):
    words = ["--detect-every", "2", "--quality", "score", "--dataset", str(tmp_path)]
    ended = subprocess.run([sys.executable, "detect.py", *words], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "--detect-every" in ended.stderr and "--quality score" in ended.stderr


def test_the_frames_between_are_few_since_they_are_in_memory():
    with pytest.raises(InputError, match=r"^--detect-every 17: must be "):
        DetectSettings(detect_every=17)


def test_the_recipe_fast_sets_it_for_a_stage_and_for_find(tmp_path):
    options = options_of_recipe("detect", FAST)
    given = DetectSettings(recipe=FAST)
    assert (given.rate, given.detect_every, given.faces) == (options["rate"], options["detect_every"], ALL)
    assert DetectSettings(recipe=FAST, detect_every=1).detect_every == 1
    assert DetectSettings(recipe=FAST, quality="score").detect_every == 1
    assert DetectSettings(recipe=BEST).detect_every == DetectSettings().detect_every == 1
    assert FindSettings(tmp_path, ("film.mp4",), recipe=FAST).rate == options["rate"]
    assert FindSettings(tmp_path, ("film.mp4",)).rate == options_of_recipe("detect", BEST)["rate"]
