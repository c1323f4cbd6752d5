"""Licences of models: by the sha256 of their weights or their own card, never by a name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx_kinds
import pytest

from rcnn.commands import zoo
from rcnn.errors import InputError
from rcnn.faces.licences import NOT_STATED, Licence, check_licences, licence_of, licences_of
from rcnn.networks.zoo.registry import known_models
from rcnn.stages.settings import DetectSettings, FeatureSettings, FindSettings
from rcnn.tables import MANIFEST

ROOT = Path(__file__).resolve().parents[2]
OURS = str(ROOT / "model/face-m,0")


def copied(folder: Path, name: str) -> str:
    """The embedding that ships, under another name."""
    for ending in ("-symbol.json", "-0000.params"):
        shutil.copy(ROOT / f"model/face-m{ending}", folder / f"{name}{ending}")
    return str(folder / f"{name},0")


def test_a_model_is_known_by_its_weights(tmp_path):
    assert licence_of(OURS).commercial is False
    assert licence_of(copied(tmp_path, "yunet")) == licence_of(OURS)
    assert licences_of([OURS]) == {OURS: known_models()["face-m"].licence}


def test_a_name_says_nothing(tmp_path):
    """Models without a sha256 in the registry are known by name elsewhere; not here."""
    path = tmp_path / "w600k_r50.onnx"
    onnx_kinds.embedding(path)
    assert licence_of(str(path)) == Licence(NOT_STATED, NOT_STATED, None)
    with pytest.raises(InputError, match="licence not stated") as caught:
        check_licences("commercial", {"--model": str(path)})
    assert "commercial = true" not in str(caught.value)
    path = path.rename(tmp_path / "mine.onnx")
    with pytest.raises(
        InputError, match=f"if your own licence allows it, write commercial = true into {tmp_path}/mine"
    ):
        check_licences("commercial", {"--model": str(path)})


def test_the_own_card_says_it(tmp_path):
    path = tmp_path / "mine.onnx"
    onnx_kinds.embedding(path)
    (tmp_path / "mine.toml").write_text('licence = "bought"\ntraining = "our staff"\ncommercial = true\n')
    assert licence_of(str(path)) == Licence("bought", "our staff", True)
    check_licences("commercial", {"--model": str(path), "--detector": None})
    (tmp_path / "mine.toml").write_text("commercial = 1\n")
    with pytest.raises(InputError, match="neither true nor false"):
        licence_of(str(path))


def test_a_card_of_a_checkpoint_counts(tmp_path):
    model = copied(tmp_path, "mine")
    (tmp_path / "mine.toml").write_text('licence = "bought"\ncommercial = true\n')
    check_licences("commercial", {"--model": model})


def test_what_may_be_used_is_named():
    with pytest.raises(InputError) as caught:
        check_licences("commercial", {"--detector": str(ROOT / "model/essh-m25,0")})
    assert str(caught.value).startswith(f"--detector {ROOT}/model/essh-m25,0: licence research")
    assert "yunet" in str(caught.value) and "sface" not in str(caught.value) and "card" not in str(caught.value)
    check_licences("any", {"--detector": "is/not/there,0"})


def test_all_that_may_not_be_used_are_named_at_once():
    models = {
        "--detector": str(ROOT / "model/essh-m25,0"),
        "--quality-model": None,
        "--model": str(ROOT / "model/face-m,0"),
    }
    with pytest.raises(InputError) as caught:
        check_licences("commercial", models)
    assert "--detector" in str(caught.value) and f", and --model {ROOT}/model/face-m,0: licence" in str(caught.value)
    assert "yunet" in str(caught.value) and "sface" in str(caught.value)


def test_the_flags_that_replace_what_ships_are_named_in_a_short_line():
    detector, face = str(ROOT / "model/essh-m25,0"), str(ROOT / "model/face-m,0")
    with pytest.raises(InputError) as caught:
        check_licences(
            "commercial", {"--detector": detector, "--quality-model": face, "--model": face}, "--quality-model"
        )
    assert str(caught.value) == (
        f"--detector {detector}: licence research, and --quality-model and --model {face}: licence research, not for "
        "commercial use; python -m rcnn zoo yunet && python -m rcnn zoo sface, then give --detector "
        "./model/face_detection_yunet_2023mar.onnx --quality score --model ./model/face_recognition_sface_2021dec.onnx"
    )
    with pytest.raises(InputError, match=r"not for commercial use; give --quality score$"):
        check_licences("commercial", {"--model": face}, "--model")


def test_nothing_is_written_before_it_is_refused(finished, tmp_path):
    from rcnn.stages.detect import detect
    from rcnn.stages.feature import feature
    from rcnn.stages.find import find

    output = tmp_path / "out"
    (tmp_path / "people").mkdir()
    runs = (
        lambda: detect(DetectSettings(output=str(output), dataset=str(tmp_path), licence="commercial")),
        lambda: find(FindSettings(tmp_path / "people", (str(tmp_path),), str(output), licence="commercial")),
    )
    for run in runs:
        with pytest.raises(InputError, match="not for commercial use"):
            run()
    with pytest.raises(InputError, match="not for commercial use"):
        feature(FeatureSettings(input=str(finished.output / "det_test"), output=str(output), licence="commercial"))
    assert not output.exists()


def test_the_list_and_a_model_by_name(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["zoo", "--licence", "commercial"])
    zoo.main()
    listed = capsys.readouterr().out
    assert "yunet: " in listed and "scrfd" not in listed and "commercial use: yes" in listed
    monkeypatch.setattr("sys.argv", ["zoo", "scrfd-10g", "--licence", "commercial"])
    with pytest.raises(InputError, match="scrfd-10g: licence non-commercial research"):
        zoo.main()


def test_the_manifest_and_the_page_name_them(finished):
    licences = json.loads((finished.output / "det_test" / MANIFEST).read_text())["licences"]
    assert set(licences.values()) == {known_models()["face-m"].licence}
    assert "Licences of the models: " in (finished.output / "report.html").read_text()
