"""Bad ground truth, arguments and orders of stages: one line that says what and where and how to fix it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from labelled import write_labels
from patience import PATIENCE

from rcnn.clips.dataset import list_clips, read_ground_truth, read_names, read_train_labels
from rcnn.clips.gather import SourceFile
from rcnn.clips.labels import read_labels_of
from rcnn.errors import InputError
from rcnn.faces.load import load_detector, load_embedder
from rcnn.files.lock import Lock
from rcnn.networks.checkpoint import read_arrays, save_checkpoint, write_arrays
from rcnn.networks.engine import check_devices
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.find_set import FilmSet
from rcnn.stages.genfeat import GenfeatSettings, genfeat
from rcnn.stages.predict import PredictSettings, predict
from rcnn.stages.settings import SearchSettings
from rcnn.stages.settings.groups import GroupsSettings
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.tables import StageReader, StageWriter, features_schema, scores_schema, training_schema, vector_array
from rcnn.tables.whole import faults
from rcnn.training.mlp import Classifier

ROOT = Path(__file__).resolve().parents[2]
COUNT, WIDTH, CLASSES = 40, 6, 4


def write(path: Path, stage: str, width: int = WIDTH, names: list[str] | None = None, label: int | None = None) -> str:
    """A stage directory of 40 clips with labels 0 to 3, a random vector each."""
    names = names or [f"{number:03d}.mp4" for number in range(COUNT)]
    labels = [number % CLASSES if label is None else label for number in range(len(names))]
    values = np.random.default_rng(0).random((len(names), width)).astype(np.float32)
    schema = {"predict": scores_schema, "feature": features_schema, "genfeat": training_schema}[stage](width)
    arguments = {"dataset": write_labels(path.with_suffix(".labels"), dict(zip(names, labels, strict=True)))}
    with StageWriter(str(path), stage, schema, arguments=arguments) as writer:
        columns = [pa.array(names), pa.array(["train"] * len(names))]
        columns += [pa.array(labels, pa.int32())] if stage == "genfeat" else []
        columns.append(vector_array(values))
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))
        rest = {"split": "train", "state": "ok", "reason": "", "frames": 1, "faces": 1}
        writer.add_clips([{"name": n, **rest} for n in names])
    return str(path)


def train(data: str, prefix: Path, **changes) -> None:
    fixed = {"num_classes": CLASSES, "num_filter": 8, "lr_step": (3, 4), "gpu": -1}
    train_mlp(TrainSettings(data, str(prefix), **{**fixed, **changes}))


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "data"
    for name in ("IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN/a.mp4", "IQIYI_VID_DATA_Part1/IQIYI_VID_VAL/b.mp4"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"x")
    (folder / "gt_v2").mkdir()
    (folder / "gt_v2/IQIYI_VID.txt").write_text("a.mp4\nb.mp4\n")
    (folder / "gt_v2/train_v2.txt").write_text("a.mp4 1\n")
    (folder / "gt_v2/val_v2.txt").write_text("1 b.mp4\n")
    return folder


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("train_v2.txt", None, r"train_v2\.txt: No such file or directory; --dataset must have the iQIYI-VID layout"),
        ("val_v2.txt", None, r"val_v2\.txt: No such file"),
        ("IQIYI_VID.txt", None, r"IQIYI_VID\.txt: No such file"),
        ("train_v2.txt", "a.mp4 " + "9" * 5000, r"train_v2\.txt:1: label '9{40}' is not a whole number of 1 or more"),
        ("train_v2.txt", "a.mp4 ²", "label '²' is not a whole number"),
        ("train_v2.txt", "a.mp4 1e3", "label '1e3' is not a whole number"),
        ("train_v2.txt", "a.mp4 4294967297", "label '4294967297' is not a whole number"),
        ("train_v2.txt", "a.mp4 1\na.mp4 2", r"train_v2\.txt:2: a\.mp4 is listed under 1 and under 2"),
        ("val_v2.txt", "1 b.mp4\n2 b.mp4", r"val_v2\.txt:2: b\.mp4 is listed under 1 and under 2; fix the file"),
        ("val_v2.txt", "b.mp4 1", r"val_v2\.txt:1: label 'b\.mp4' is not a whole number"),
        (
            "train_v2.txt",
            "../../etc/passwd 1",
            r"train_v2\.txt: .* names none of its 1 clips; get files of one data set",
        ),
        ("val_v2.txt", "1 other.mp4", r"val_v2\.txt: .* names none of its 1 clips"),
        ("train_v2.txt", b"\xff\xfe", r"train_v2\.txt: is not UTF-8 text"),
        ("IQIYI_VID.txt", "../a.mp4\n/etc/passwd\n", "names none of its 1 clips"),
    ],
)
def test_bad_ground_truth_is_named(root, file, text, what):
    path = root / "gt_v2" / file
    if text is None:
        path.unlink()
    elif isinstance(text, bytes):
        path.write_bytes(text)
    else:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=what):
        read_labels_of(str(root))


def test_some_unknown_names_are_said_and_no_error(root, capsys):
    """A part of a data set is normal, and its lists of labels are those of the whole."""
    (root / "gt_v2/train_v2.txt").write_text("a.mp4 1\nx.mp4 2\ny.mp4 2\n")
    assert read_labels_of(str(root)) == {"a.mp4": 1, "b.mp4": 1, "x.mp4": 2, "y.mp4": 2}
    assert (
        "train_v2.txt: 2 of its 3 clips, for example 'x.mp4', are not in gt_v2/IQIYI_VID.txt" in capsys.readouterr().out
    )


def test_no_name_leads_out_of_the_data_set(root, tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    part = root / "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN"
    outside = ["../../../secret.mp4", str(tmp_path / "secret.mp4"), "..", ".", "a.mp4"]
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join([*outside, "b.mp4"]))
    assert [clip.path for clip in list_clips(str(root), "trainval")] == [
        str(part / "a.mp4"),
        str(root / "IQIYI_VID_DATA_Part1/IQIYI_VID_VAL/b.mp4"),
    ]


def test_a_name_with_white_space_is_a_bad_clip(root):
    (root / "IQIYI_VID_DATA_Part1/IQIYI_VID_VAL/two words.mp4").write_bytes(b"x")
    with open(root / "gt_v2/IQIYI_VID.txt", "a") as file:
        file.write("two words.mp4\n")
    found = {clip.name: clip.fault for clip in list_clips(str(root), "trainval")}
    assert {name: bool(fault) for name, fault in found.items()} == {
        "a.mp4": False,
        "b.mp4": False,
        "two words.mp4": True,
    }


@pytest.mark.parametrize("reader", [read_names, read_train_labels, read_ground_truth])
def test_a_folder_in_place_of_a_list_is_named(tmp_path, reader):
    with pytest.raises(InputError, match="Is a directory"):
        reader(str(tmp_path))


def test_truth_of_other_clips_is_refused_and_unknown_names_are_said(tmp_path, capsys):
    source = write(tmp_path / "pred", "predict", CLASSES)
    truth = tmp_path / "gt.txt"
    truth.write_text("1 x.mp4 y.mp4\n")
    with pytest.raises(InputError, match=r"gt\.txt: none of its 2 clips is in the inputs"):
        submit(SubmitSettings((source,), str(tmp_path / "s.txt"), gt=str(truth)))
    truth.write_text("1 x.mp4 001.mp4\n")
    submit(SubmitSettings((source,), str(tmp_path / "s.txt"), gt=str(truth)))
    assert "1 of its 2 clips are unknown, for example 'x.mp4'" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"nowhere\.txt: No such file"):
        submit(SubmitSettings((source,), str(tmp_path / "s.txt"), gt=str(tmp_path / "nowhere.txt")))


def classifier(path: Path, features: int = WIDTH) -> str:
    shape = ClassifierShape(features, 8, CLASSES)
    save_checkpoint(f"{path},1", build_graph(shape, Classifier(shape).arrays()))
    return f"{path},1"


def test_stages_in_a_wrong_order_are_named(tmp_path):
    feat, train_set = write(tmp_path / "feat", "feature"), write(tmp_path / "set", "genfeat")
    pred, out = write(tmp_path / "pred", "predict", CLASSES), str(tmp_path / "out")
    model = classifier(tmp_path / "mlp")
    face = "./model/face-m,0" if Path("model/face-m-0000.params").exists() else str(ROOT / "model/face-m") + ",0"
    with pytest.raises(InputError, match=r"stage 'feature', expected the output of detect\.py"):
        feature(FeatureSettings(face, feat, out, gpu=-1))
    for path in (train_set, pred):
        with pytest.raises(InputError, match=r"expected the output of feature\.py"):
            genfeat(GenfeatSettings((path,), out))
        with pytest.raises(InputError, match=r"expected the output of feature\.py"):
            predict(PredictSettings(model, (path,), out, gpu=-1))
    with pytest.raises(InputError, match=r"expected the output of genfeat\.py"):
        train(feat, tmp_path / "x")
    for path in (feat, train_set):
        with pytest.raises(InputError, match=r"expected the output of predict\.py"):
            submit(SubmitSettings((path,), out))
    assert not Path(out).exists()


def test_widths_that_differ_are_named(tmp_path):
    feat, wide = write(tmp_path / "feat", "feature"), write(tmp_path / "wide", "feature", WIDTH + 3)
    model = classifier(tmp_path / "mlp")
    with pytest.raises(InputError, match=r"features are 9 wide, model .*mlp,1 takes 6; give the inputs that it was"):
        predict(PredictSettings(model, (wide,), str(tmp_path / "out"), gpu=-1))
    with pytest.raises(InputError, match="features are 15 wide"):
        predict(PredictSettings(model, (feat, wide), str(tmp_path / "out"), gpu=-1))
    with pytest.raises(InputError, match=r"--pretrained .*stage0_weight is of shape \(8, 6\), expected \(8, 9\)"):
        train(write(tmp_path / "set", "genfeat", WIDTH + 3), tmp_path / "x", pretrained=model)


def test_models_for_something_else_are_named(tmp_path):
    face, detector = (f"{ROOT / 'model' / name},0" for name in ("face-m", "essh-m25"))
    with pytest.raises(InputError, match="is a detector, not an embedding; give it as --detector"):
        load_embedder(detector)
    with pytest.raises(InputError, match="is an embedding, not a detector; give it as --model"):
        load_detector(face)
    with pytest.raises(InputError, match="is not a classifier"):
        predict(PredictSettings(face, (write(tmp_path / "feat", "feature"),), str(tmp_path / "out"), gpu=-1))
    with pytest.raises(InputError, match=r"can't take an input of shape \(1, 112, 96, 3\)"):
        load_embedder(face).embed([np.zeros((112, 96, 3), np.uint8)])


def test_clips_that_only_the_second_input_has_are_not_dropped_in_silence(tmp_path):
    names = [f"{number:03d}.mp4" for number in range(COUNT)]
    all_of_them = write(tmp_path / "all", "feature", names=names, label=1)
    some = write(tmp_path / "some", "feature", names=names[:30], label=1)
    genfeat(GenfeatSettings((all_of_them, some), str(tmp_path / "set")))
    with pytest.raises(InputError, match=r"all: has 10 clips that .*some lacks, '030\.mp4' for one"):
        genfeat(GenfeatSettings((some, all_of_them), str(tmp_path / "other")))
    assert not (tmp_path / "other/manifest.json").exists()


def test_a_data_set_that_is_gone_is_asked_for(tmp_path):
    feat = write(tmp_path / "feat", "feature")
    labels = shutil.move(tmp_path / "feat.labels", tmp_path / "moved")
    with pytest.raises(
        InputError, match=r"feat: the data set that it was made from does not exist; give --dataset DIR"
    ):
        genfeat(GenfeatSettings((feat,), str(tmp_path / "set")))
    genfeat(GenfeatSettings((feat,), str(tmp_path / "set"), str(labels)))
    (batch,) = StageReader(str(tmp_path / "set"), ("genfeat",)).batches()
    assert batch["label"].to_pylist() == [number % CLASSES for number in range(COUNT)]


def test_every_stage_says_its_accounts(tmp_path, capsys):
    feat = write(tmp_path / "feat", "feature")
    train_set = write(tmp_path / "set", "genfeat")
    train(train_set, tmp_path / "mlp", split=0)
    model = f"{tmp_path / 'mlp'},4"
    predict(PredictSettings(model, (feat,), str(tmp_path / "pred"), gpu=-1))
    genfeat(GenfeatSettings((feat,), str(tmp_path / "made")))
    submit(SubmitSettings((str(tmp_path / "pred"),), str(tmp_path / "s.txt")))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("accounts: ")]
    states = "40 clips = 40 with faces + 0 without + 0 unreadable"
    assert lines == [
        f"accounts: {states}; of 40 with features 39 trained on, 1 validated on, 0 left out",
        f"accounts: {states}, as in {feat}",
        f"accounts: {states}, as in {feat}",
        f"accounts: {states}; of 40 with scores 40 are in the submission, 0 are not",
    ]


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (b"3", "Expected `object`, got `int`"),
        (b"[" * 100_000, "is not a snapshot"),
        (b"{", "is not a snapshot"),
        (b"{}", "contains a run with another"),
        ({"run": []}, "contains a run with another"),
        ({"order": "zz"}, "is not a snapshot"),
        ({"order": ""}, "is not a snapshot"),
        ({"order": 7}, "is not a snapshot"),
        ({"curve": []}, "is not a snapshot"),
        ({"curve": [{}]}, "is not a snapshot"),
        ({"curve": 3}, "is not a snapshot"),
        ({"curve": [{"epoch": "x", "lr": 1, "accuracy": 1, "loss": 1, "val_accuracy": None,
                     "rows_per_second": 1, "steps": 1}]}, "is not a snapshot"),
    ],
)  # fmt: skip
def test_a_snapshot_that_lies_is_an_input_error(tmp_path, monkeypatch, record, what):
    data = write(tmp_path / "set", "genfeat")
    with monkeypatch.context() as patch, pytest.raises(KeyError):
        patch.setattr("rcnn.stages.train.Writer.save", lambda *arguments: {}["stopped"])
        train(data, tmp_path / "mlp")
    path = str(tmp_path / "mlp-training.params")
    arrays = read_arrays(path)
    if isinstance(record, dict):
        record = json.dumps({**json.loads(arrays["record"].tobytes()), **record}).encode()
    write_arrays(path, {**arrays, "record": np.frombuffer(record, np.uint8)})
    with pytest.raises(InputError, match=what):
        train(data, tmp_path / "mlp")
    train(data, tmp_path / "mlp", overwrite=True)


def test_a_second_training_or_submission_at_once_is_refused(tmp_path):
    data, pred = write(tmp_path / "set", "genfeat"), write(tmp_path / "pred", "predict", CLASSES)
    lock = Lock(str(tmp_path / "mlp-lock"), "it", "--prefix")
    with pytest.raises(
        InputError, match=r"mlp: process \d+ on .* writes there; wait for its end or give another --pre"
    ):
        train(data, tmp_path / "mlp")
    lock.release()
    train(data, tmp_path / "mlp")
    lock = Lock(str(tmp_path / "s.txt.lock"), "it", "--output")
    with pytest.raises(InputError, match=r"s\.txt: process \d+ on .* writes there"):
        submit(SubmitSettings((pred,), str(tmp_path / "s.txt")))
    lock.release()
    submit(SubmitSettings((pred,), str(tmp_path / "s.txt")))
    assert not list(tmp_path.glob("*lock"))


def test_layers_that_no_memory_holds_are_refused(tmp_path):
    data = write(tmp_path / "set", "genfeat")
    with pytest.raises(InputError, match=r"--num-filter 1024, --num-classes 10000000: make a layer of more than"):
        train(data, tmp_path / "mlp", num_classes=10**7, num_filter=1024)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_submit_at_once_with_a_line(tmp_path, number):
    """It has no steps to save, so the handler of run_script ends it."""
    code = (
        "import threading; from rcnn.errors import run_script\n"
        "def main():\n print('on', flush=True); threading.Event().wait()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}\nrun_script(main, resumes=True)"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout.readline() == "on\n"
    process.send_signal(number)
    errors = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 128 + number
    assert errors == "-c: stopped; give the same command again\n"


@pytest.mark.parametrize(
    ("script", "arguments", "word"),
    [
        ("detect.py", ["--quality-threshold", "nan"], "'nan' is not a number"),
        ("detect.py", ["--quality-threshold", "inf"], "'inf' is not a number"),
        ("detect.py", ["--max-bad", "-1"], "--max-bad"),
        ("detect.py", ["--sampling", "9" * 5000], "--sampling"),
        ("feature.py", ["--aug", "3"], "--aug"),
        ("genfeat.py", ["--inputs", "a,,b"], "empty name"),
        ("genfeat.py", ["--inputs", "a,a"], "twice"),
        ("train_mlp.py", ["--lr", "inf"], "--lr"),
        ("train_mlp.py", ["--begin-epoch", "40"], "--begin-epoch 40"),
        ("predict.py", ["--model", "mlp"], "there is no such directory"),
        ("submit.py", ["--weights", "1,nan"], "--weights"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_2(script, arguments, word, tmp_path):
    command = [sys.executable, str(ROOT / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{script}: error: ") and done.stderr.count("\n") == 1
    assert word in done.stderr
    assert len(done.stderr) < 6000


def complete(path: Path, stage: str = "detect") -> Path:
    """What looks like the output of a stage from outside."""
    path.mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps({"stage": stage}))
    return path


def test_what_is_missing_says_the_whole_command_that_makes_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    face = f"{ROOT / 'model/face-m'},0"
    wanted = {
        "rcnn detect --stage trainval --output out/det_trainval": lambda: feature(
            FeatureSettings(face, "out/det_trainval", "x", gpu=-1)
        ),
        "rcnn feature --input out/det_test --output out/feat_test": lambda: predict(
            PredictSettings("mlp,40", ("out/feat_test",), "x", gpu=-1)
        ),
        "rcnn feature --input out/det_trainval --output out/feat_trainval": lambda: genfeat(
            GenfeatSettings(("out/feat_trainval",), "x")
        ),
        "rcnn genfeat --inputs out/feat_trainval --output out/trainval": lambda: train("out/trainval", tmp_path / "x"),
        "rcnn predict --model ./model/iqiyi,40 --inputs out/feat_test --output out/pred_test": lambda: submit(
            SubmitSettings(("out/pred_test",), "x")
        ),
    }
    for command, run in wanted.items():
        with pytest.raises(InputError) as caught:
            run()
        assert str(caught.value).endswith(f"there is no such directory; run {command.split()[1]}.py first: {command}")
    (tmp_path / "detect.py").touch()  # beside the scripts they are what is called
    with pytest.raises(InputError, match=r"first: python detect\.py --stage trainval"):
        feature(FeatureSettings(face, "out/det_trainval", "x", gpu=-1))
    assert not (tmp_path / "x").exists()


def test_a_classifier_that_is_not_there_says_how_it_is_trained(tmp_path):
    feat = write(tmp_path / "feat_test", "feature")
    with pytest.raises(InputError) as caught:
        predict(PredictSettings(f"{tmp_path}/mlp,40", (feat,), str(tmp_path / "x"), gpu=-1))
    command = f"train_mlp --data {tmp_path}/trainval --prefix {tmp_path}/mlp"
    assert f"there is no {tmp_path}/mlp-symbol.json; train the classifier first: " in str(caught.value)
    assert str(caught.value).replace(".py", "").endswith(command)


def test_a_place_one_level_off_is_recognised(root, tmp_path):
    detected = complete(tmp_path / "run/det_test")
    (detected / "faces").mkdir()
    (detected / "faces/part-00000.parquet").touch()
    expected = {
        root: "is a data set, which detect.py reads first",
        root / "gt_v2": f"is a part of the data set {root}, which detect.py",
        detected / "faces": f"is a part of a stage directory; give the whole, {detected}",
        detected / "faces/part-00000.parquet": f"give the whole, {detected}",
        detected / "manifest.json": f"give the whole, {detected}",
        tmp_path / "run": f"contains one: give {detected}",
    }
    for path, words in expected.items():
        with pytest.raises(InputError) as caught:
            StageReader(str(path), ("detect",))
        assert str(caught.value).startswith(f"{path}: ") and words in str(caught.value)
    with pytest.raises(
        InputError, match=r"is not an output of a stage, but contains outputs of stages: give .*det_test$"
    ):
        faults(str(tmp_path / "run"))


def test_a_data_set_one_level_off_is_recognised(root, tmp_path):
    detected = complete(tmp_path / "det_test")
    expected = {
        root.parent: f"contains data sets and is not one itself; give --dataset {root}",
        root / "gt_v2": f"is a part of a data set; give --dataset {root}",
        root / "IQIYI_VID_DATA_Part1/IQIYI_VID_VAL": f"is a part of a data set; give --dataset {root}",
        tmp_path / "nowhere": f"or make one: python gendata.py --input PHOTOGRAPHS --output {tmp_path / 'nowhere'}",
        detected: "is the output of a stage, not a data set",
        detected.parent / "det_test/..": "contains data sets",
    }
    for path, words in expected.items():
        with pytest.raises(InputError) as caught:
            list_clips(str(path), "trainval")
        assert words in str(caught.value)
    (photographs := tmp_path / "other/ada").mkdir(parents=True)
    with pytest.raises(
        InputError, match=r"is not a data set; .* python gendata\.py --input .*other --output \./data/mine"
    ):
        list_clips(str(photographs.parent), "trainval")


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        (lambda path: SubmitSettings(report=path), "--report"),
        (lambda path: SubmitSettings(output=path), "--output"),
        (lambda path: SearchSettings(("x.jpg",), report=path), "--report"),
        (lambda path: GroupsSettings(report=path), "--report"),
    ],
)
def test_a_folder_in_place_of_a_file_is_refused_before_anything_is_written(settings, flag, tmp_path):
    for path in (str(tmp_path), f"{tmp_path}/new/"):
        with pytest.raises(InputError, match=f"^{flag} {path}: is a directory; name a file, as {flag} "):
            settings(path)


@pytest.mark.parametrize("text", ["face-m", "face-m-symbol.json", "face-m-0000.params"])
def test_a_model_without_its_epoch_is_told_with_it(text):
    with pytest.raises(InputError, match=r"is not PREFIX,EPOCH; write .*/model/face-m,0$"):
        FeatureSettings(str(ROOT / "model" / text))


def test_a_name_of_the_zoo_is_told_how_to_become_a_file():
    with pytest.raises(InputError, match="fetch it with python -m rcnn zoo sface, and give the path"):
        FeatureSettings("sface")


def test_a_folder_of_people_taken_for_one_person_is_noticed(tmp_path):
    def found(*names: str) -> list[str]:
        people = {name.split("/")[0]: [] for name in names}
        for name in names:
            people[name.split("/")[0]].append(SourceFile(f"{tmp_path}/{name}", 1, 1))
        return FilmSet(people, {}, [], 0, 0, 0, [], tmp_path).notes

    assert found("Ada/1.jpg", "Ada/2019/2.jpg", "Alan/2018/1.jpg", "Alan/2018/2.jpg") == []
    (note,) = found("people/Ada/1.jpg", "people/Alan/1.jpg", "Max/1.jpg")
    assert note.startswith("people is one person, with photographs in 2 folders") and note.endswith("/people")


def test_devices_that_are_not_there_are_named_together(tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there are CUDA devices")
    with pytest.raises(InputError, match=r"^--gpu 0,1,2,3: there is no CUDA device here; use --gpu -1 for the CPU$"):
        check_devices((0, 1, 2, 3))
    check_devices(-1)
    check_devices(None)
