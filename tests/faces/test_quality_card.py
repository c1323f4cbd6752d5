"""The least quality of a face is the quality model's own, and a run that drops many faces says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rcnn.errors import InputError
from rcnn.faces.quality import USUAL_NORM, QualityCard, dropped_lines, quality_card, unknown_lines
from rcnn.networks.zoo.registry import known_models
from rcnn.stages.detect import QualityHistogram
from rcnn.stages.settings import DetectSettings, FindSettings

ROOT = Path(__file__).resolve().parents[2]
FACE_M = str(ROOT / "model/face-m,0")


def own(folder: Path, text: str = "") -> str:
    """A model that nobody knows, with a card where there is a text."""
    for end in ("-symbol.json", "-0000.params"):
        (folder / f"own{end}").write_bytes(b"x")
    if text:
        (folder / "own.toml").write_text(text)
    return str(folder / "own,0")


def test_what_ships_has_a_threshold_wherever_it_lies(tmp_path):
    known = known_models()["face-m"].parameters["quality"]
    for end in ("-symbol.json", "-0000.params"):
        (tmp_path / f"other{end}").write_bytes((ROOT / f"model/face-m{end}").read_bytes())
    for model in (FACE_M, str(tmp_path / "other,0")):
        card = quality_card(model)
        assert card.threshold == card.usual == known and not unknown_lines(model, USUAL_NORM)


def test_its_own_card_comes_first_and_a_model_without_one_has_ten(tmp_path):
    card = quality_card(own(tmp_path))
    assert (card.threshold, card.usual) == (None, USUAL_NORM)
    (line,) = unknown_lines(card.model, USUAL_NORM)
    assert "it is 10;" in line and f"quality = N in {tmp_path / 'own.toml'}" in line
    assert quality_card(own(tmp_path, "quality = 3.5\n")).usual == 3.5
    for wrong in ('quality = "x"', "quality = -1"):
        with pytest.raises(InputError, match=r"own\.toml: .*quality|own\.toml: .*number"):
            quality_card(own(tmp_path, wrong))


def test_the_challenges_model_is_known_by_its_place(tmp_path):
    folder = tmp_path / "model-r50-gg"
    folder.mkdir()
    for end in ("-symbol.json", "-0000.params"):
        (folder / f"model{end}").write_bytes(b"x")
    assert quality_card(str(folder / "model,0")).threshold == 10.0


def test_settings_take_the_models_own_but_for_the_seeds_recipe(tmp_path):
    model = own(tmp_path, "quality = 3.5\n")
    assert DetectSettings(model, recipe="best").quality_threshold == DetectSettings(model).quality_threshold == 3.5
    assert DetectSettings(model, recipe="best", quality_threshold=2.0).quality_threshold == 2.0
    assert DetectSettings(recipe="best", quality="score").quality_threshold == 0.5
    found = FindSettings(tmp_path, ("film.mp4",), quality_model=model)
    assert found.quality_threshold == 3.5
    assert FindSettings(tmp_path, ("film.mp4",), quality="score").quality_threshold == 0.5


@pytest.mark.parametrize(
    ("threshold", "own_threshold", "words"),
    [
        (2.0, 2.0, ()),
        (10.0, None, ("75% of the faces are under the threshold 10", "keeps the rest", "makes that the default")),
        (10.0, 2.0, ("75% of", "m,0 has 2, with 0% under it: --quality-threshold 2 keeps the rest")),
        (10.0, 10.0, ("75% of", "the threshold is the model's own", "--preview DIR")),
    ],
)
def test_a_threshold_that_drops_many_faces_is_seen(threshold, own_threshold, words):
    histogram = QualityHistogram()
    histogram.add(np.array([4.02, 6.02, 8.02, 12.02], np.float32))
    card = QualityCard("m,0", own_threshold)
    lines = dropped_lines(card, threshold, histogram.share_under, histogram.quantiles())
    assert len(lines) == bool(words)
    assert all(word in lines[0] for word in words)


def test_of_scores_only_the_threshold_is_said():
    histogram = QualityHistogram()
    histogram.add(np.array([0.52, 0.62], np.float32))
    (line,) = dropped_lines(None, 0.7, histogram.share_under, histogram.quantiles())
    assert line.endswith("5% are under 0.53: --quality-threshold 0.53 keeps the rest")
    assert QualityHistogram().share_under(1.0) == 0
