"""ONNX models in float16 and with 8 bits: smaller, about the same, and they need nothing to be known of them."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import cv2
import numpy as np
import onnx_kinds as kinds
import pytest
from drawn_people import portrait
from rcnn.cython.boxes import overlaps

from rcnn.commands import convert as command
from rcnn.errors import InputError, run_script
from rcnn.exports import convert
from rcnn.exports.variants import crops, frames, make_variant, pictures
from rcnn.faces.card import Card, read_card
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise
from rcnn.faces.views import fit
from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.graphs.builder import GraphBuilder

ROOT = Path(__file__).resolve().parents[2]
OWN_DETECTOR = f"{ROOT / 'model/essh-m25'},0"
ENGINES = ("openvino", "onnxruntime")


@pytest.fixture(scope="module")
def pictures_of_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten portraits."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(10):
        cv2.imwrite(str(folder / f"{number}.jpg"), portrait(number))
    return folder


def run_main(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["convert.py", *arguments])
    code = 0
    try:
        run_script(command.main)
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return code, said.out, said.err


def difference(text: str) -> float:
    return float(re.search(r"largest difference to the exact one on \d+ pictures (\S+) of", text).group(1))


@pytest.mark.parametrize(
    ("precision", "size", "largest", "cosine"), [("fp16", 0.55, 0.01, 0.9999), ("int8", 0.4, 0.3, 0.95)]
)
def test_an_embedding_of_a_checkpoint(
    precision, size, largest, cosine, pictures_of_faces, tmp_path, monkeypatch, capsys
):
    path = str(tmp_path / "x.onnx")
    model = f"{ROOT / 'model/face-m'},0"
    code, out, error = run_main(
        monkeypatch, capsys, "--model", model, "--output", path, "--precision", precision, "--calibration",
        str(pictures_of_faces), "--detector", OWN_DETECTOR,
    )  # fmt: skip
    assert (code, error) == (0, "")
    assert 0 < difference(out) < largest
    assert float(re.search(r"smallest cosine of embeddings (\S+)", out).group(1)) > cosine
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x.onnx", "x.toml"]
    exact = 2 * (ROOT / "model/face-m-0000.params").stat().st_size  # which has float16
    assert Path(path).stat().st_size < size * exact
    images = crops(str(pictures_of_faces), OWN_DETECTOR, (112, 112))
    wanted = normalise(load_embedder(model).embed(images))
    for engine in ENGINES:
        found = normalise(load_embedder(path, engine=engine).embed(images))
        assert (found * wanted).sum(1).min() > cosine
        assert not np.array_equal(found, wanted)


def test_a_detector_still_finds_the_six_faces(six, pictures_of_faces, tmp_path):
    source = str(tmp_path / "exact.onnx")
    convert.convert(six.model, source)
    (wanted,) = load_detector(source).detect([six.image])
    # float16 in BatchNorm, whose variances it can't hold, made it 0.9
    for precision, largest, alike in (("fp16", 0.05, 0.9), ("int8", 1, 0.8)):
        path = str(tmp_path / f"{precision}.onnx")
        found = make_variant(source, path, precision, str(pictures_of_faces), OWN_DETECTOR)
        assert found.cosine is None
        assert found.pictures == 2  # of ten one in four
        assert found.faces is not None and found.faces.pictures == 10
        assert (found.faces.wanted >= 10, found.faces.lost, found.faces.others) == (True, 0, 0)
        assert 0 < found.largest < largest
        for engine in ENGINES:
            (faces,) = load_detector(path, engine=engine).detect([six.image])
            assert len(faces) == 6
            # not box by box: of two anchors as sure of a face either may win by a rounding
            assert overlaps(faces.boxes, wanted.boxes).max(0).min() > alike


def test_the_card_of_the_source_goes_along(pictures_of_faces, tmp_path):
    source = kinds.scrfd(tmp_path / "exact.onnx")
    (tmp_path / "exact.toml").write_text("threshold = 0.7\nnms = 0.25")
    make_variant(source, str(tmp_path / "x.onnx"), "fp16", str(pictures_of_faces), OWN_DETECTOR)
    wanted = Card("rgb", (127.5,) * 3, (128.0,) * 3, 0.7, 0.25)
    assert read_card(str(tmp_path / "x.onnx")) == wanted
    detector = load_detector(str(tmp_path / "x.onnx"))
    assert (detector.threshold, detector.nms_threshold) == (0.7, 0.25)
    (faces,) = detector.detect([kinds.painted(64, 96, [(16, 1, 2)])])
    np.testing.assert_allclose(faces.boxes, [[16, 0, 80, 63]], atol=0.1)


def test_what_float16_does_not_hold_is_no_variant(tmp_path):
    source = kinds.embedding(tmp_path / "exact.onnx", mean=0.0, std=1e-6)
    folder = tmp_path / "crops"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((112, 112, 3), 200, np.uint8))
    with pytest.raises(InputError, match=r"in fp16 its outputs are not finite numbers; .* is not written"):
        make_variant(source, str(tmp_path / "x.onnx"), "fp16", str(folder), OWN_DETECTOR)
    assert not list(tmp_path.glob("x.*"))


def test_crops_are_taken_as_they_are_and_faces_are_cut_out(pictures_of_faces, tmp_path):
    crop = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), crop)
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((50, 50, 3), np.uint8))  # no face
    cv2.imwrite(str(tmp_path / "c.png"), cv2.imread(str(next(pictures_of_faces.iterdir()))))
    found = crops(str(tmp_path), OWN_DETECTOR, (112, 112))
    assert found.shape == (2, 112, 112, 3)
    np.testing.assert_array_equal(found[0], crop)
    (tmp_path / "a.png").unlink()
    (tmp_path / "c.png").unlink()
    with pytest.raises(InputError, match="finds no face in any picture"):
        crops(str(tmp_path), OWN_DETECTOR, (112, 112))


def test_frames_are_those_of_detect(pictures_of_faces):
    found = frames(str(pictures_of_faces))
    assert found.shape == (10, 480, 896, 3)
    first = next(pictures(str(pictures_of_faces)))
    canvas = np.zeros((480, 888, 3), np.uint8)
    fit(first, canvas)
    np.testing.assert_array_equal(found[0, :, :888], canvas)
    assert not found[:, :, 888:].any()
    assert frames(str(pictures_of_faces), (64, 96)).shape == (10, 64, 96, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--precision", "fp16"), "--precision fp16 needs --calibration DIR"),
        (("--precision", "int8", "--calibration", "EMPTY"), "contains no picture"),
        (("--precision", "int8", "--calibration", "BAD"), "bad.jpg: is not a picture"),
        (("--precision", "fp16", "--calibration", "BAD", "--outputs", "a"), "--outputs is for --precision fp32"),
        ((), "is ONNX already; give --precision fp16 or int8"),
    ],
)
def test_what_is_wrong_is_said(arguments, words, tmp_path, monkeypatch, capsys):
    for name in ("EMPTY", "BAD"):
        (tmp_path / name).mkdir()
    (tmp_path / "BAD/bad.jpg").write_text("no picture")
    model = kinds.yunet(tmp_path / "exact.onnx")
    paths = [str(tmp_path / argument) if argument in ("EMPTY", "BAD") else argument for argument in arguments]
    output = str(tmp_path / "x.onnx")
    code, _, error = run_main(
        monkeypatch, capsys, "--model", model, "--output", output, "--detector", OWN_DETECTOR, *paths
    )
    assert code == 2
    assert words in error
    assert not list(tmp_path.glob("x.*"))


def test_without_nncf_it_says_how_to_get_it(pictures_of_faces, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(InputError, match="needs NNCF, which is not installed; pip install -r requirements-int8"):
        make_variant(
            kinds.yunet(tmp_path / "exact.onnx"), str(tmp_path / "x.onnx"), "int8", str(pictures_of_faces), OWN_DETECTOR
        )


def test_a_checkpoint_that_does_not_normalise_gets_a_card(tmp_path):
    net = GraphBuilder()
    pooled = net.add(
        "pool", "Pooling", (net.convolution("conv", net.input(3), 8, 3),), 8, global_pool=True, kernel=(1, 1)
    )
    save_checkpoint(f"{tmp_path / 'x'},0", net.graph([net.fully_connected("fc1", pooled, 8, 4)], "x"))
    path = str(tmp_path / "x.onnx")
    convert.convert(f"{tmp_path / 'x'},0", path)
    with open(tmp_path / "x.toml", "rb") as file:
        assert tomllib.load(file) == {"colour": "rgb", "mean": [0.0] * 3, "std": [1.0] * 3}
    images = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), np.uint8)
    wanted = load_embedder(f"{tmp_path / 'x'},0").embed(images)
    np.testing.assert_allclose(load_embedder(path).embed(images), wanted, rtol=1e-4)
