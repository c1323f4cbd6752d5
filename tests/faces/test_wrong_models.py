"""A model of another kind than the flag wants: the line says what it is and where it belongs. 2 s."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import onnx_kinds
import pytest

from rcnn.errors import InputError
from rcnn.exports.convert import convert, convert_cascade, convert_to
from rcnn.faces.load import load_detector, load_embedder
from rcnn.networks.checkpoint.symbol import parse_symbol

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", [onnx_kinds.scrfd, onnx_kinds.retinaface, onnx_kinds.yunet])
def test_a_detector_as_an_embedding(kind, tmp_path):
    path = tmp_path / "x.onnx"
    kind(path)
    with pytest.raises(InputError, match=r"x\.onnx: is a detector \(.*give it as --detector"):
        load_embedder(str(path))


def test_a_checkpoint_of_a_detector_as_an_embedding():
    with pytest.raises(InputError, match="is a detector, not an embedding; give it as --detector"):
        load_embedder(str(ROOT / "model/essh-m25,0"))


def test_mtcnn_as_an_embedding(tmp_path):
    (tmp_path / "det1-symbol.json").write_text("{}")
    with pytest.raises(InputError, match="is the detector MTCNN; give it as --detector"):
        load_embedder(str(tmp_path))
    with pytest.raises(InputError, match="MTCNN, which runs at many sizes"):
        convert_to(str(tmp_path), str(tmp_path / "x.onnx"), "int8", str(tmp_path), "x")


def test_an_embedding_as_a_detector(tmp_path):
    path = tmp_path / "x.onnx"
    onnx_kinds.embedding(path)
    with pytest.raises(InputError, match="give it as --model"):
        load_detector(str(path))


def test_an_operator_with_several_outputs_is_named():
    nodes = [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "SliceChannel", "name": "slice", "inputs": [[0, 0, 0]], "attrs": {"num_outputs": "2"}},
        {"op": "Activation", "name": "a", "inputs": [[1, 1, 0]], "attrs": {"act_type": "relu"}},
    ]
    with pytest.raises(InputError, match=r"several outputs \(SliceChannel\) are not read"):
        parse_symbol(json.dumps({"nodes": nodes, "heads": [[2, 0, 0]]}).encode(), "x-symbol.json")


def test_published_files_of_other_kinds(shared, tmp_path, capsys):
    models = shared / "models"
    for model in (f"{models}/RFB-320.onnx", f"{models}/faster/16and32,0"):
        with pytest.raises(InputError, match="scores and boxes but no landmarks"):
            load_detector(model)
    for model in ("scrfd_500m.onnx", "scrfd_500m_bnkps.onnx", "yunet_n_dynamic.onnx", "retinaface_mnet_640.onnx"):
        with pytest.raises(InputError, match=r"is a detector \((SCRFD|YuNet|RetinaFace).*give it as --detector"):
            load_embedder(f"{models}/{model}")
    for model in (f"{models}/RFB-320.onnx", f"{models}/faster/16and32,0"):
        with pytest.raises(InputError, match="without landmarks, not an embedding, and can't be used"):
            load_embedder(model)
    with pytest.raises(InputError, match="is an embedding, not a detector; give it as --model"):
        load_detector(f"{shared}/checkpoints/mobilefacenet-y1/model,0")
    with pytest.raises(InputError, match=r"several outputs \(SliceChannel\)"):
        load_detector(f"{models}/mtcnn/det4,1")
    with pytest.raises(InputError, match="give it as --detector"):
        load_embedder(f"{shared}/checkpoints/retinaface-mnet25/mnet.25,0")


def test_mtcnn_becomes_three_files(shared, tmp_path, capsys):
    assert convert_cascade(f"{shared}/models/mtcnn", str(tmp_path / "out")) < 1e-4
    said = capsys.readouterr().out
    for number, size in enumerate(("height x width", "24 x 24", "48 x 48"), 1):
        assert (tmp_path / f"out/det{number}.onnx").is_file()
        assert f"det{number}.onnx: data batch x 3 x {size}" in said
    assert convert(f"{shared}/models/mtcnn/det2,1", str(tmp_path / "r.onnx")) < 1e-4


def test_what_was_recognised_is_logged_and_not_printed(tmp_path, capsys, caplog, monkeypatch):
    path = tmp_path / "x.onnx"
    onnx_kinds.scrfd(path)
    monkeypatch.setattr(logging.getLogger("rcnn"), "handlers", [])  # a command that ran before in this process prints
    with caplog.at_level("INFO", "rcnn"):
        words = load_detector(str(path)).words
        load_embedder(f"{ROOT / 'model/face-m'},0")
    assert words.startswith("SCRFD, RGB, (rgb - 127.5) / 128, images ")
    assert [record.getMessage() for record in caplog.records] == [
        f"detector {path}: {words}", f"model {ROOT / 'model/face-m'},0: embedding, RGB of 0 to 255"
    ]  # fmt: skip
    assert capsys.readouterr().out == ""
