"""The card of an embedding: found on photographs of people who do not exist, or as somebody knows it. 6 s."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_kinds
import pytest
from drawn_people import write_album
from onnx import helper, numpy_helper

from rcnn.commands import card as command
from rcnn.errors import InputError
from rcnn.exports.convert import convert
from rcnn.faces.card import Card, read_card
from rcnn.faces.load import load_embedder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bgr_model(tmp_path_factory) -> Path:
    """The embedding that ships, as an ONNX file that wants (BGR - 127.5) / 128 and does not say so."""
    path = tmp_path_factory.mktemp("bgr") / "mine.onnx"
    convert(str(ROOT / "model/face-m,0"), str(path))
    path.with_suffix(".toml").unlink()  # the card of what was converted
    model = onnx.load(path)
    graph = model.graph
    first = graph.input[0].name
    for node in graph.node:
        node.input[:] = ["inside" if name == first else name for name in node.input]
    swap = numpy_helper.from_array(np.array([2, 1, 0], np.int64), "swap")
    graph.initializer.extend([
        swap, numpy_helper.from_array(np.array(128, np.float32), "s"),
        numpy_helper.from_array(np.array(127.5, np.float32), "m"),
    ])  # fmt: skip
    # a convolution of 1x1 stands first, so that the graph does not look as if it normalised
    one = np.eye(3, dtype=np.float32)[:, :, None, None]
    graph.initializer.append(numpy_helper.from_array(one, "one"))
    before = [
        helper.make_node("Conv", [first, "one"], ["planes"]),
        helper.make_node("Gather", ["planes", "swap"], ["rgb"], axis=1),
        helper.make_node("Mul", ["rgb", "s"], ["scaled"]),
        helper.make_node("Add", ["scaled", "m"], ["inside"]),
    ]
    nodes = [*before, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    return write_album(tmp_path_factory.mktemp("people"), [4] * 12)


def run(monkeypatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["card", *map(str, arguments)])
    command.main()


def test_it_is_found_by_measurement(bgr_model, people, monkeypatch, capsys):
    run(monkeypatch, bgr_model, "--faces", people, "--gpu", "-1")
    said = capsys.readouterr().out
    assert said.count("BGR") >= 5 and said.count("RGB") >= 5  # each way is printed
    found = read_card(str(bgr_model))
    assert found.colour == "bgr"
    assert found.mean == (127.5,) * 3 and found.std in ((127.5,) * 3, (128.0,) * 3)  # which differ by 0.4 %
    with pytest.raises(InputError, match="exists already; give --overwrite"):
        run(monkeypatch, bgr_model, "--faces", people)


def test_what_somebody_knows(tmp_path, monkeypatch):
    path = tmp_path / "x.onnx"
    onnx_kinds.embedding(path)
    run(monkeypatch, path, "--colour", "rgb", "--mean", "1,2,3", "--std", "64")
    assert read_card(str(path)) == Card("rgb", (1.0, 2.0, 3.0), (64.0,) * 3)


def test_the_error_of_a_run_can_be_followed(tmp_path):
    """The three lines under it are a card as they stand, and the command in it has its file quoted."""
    path = tmp_path / "my model.onnx"
    onnx_kinds.embedding(path)
    code = (
        "from rcnn.errors import run_script; from rcnn.faces.load import load_embedder; "
        f"run_script(lambda: load_embedder({str(path)!r}))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    line, *lines = said.stderr.splitlines()
    assert said.returncode == 2
    assert f"python -m rcnn card '{path}' --faces" in line
    (tmp_path / "my model.toml").write_text("\n".join(lines))
    load_embedder(str(path))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x.params"], "is not an X.onnx"),
        (["x.onnx"], "give --faces DIR"),
        (["x.onnx", "--colour", "rgb", "--mean", "1"], "give --faces DIR"),
        (["x.onnx", "--colour", "rgb", "--mean", "1,2", "--std", "1"], "one number, or three"),
        (["x.onnx", "--faces", "FOLDER", "--colour", "rgb"], "one or the other"),
        (["x.onnx", "--faces", "FOLDER"], "0 pairs of faces of one person"),
        (["whole.onnx", "--faces", "FOLDER"], "needs no card"),
        (["none.onnx", "--colour", "rgb", "--mean", "1", "--std", "1"], "none.onnx"),
    ],
)
def test_what_is_refused(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    onnx_kinds.embedding(tmp_path / "x.onnx")
    onnx_kinds.embedding(tmp_path / "whole.onnx", mean=127.5, std=128)
    (tmp_path / "FOLDER" / "somebody").mkdir(parents=True)
    with pytest.raises(InputError, match=re.escape(words)):
        run(monkeypatch, *arguments)
    assert not list(tmp_path.glob("*.toml"))
