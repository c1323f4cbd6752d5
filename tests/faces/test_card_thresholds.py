"""Thresholds in the cards of embeddings."""

from __future__ import annotations

from pathlib import Path

import pytest

from rcnn.errors import InputError
from rcnn.faces.card import Card, parse_card, read_card, read_thresholds, write_card
from rcnn.files import sha256
from rcnn.scores.card_thresholds import CardThresholds

MODEL = Path(__file__).resolve().parents[2] / "model"
TABLE = 'thresholds = { "1e-2" = 0.2, "1e-3" = 0.3, "1e-4" = 0.4 }\n'


def test_what_ships_was_measured_wherever_its_files_lie():
    sums = {"face-m-0000.params": sha256(MODEL / "face-m-0000.params")}
    found = read_thresholds("elsewhere/face-m,0", sums)
    assert found is not None and found.rates == (1e-2, 1e-3, 1e-4) and found.model == "face-m,0"
    assert found.at(1e-2) < found.at(1e-3) < found.at(1e-4) < found.at(1e-5) <= 1


def test_a_model_of_ones_own_has_a_card_of_its_own(tmp_path):
    for model, beside in (("own,3", "own.toml"), ("x.onnx", "x.toml")):
        assert read_thresholds(str(tmp_path / model), {"own-0003.params": "0" * 64}) is None
        (tmp_path / beside).write_text(TABLE)
        found = read_thresholds(str(tmp_path / model), {})
        assert found is not None and found.cosines == (0.2, 0.3, 0.4) and found.model == model


def test_its_own_card_comes_before_the_registry(tmp_path):
    (tmp_path / "face-m.toml").write_text(TABLE)
    sums = {"face-m-0000.params": sha256(MODEL / "face-m-0000.params")}
    found = read_thresholds(str(tmp_path / "face-m,0"), sums)
    assert found is not None and found.cosines == (0.2, 0.3, 0.4)


def test_a_card_is_written_as_it_is_read(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"x")
    card = Card("rgb", thresholds=CardThresholds((0.01, 0.001), (0.25, 0.5)))
    write_card(card, str(tmp_path / "x.onnx"))
    assert read_card(str(tmp_path / "x.onnx")) == card


@pytest.mark.parametrize(
    "thresholds", [0.3, {"1e-2": 0.3}, {"a": 0.3, "b": 0.4}, {"1e-2": 0.4, "1e-3": 0.3}, {"1e-2": "x", "1e-3": 0.3}]
)
def test_thresholds_that_are_none_are_refused_by_name(thresholds):
    with pytest.raises(InputError, match=r"x\.toml"):
        parse_card({"thresholds": thresholds}, "x.toml")
