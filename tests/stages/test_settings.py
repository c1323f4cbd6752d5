"""Settings of all programs: light to load, complete by themselves, the same in the library and on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path

import pytest

from rcnn.demo.demo_set import write_demo
from rcnn.demo.settings import DemoOptions, PeopleSettings
from rcnn.errors import InputError
from rcnn.exports.settings import ConvertSettings
from rcnn.networks.zoo.registry import known_models
from rcnn.settings.fields import Settings, options_of
from rcnn.stages import settings as stages
from rcnn.stages.detect import detect
from rcnn.stages.settings import (
    DetectSettings,
    FeatureSettings,
    GendataSettings,
    IndexSettings,
    MergeSettings,
    PreviewSettings,
    SearchSettings,
    SheetSettings,
    SubmitSettings,
    TrainSettings,
)
from rcnn.tables import StageReader
from rcnn.training.settings import DetectionSettings, EmbeddingSettings

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "pyarrow", "torch", "cv2", "openvino", "av", "onnx")
KINDS = [
    *(getattr(stages, name) for name in stages.__all__),
    DemoOptions, ConvertSettings, DetectionSettings, EmbeddingSettings, PeopleSettings,
]  # fmt: skip
REQUIRED = {
    "input": "album", "image": ("face.jpg",), "inputs": ("a", "b"), "output": "out", "faces": "people", "model": "m,0",
    "people": "album", "clips": ("film.mp4",),
}  # fmt: skip


def made(kind: type[Settings], **values: object) -> Settings:
    """Settings with no more than what is required, and some values."""
    required = {item.name: REQUIRED[item.name] for item in fields(kind) if item.default is MISSING}
    return kind(**required | values)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    """Where the models that ship are."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_than_the_required_is_needed(kind):
    values = {}
    if kind in (SearchSettings, IndexSettings):
        with pytest.raises(
            InputError,
            match=r"^--features: not given, and neither .* run feature\.py first: .*--output \./output/feat_test$",
        ):
            made(kind)
        values = {"features": ("output/feat_test",)}
    settings = made(kind, **values)
    wanted = {item.name for item in fields(kind) if "None" not in str(item.type)}
    assert {name for name in wanted if getattr(settings, name) is None} == set()
    assert replace(settings) == settings


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_says_what_it_is(kind):
    for name, option in options_of(kind).items():
        assert option.help and option.help == option.help.strip(), name
    assert len(options_of(kind)) == len(fields(kind))


def test_settings_load_nothing_heavy():
    """So that --help comes at once."""
    lines = ["import sys", *(f"import {kind.__module__}" for kind in KINDS), "import rcnn.commands.arguments"]
    code = "\n".join([*lines, f"print([name for name in {HEAVY} if name in sys.modules])"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_what_depends_on_another_setting_follows_it():
    assert DetectSettings().quality_threshold == known_models()["face-m"].parameters["quality"]
    score = DetectSettings(quality="score")
    assert (score.quality_threshold, score.model) == (0.5, None)
    assert DetectSettings(quality="score", quality_threshold=0.0).quality_threshold == 0.0
    assert (DetectSettings().output, DetectSettings(stage="test").output) == (
        "./output/det_trainval",
        "./output/det_test",
    )
    assert (TrainSettings().last_epoch, TrainSettings(lr_step=(2, 3)).last_epoch) == (40, 3)
    assert TrainSettings(lr_step=(2, 3), end_epoch=5).last_epoch == 5


def test_models_are_found_by_their_role(tmp_path, monkeypatch):
    assert FeatureSettings().model == "model/face-m,0"
    assert (DetectSettings().model, DetectSettings().detector) == ("model/face-m,0", "model/essh-m25,0")
    for end in ("-symbol.json", "-0000.params"):
        path = tmp_path / f"model/model-r100-gg/model{end}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert FeatureSettings().model == "./model/model-r100-gg/model,0"
    with pytest.raises(InputError, match=r"^--model nowhere/net,0: there is no nowhere/net-symbol\.json; python"):
        FeatureSettings("nowhere/net,0")


def test_the_search_looks_through_what_is_there(tmp_path, monkeypatch):
    (tmp_path / "output/feat_test").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert SearchSettings(("face.jpg",)).features == ("./output/feat_test",)


def test_contact_sheets_are_of_the_run_and_on_its_first_device():
    run = DetectSettings(output="det", gpu=(1, 0))
    assert SheetSettings().of(run) is None
    assert SheetSettings("sheets", 7).of(run) == PreviewSettings("det", "sheets", 7, 1)
    assert SheetSettings("sheets").of(run).every == PreviewSettings().every
    with pytest.raises(InputError, match="--preview"):
        SheetSettings("s3://bucket/sheets")


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (DetectSettings, {"sampling": 0}, "--sampling 0: must be a whole number of 1 or more"),
        (DetectSettings, {"quality": "norm", "stage": "tst"}, "--stage tst: must be trainval or test"),
        (DetectSettings, {"split": (3, 3)}, "--split 3,3: must be I,N with I from 0 to N-1"),
        (DetectSettings, {"quality_threshold": float("nan")}, "--quality-threshold nan: must be a number of 0 or more"),
        (
            DetectSettings,
            {"quality": "score", "model": "m,0"},
            "--quality score is the detector's, so --quality-model is not used; leave one of them out",
        ),
        (FeatureSettings, {"aug": 3}, "--aug 3: must be 0, 1 or 2"),
        (FeatureSettings, {"gpu": (0, 0)}, "--gpu 0,0: must be the number of a CUDA device"),
        (MergeSettings, {"inputs": "a,b"}, "--inputs a,b: must be a list of names A,B,... without an empty name"),
        (TrainSettings, {"begin_epoch": 40}, "--begin-epoch 40: training ends at epoch 40"),
        (TrainSettings, {"recipe": "any"}, "--recipe any: must be seed, best or fast"),
        (SubmitSettings, {"weights": (-1.0,)}, "--weights -1.0: must be numbers of 0 or more"),
        (GendataSettings, {"size": (641, 360)}, "--size 641,360: must be two even numbers from 64 to 4096"),
        (DemoOptions, {"clips": 1}, "--clips 1: must be a whole number from 2 to 1000"),
        (DetectionSettings, {"seed": -1}, "--seed -1: must be a whole number of 0 or more"),
        (ConvertSettings, {"precision": "int8"}, "--precision int8 needs --calibration DIR with pictures"),
        (ConvertSettings, {"model": "x.ONNX"}, "--model x.ONNX is ONNX already; give --precision fp16 or int8"),
    ],
)
def test_a_value_that_a_script_refuses_the_library_refuses(kind, values, words):
    with pytest.raises(InputError) as caught:
        made(kind, **values)
    assert str(caught.value).startswith(words)


def test_the_library_detects_as_the_script_does(tmp_path, monkeypatch):
    """The score of a detector is under 1: with the threshold of norms no face would be kept."""
    data = tmp_path / "data"
    write_demo(DemoOptions(data, str(ROOT / "model/people"), people=1, clips=2, strangers=0, nobody=0, workers=1))
    detect(DetectSettings(dataset=str(data), output=str(tmp_path / "library"), stage="test", quality="score", gpu=-1))
    subprocess.run(
        [
            sys.executable, "detect.py", "--dataset", data, "--output", tmp_path / "script", "--stage", "test",
            "--quality", "score", "--gpu", "-1",
        ],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    library, script = (StageReader(str(tmp_path / name), ("detect",)) for name in ("library", "script"))
    assert library.rows > 0 and library.accounts == script.accounts
    assert {**library.arguments, "output": ""} == {**script.arguments, "output": ""}
    assert list(library.arguments) == list(script.arguments)
    assert [batch.to_pylist() for batch in library.batches()] == [batch.to_pylist() for batch in script.batches()]


def test_arguments_of_a_manifest_are_what_they_were():
    """Names: a manifest says with what a run was made."""
    assert json.loads(json.dumps(asdict(DetectSettings(stage="test", gpu=-1)))) == {
        "model": "model/face-m,0", "detector": "model/essh-m25,0", "output": "./output/det_test",
        "dataset": "./data/iqiyi_vid", "stage": "test", "gpu": -1, "workers": None, "ray": None, "decoders": 0,
        "precision": "fp32", "licence": "any", "sampling": 3, "rate": None, "split": [0, 1],
        "quality_threshold": known_models()["face-m"].parameters["quality"],
        "image_size": [112, 112],
        "quality": "norm", "max_bad": 5.0, "overwrite": False, "renew": False, "recipe": "seed", "faces": "central",
        "detect_every": 1,
        "vectors": "on",
    }  # fmt: skip


def test_looks_go_by_frames_or_by_time():
    assert (DetectSettings().sampling, DetectSettings().rate) == (3, None)
    assert (DetectSettings(rate=8).sampling, DetectSettings(rate=8).rate) == (None, 8.0)
    best = DetectSettings(recipe="best")
    assert (best.sampling, best.rate, best.faces) == (None, 8.0, "all")
    assert replace(best, output="x").rate == 8.0
    given = DetectSettings(recipe="best", sampling=5)
    assert (given.sampling, given.rate) == (5, None)
    with pytest.raises(InputError, match="--sampling and --rate"):
        DetectSettings(sampling=3, rate=8)
    with pytest.raises(InputError, match="--rate 0: must be a number of more than 0"):
        DetectSettings(rate=0)
