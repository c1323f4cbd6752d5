"""Job arrays: the parts of --split joined are, byte for byte, what one run writes; what is missing is named."""

import itertools
import json
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import growing
import numpy as np
import pyarrow as pa
import pytest
from drawn_people import framed, portrait, put_clip
from reference_models import SHIPPED

from rcnn.clips.dataset import part_of
from rcnn.errors import InputError, Stopped
from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.stages import merge as stage
from rcnn.stages.detect import DetectSettings, detect
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.merge import MergeSettings, merge, merged
from rcnn.stages.predict import PredictSettings, predict
from rcnn.tables import CLIPS_SCHEMA, StageReader, StageWriter, features_schema, table, vector_array
from rcnn.tables.schema import unknown_source, unknown_video
from rcnn.tables.whole import faults
from rcnn.training.mlp import Classifier

ROOT = Path(__file__).resolve().parents[2]
CLIPS, PARTS, PART_BYTES = 24, 3, 20_000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", PART_BYTES)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Test clips of three frames, each of another face; two of nobody and two that are not clips."""
    root = tmp_path_factory.mktemp("data")
    (root / "IQIYI_VID_TEST").mkdir()
    for number in range(CLIPS):
        path = root / f"IQIYI_VID_TEST/clip{number:02d}.mp4"
        if number in (5, 12):
            path.write_text("this is not a video")
            continue
        nobody = np.full((480, 888, 3), 90, np.uint8)
        put_clip(path, [nobody if number in (3, 16) else framed(portrait(number))] * 3)
    (root / "gt_v2").mkdir()
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join(f"clip{number:02d}.mp4" for number in range(CLIPS)))
    return root


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    shape = ClassifierShape(128, 16, 9)
    classifier = f"{tmp_path_factory.mktemp('model') / 'mlp'},1"
    save_checkpoint(classifier, build_graph(shape, Classifier(shape).arrays()))
    return {"embedding": SHIPPED["model"], "detector": SHIPPED["detector"], "classifier": classifier}


class Runs:
    """The stages over one data set, whole and in parts, all below one directory."""

    def __init__(self, root: Path, models: dict[str, str], work: Path) -> None:
        self.root, self.models, self.work = root, models, work

    def detect(self, name: str, split=(0, 1), **changes) -> str:
        output = str(self.work / name)
        settings = {
            "model": self.models["embedding"], "detector": self.models["detector"], "output": output,
            "dataset": str(self.root), "stage": "test", "gpu": -1, "split": split, "quality_threshold": 2.0,
            "max_bad": 100.0, **changes,
        }  # fmt: skip
        detect(DetectSettings(**settings))
        return output

    def feature(self, source: str, name: str, split=(0, 1)) -> str:
        output = str(self.work / name)
        feature(FeatureSettings(self.models["embedding"], source, output, gpu=-1, split=split))
        return output

    def predict(self, source: str, name: str, split=(0, 1)) -> str:
        output = str(self.work / name)
        predict(PredictSettings(self.models["classifier"], (source,), output, gpu=-1, split=split))
        return output


@pytest.fixture(scope="module")
def runs(root, models, tmp_path_factory):
    """`det`, `feat`, `pred` of one run; `det0` ... of the parts of one, each part through all stages."""
    runs = Runs(root, models, tmp_path_factory.mktemp("runs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "PART_BYTES", PART_BYTES)
        runs.predict(runs.feature(runs.detect("det"), "feat"), "pred")
        for number in range(PARTS):
            detected = runs.detect(f"det{number}", (number, PARTS))
            runs.predict(runs.feature(detected, f"feat{number}"), f"pred{number}")
            runs.feature(str(runs.work / "det"), f"split-feat{number}", (number, PARTS))
            runs.predict(str(runs.work / "feat"), f"split-pred{number}", (number, PARTS))
    return runs


def parts(runs: Runs, name: str) -> tuple[str, ...]:
    return tuple(str(runs.work / f"{name}{number}") for number in range(PARTS))


def tables(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in Path(path).rglob("*.parquet")}


@pytest.mark.parametrize("kind", ["det", "feat", "pred", "split-feat", "split-pred"])
def test_the_parts_are_what_one_run_writes(kind, runs, tmp_path, capsys):
    output = tmp_path / "whole"
    merge(MergeSettings(parts(runs, kind)[::-1], str(output)))  # in any order
    one = runs.work / kind.removeprefix("split-")
    assert tables(output) == tables(one)
    assert len(tables(output)) > 2 or kind != "det"  # the table has several parts
    ours, theirs = (json.loads((path / "manifest.json").read_text()) for path in (output, one))
    for name in ("counts", "models", "parts", "format", "stage"):
        assert ours[name] == theirs[name], name
    assert {**theirs["arguments"], "output": 0} | {"input": 0, "inputs": 0} == {**ours["arguments"], "output": 0} | {
        "input": 0, "inputs": 0,
    }  # fmt: skip
    if kind.startswith("split"):
        assert ours["sources"] == theirs["sources"]
    assert faults(str(output)) == []
    assert (
        f"accounts: {StageReader(str(output), (ours['stage'],)).accounts}, as in the 3 parts" in capsys.readouterr().out
    )


def test_what_was_merged_goes_through_the_next_stage(runs, tmp_path):
    merge(MergeSettings(parts(runs, "det"), str(tmp_path / "det")))
    feature(FeatureSettings(runs.models["embedding"], str(tmp_path / "det"), str(tmp_path / "feat"), gpu=-1))
    assert tables(tmp_path / "feat") == tables(runs.work / "feat")


def test_a_part_is_missing_or_double(runs, tmp_path):
    first, second, third = parts(runs, "feat")
    with pytest.raises(InputError, match=r"1 of 3 parts are missing, --split 1,3 for one"):
        merge(MergeSettings((first, third), str(tmp_path / "whole")))
    copy = tmp_path / "copy"
    shutil.copytree(second, copy)
    with pytest.raises(InputError, match=rf"1 parts are given twice, 1,3 in {second} and {copy}"):
        merge(MergeSettings((first, second, third, str(copy)), str(tmp_path / "whole")))
    assert not (tmp_path / "whole").exists()


def test_another_split_run_stage_or_model_is_refused(runs, tmp_path):
    first, second, third = parts(runs, "det")
    half = runs.detect(tmp_path / "half", (0, 2))
    with pytest.raises(InputError, match=r"half: is a part of 2, .* of 3; give the parts of one --split"):
        merge(MergeSettings((first, half, third), str(tmp_path / "whole")))
    other = runs.detect(tmp_path / "other", (1, 3), sampling=2)
    with pytest.raises(InputError, match=r"other: was made with another sampling .*sampling 2, there 3"):
        merge(MergeSettings((first, other, third), str(tmp_path / "whole")))
    with pytest.raises(InputError, match=r"another .*stage"):
        merge(MergeSettings((first, parts(runs, "feat")[1]), str(tmp_path / "whole")))
    changed = tmp_path / "changed"
    shutil.copytree(second, changed)
    manifest = json.loads((changed / "manifest.json").read_text())
    manifest["models"]["face-m-0000.params"] = "0" * 64
    (changed / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"another file face-m-0000\.params"):
        merge(MergeSettings((first, str(changed), third), str(tmp_path / "whole")))


def test_a_clip_is_missing_or_new(runs, root, tmp_path):
    """The data set has one more clip now, and another is gone."""
    data = tmp_path / "data"
    shutil.copytree(root, data)
    (data / "gt_v2/IQIYI_VID.txt").write_text((root / "gt_v2/IQIYI_VID.txt").read_text() + "\nnew.mp4\n")
    shutil.copy(data / "IQIYI_VID_TEST/clip00.mp4", data / "IQIYI_VID_TEST/new.mp4")
    with pytest.raises(InputError, match=r"1 clips of the data set are missing, for example 'new.mp4'"):
        merge(MergeSettings(parts(runs, "feat"), str(tmp_path / "whole"), dataset=str(data)))
    (data / "IQIYI_VID_TEST/new.mp4").unlink()
    (data / "IQIYI_VID_TEST/clip07.mp4").unlink()
    with pytest.raises(InputError, match=r"1 clips are not in the data set, for example 'clip07.mp4'"):
        merge(MergeSettings(parts(runs, "feat"), str(tmp_path / "whole"), dataset=str(data)))


def test_a_clip_lies_in_two_parts(runs, tmp_path):
    """The first part claims to be the second one, too."""
    first, second, third = parts(runs, "det")
    liar = tmp_path / "liar"
    shutil.copytree(first, liar)
    manifest = json.loads((liar / "manifest.json").read_text())
    manifest["arguments"]["split"] = [1, 3]
    (liar / "manifest.json").write_text(json.dumps(manifest))
    count = StageReader(first, ("detect",)).accounts.clips
    lost = StageReader(second, ("detect",)).accounts.clips
    message = rf"{count} clips are in two parts, for example .*, {lost} clips of the data set are missing, for example "
    with pytest.raises(InputError, match=message):
        merge(MergeSettings((first, str(liar), third), str(tmp_path / "whole")))


def test_without_detect_directories_and_data_set_it_goes_by_the_names(runs, tmp_path, capsys):
    for number, path in enumerate(parts(runs, "feat")):
        shutil.copytree(path, tmp_path / f"moved/feat{number}")
        manifest = tmp_path / f"moved/feat{number}/manifest.json"
        content = json.loads(manifest.read_text())
        content["sources"][0]["path"] = "/nowhere/det"
        manifest.write_text(json.dumps(content))
    moved = tuple(str(tmp_path / f"moved/feat{number}") for number in range(PARTS))
    merge(MergeSettings(moved, str(tmp_path / "whole")))
    assert tables(tmp_path / "whole") == tables(runs.work / "feat")
    assert "not compared with the data set" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"parts are missing|of the part"):
        merge(MergeSettings(moved[:2], str(tmp_path / "half")))


def test_a_merge_that_was_stopped_goes_on(runs, tmp_path, monkeypatch):
    real = stage.merged
    output = tmp_path / "whole"

    def stopping(stop_at: int):
        def some(inputs):
            yield from itertools.islice(real(inputs, 1), stop_at)  # a clip at a time
            raise Stopped(2)

        return some

    for stop_at in (4, 11, 18):
        with monkeypatch.context() as patch:
            patch.setattr(stage, "merged", stopping(stop_at))
            with pytest.raises(Stopped):
                merge(MergeSettings(parts(runs, "det"), str(output)))
        assert not (output / "manifest.json").exists()
    merge(MergeSettings(parts(runs, "det"), str(output)))
    assert tables(output) == tables(runs.work / "det")


def test_the_command_has_one_line_for_what_is_wrong(runs, tmp_path):
    command = [sys.executable, "-m", "rcnn", "merge", "--output", str(tmp_path / "whole"), "--inputs"]
    done = subprocess.run([*command, ",".join(parts(runs, "pred")[1:])], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "1 of 3 parts are missing, --split 0,3 for one" in done.stderr
    done = subprocess.run([*command, ",".join(parts(runs, "pred"))], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([*command, ",".join(parts(runs, "pred"))], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is complete and was made from the same inputs; it is kept" in done.stdout


def test_parts_that_grew_are_merged_once_more(tmp_path):
    inputs = tuple(str(tmp_path / f"part{number}") for number in range(2))
    old = [growing.clip_of(f"{number}.mp4", 10 + number) for number in range(12)]
    for clips in (old, [*old[:4], growing.clip_of("a.mp4", 3), growing.clip_of("b.mp4", 2), *old[6:]]):
        for number, path in enumerate(inputs):
            mine = [clip for clip in clips if part_of(clip.name, 2) == number]
            growing.run(path, mine, arguments={"split": [number, 2]})
        merge(MergeSettings(inputs, str(tmp_path / "merged")))
        growing.run(tmp_path / "whole", clips, overwrite=True)
        assert growing.tables(tmp_path / "merged") == growing.tables(tmp_path / "whole")
    growing.run(inputs[0], [], arguments={"split": [0, 2], "rate": 2}, overwrite=True)
    growing.run(inputs[1], [], arguments={"split": [1, 2], "rate": 2}, overwrite=True)
    with pytest.raises(InputError, match=r"merged: is complete and was made with another rate \(None, now 2\)"):
        merge(MergeSettings(inputs, str(tmp_path / "merged")))


def test_an_empty_part_is_a_part(runs, root, tmp_path):
    names = (root / "gt_v2/IQIYI_VID.txt").read_text().split()
    many = next(n for n in itertools.count(2) if len({part_of(name, n) for name in names}) < n)
    outputs = tuple(runs.detect(tmp_path / f"det{number}", (number, many)) for number in range(many))
    assert any(StageReader(path, ("detect",)).accounts.clips == 0 for path in outputs)
    merge(MergeSettings(outputs, str(tmp_path / "whole")))
    assert tables(tmp_path / "whole") == tables(runs.work / "det")


def batch(*names: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"name": list(names), "row": [f"{name}{i}" for i, name in enumerate(names)]})


def test_rows_come_sorted_and_a_clip_is_never_cut():
    first = [batch("a", "c"), batch("c", "c"), batch("c", "d")]
    second = [batch("b", "b"), batch("e"), batch("f", "f", "f")]
    found = [piece.column("name").to_pylist() for piece in merged([iter(first), iter(second)], 2)]
    assert found == [["a", "b", "b"], ["c", "c", "c", "c", "d"], ["e", "f", "f", "f"]]
    with pytest.raises(InputError, match="rows of 'b' are in two parts"):
        list(merged([iter([batch("a", "b")]), iter([batch("b", "c")])]))


def test_memory_does_not_grow_with_the_clips(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", 1 << 20)
    width, peaks = 64, []
    for clips in (4_000, 16_000):
        outputs = []
        for number in range(2):
            names = [name for name in (f"{n:06d}.mp4" for n in range(clips)) if part_of(name, 2) == number]
            outputs.append(str(tmp_path / f"{clips}-{number}"))
            with StageWriter(
                outputs[-1], "feature", features_schema(width), arguments={"split": (number, 2)}
            ) as writer:
                vectors = vector_array(np.ones((len(names), width), np.float32))
                rows = [pa.array(names), pa.array(["test"] * len(names)), vectors]
                writer.add_rows(pa.RecordBatch.from_arrays(rows, schema=writer.schema))
                texts = [pa.array([text] * len(names)) for text in ("ok", "")]
                ones = pa.array([1] * len(names), pa.int32())
                columns = [*rows[:2], *unknown_source(len(names)), *texts, ones, ones, *unknown_video(len(names))]
                writer.add_clips(pa.RecordBatch.from_arrays(columns, schema=CLIPS_SCHEMA))
        before = pa.total_allocated_bytes()
        pool = pa.default_memory_pool()
        tracemalloc.start()
        merge(MergeSettings(tuple(outputs), str(tmp_path / f"{clips}")))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert pool.bytes_allocated() - before < 1 << 20
    assert peaks[1] < peaks[0] + 2_000_000
