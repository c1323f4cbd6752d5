"""--precision int8: networks that are quantised on a run's own first images, kept, and used again."""

import json
import shutil

import numpy as np
import pytest
from drawn_people import framed, portrait, put_clip

from rcnn.clips.dataset import Clip
from rcnn.errors import InputError
from rcnn.faces.alignment import align_faces
from rcnn.faces.choice import central_face
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise, norms
from rcnn.networks.engine import check_precision
from rcnn.networks.engine.int8 import Int8Network
from rcnn.stages import int8
from rcnn.stages.int8 import calibration_crops, calibration_frames, int8_detect, int8_network

CLIPS, FRAMES = 3, 16


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Clips of one portrait each, and one that can't be read."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "bad.mp4").write_text("no video")
    result = [Clip("bad.mp4", str(folder / "bad.mp4"), "train")]
    for number in range(CLIPS):
        name = f"{number}.mp4"
        put_clip(folder / name, [framed(portrait(number, side=480), 200, 0, grey=40 * number)] * FRAMES)
        result.append(Clip(name, str(folder / name), "train"))
    return result


@pytest.fixture(scope="module")
def exact(models: dict[str, str]):
    return load_detector(models["detector"]), load_embedder(models["model"])


@pytest.fixture(scope="module")
def made(clips, exact, models, tmp_path_factory):
    """The output directory, and the two quantised networks that were made in it."""
    output = tmp_path_factory.mktemp("det")
    sources = [[f"{models[name].rpartition(',')[0]}-0000.params"] for name in ("detector", "model")]
    return output, int8_detect(str(output), clips, exact, sources, (112, 112)), sources


def test_a_few_frames_of_each_clip_that_can_be_read(clips, exact, monkeypatch):
    monkeypatch.setattr(int8, "FRAME_SAMPLING", 3)
    monkeypatch.setattr(int8, "FRAMES_A_CLIP", 2)
    frames = calibration_frames(clips, exact[0])
    assert frames.shape == (2 * CLIPS, 480, 888, 3)
    assert len(np.unique(frames.reshape(len(frames), -1)[:, 0])) == CLIPS
    monkeypatch.setattr(int8, "FRAMES", 3)
    assert len(calibration_frames(clips, exact[0])) == 4  # no clip more than needed


def test_quantised_networks_say_about_the_same(made, exact, clips):
    _, (fast, quality), _ = made
    assert isinstance(fast.network, Int8Network) and isinstance(quality.network, Int8Network)
    frames = calibration_frames(clips, exact[0])
    crops = []
    for frame, ours, theirs in zip(frames, fast.detect(frames), exact[0].detect(frames), strict=True):
        a, b = (faces.take(np.array([central_face(faces, 888, 480)])) for faces in (ours, theirs))
        np.testing.assert_allclose(a.boxes, b.boxes, atol=20)
        np.testing.assert_allclose(a.landmarks, b.landmarks, atol=15)
        assert not np.array_equal(a.boxes, b.boxes)  # it is another network
        crops.append(align_faces(frame, b.landmarks)[0])
    ours, theirs = (embedder.embed(crops) for embedder in (quality, exact[1]))
    assert (normalise(ours) * normalise(theirs)).sum(1).min() > 0.9
    np.testing.assert_allclose(norms(ours), norms(theirs), rtol=0.2)
    # frames of one photograph are the most alike
    likeness = normalise(ours) @ normalise(theirs).T
    assert (likeness.argmax(1) // (len(crops) // CLIPS)).tolist() == [
        n // (len(crops) // CLIPS) for n in range(len(crops))
    ]


def test_they_are_kept_and_used_again(made, exact, monkeypatch):
    output, (fast, _), sources = made
    assert sorted(path.name for path in (output / "int8").iterdir()) == [
        f"{name}.{kind}" for name in ("detector", "quality") for kind in ("bin", "json", "xml")
    ]

    def never() -> np.ndarray:
        raise AssertionError("was calibrated again")

    again = int8_network(str(output), "detector", exact[0].network, sources[0], never)
    image = np.random.default_rng(0).integers(0, 256, (1, 480, 888, 3), np.uint8)
    for ours, before in zip(again(image), fast.network(image), strict=True):
        np.testing.assert_array_equal(ours, before)


@pytest.mark.parametrize("what", ["damaged", "other model", "no record", "record of another kind"])
def test_what_is_not_whole_is_made_again(made, exact, tmp_path, what):
    output, _, sources = made
    shutil.copytree(output, tmp_path / "det")
    folder = tmp_path / "det/int8"
    files = sources[1]
    if what == "damaged":
        (folder / "quality.bin").write_bytes((folder / "quality.bin").read_bytes()[:-1])
    elif what == "other model":
        files = sources[0]
    elif what == "no record":
        (folder / "quality.json").unlink()
    else:
        (folder / "quality.json").write_text("[]")
    asked = []

    def crops() -> np.ndarray:
        asked.append(True)
        return np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)

    int8_network(str(tmp_path / "det"), "quality", exact[1].network, files, crops)
    assert asked
    assert json.loads((folder / "quality.json").read_text())["images"] == 3


def test_another_size_than_it_was_made_for_runs_on_the_exact_network(made, exact):
    _, (fast, _), _ = made
    image = portrait(0)
    (found,), (wanted,) = fast.detect([image]), exact[0].detect([image])
    assert len(found) == 1
    np.testing.assert_array_equal(found.boxes, wanted.boxes)


def test_what_it_loses_is_measured_on_the_frames_and_kept(made, clips):
    output, _, _ = made
    found = int8.measured(str(output))
    assert found["faces"] >= CLIPS
    assert found["frames"] >= CLIPS
    assert found["lost"] == found["others"] == 0


def test_nothing_to_calibrate_on_is_said(exact, clips):
    with pytest.raises(InputError, match="no frame of any clip can be decoded"):
        calibration_frames(clips[:1], exact[0])
    with pytest.raises(InputError, match="no face in the first 2 frames"):
        calibration_crops(np.zeros((2, 480, 888, 3), np.uint8), exact[0], (112, 112))


@pytest.mark.parametrize(("precision", "device", "words"), [("fp16", -1, "needs CUDA"), ("int8", 0, "is for the CPU")])
def test_a_precision_that_the_device_does_not_know_is_said(precision, device, words):
    check_precision("fp32", device)
    with pytest.raises(InputError, match=words):
        check_precision(precision, device)


@pytest.fixture
def shared(made, exact, tmp_path, monkeypatch):
    """What calls for a quantised network in an output, with an empty cache; and the images of each calibration, which
    gives the network that was made before."""
    output, _, sources = made
    calibrated: list[np.ndarray] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(int8, "CROPS", 6)
    monkeypatch.setattr(int8, "FRAMES", 2)

    def quantise(network, images: np.ndarray, path: str, whole: bool) -> None:
        calibrated.append(images)
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        for extension in int8.EXTENSIONS:
            shutil.copyfile(output / f"int8/quality{extension}", f"{path}{extension}")

    monkeypatch.setattr(int8, "quantise", quantise)

    def network(run: str, images: int = 3, size: int = 112, files=sources[1], measure=None) -> None:
        sample = np.zeros((images, size, size, 3), np.uint8)
        name = "quality" if measure is None else "detector"
        int8_network(str(tmp_path / run), name, exact[1].network, files, lambda: sample, measure)

    return network, calibrated


def test_another_run_takes_what_was_calibrated(shared, tmp_path, capsys):
    network, calibrated = shared
    network("one")
    network("two", images=1)
    assert len(calibrated) == 1
    assert "int8: quality as an earlier run calibrated it" in capsys.readouterr().out
    assert json.loads((tmp_path / "two/int8/quality.json").read_text())["images"] == 3
    for extension in int8.EXTENSIONS:
        first, second = (tmp_path / f"{run}/int8/quality{extension}" for run in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("what", ["few images", "other size", "other model", "damaged", "no cache"])
def test_what_is_not_shared(shared, made, tmp_path, what):
    network, calibrated = shared
    if what == "no cache":
        (tmp_path / "cache").write_text("a file")
    network("one", images=2 if what == "few images" else 3)
    if what == "damaged":
        (path,) = (tmp_path / "cache").rglob("*.bin")
        path.write_bytes(path.read_bytes()[:-1])
    network("two", size=96 if what == "other size" else 112, files=made[2][what != "other model"])
    assert len(calibrated) == 2


def test_a_shared_detector_that_loses_faces_of_this_run_is_not_taken(shared, tmp_path):
    network, calibrated = shared
    losses = iter([0, 2, 1])

    def measure(_: Int8Network) -> dict[str, int]:
        return {"faces": 100, "lost": next(losses), "others": 0, "frames": 2}

    for run, lost in (("one", 0), ("two", 1)):
        network(run, measure=measure)
        assert int8.measured(str(tmp_path / run))["lost"] == lost
    assert len(calibrated) == 2


def test_a_detector_that_loses_many_faces_is_not_shared(shared):
    network, calibrated = shared
    for run in ("one", "two"):
        network(run, measure=lambda _: {"faces": 100, "lost": 2, "others": 0, "frames": 2})
    assert len(calibrated) == 2
