"""detect.py, feature.py and predict.py with several workers: the same bytes, whatever is killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from patience import held, wait_for

from rcnn.errors import InputError
from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.stages.detect import DetectJob, DetectSettings, detect
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.predict import PredictSettings, predict
from rcnn.tables import StageReader
from rcnn.training.mlp import Classifier

ROOT = Path(__file__).resolve().parents[2]


def written(out: Path) -> dict[str, bytes]:
    return {str(part.relative_to(out)): part.read_bytes() for part in sorted(out.rglob("*.parquet"))}


def manifest(out: Path, stage: str) -> dict:
    found = dict(StageReader(str(out), (stage,)).manifest)
    return {key: value for key, value in found.items() if key not in ("seconds", "arguments", "sources")}


@pytest.fixture(scope="module")
def one(settings, tmp_path_factory) -> Path:
    """What threads of one process write."""
    out = tmp_path_factory.mktemp("one")
    detect(DetectSettings(output=str(out / "det"), **settings))
    feature(FeatureSettings(settings["model"], str(out / "det"), str(out / "feat"), gpu=-1, aug=1))
    return out


def test_two_workers_write_what_threads_write(one, settings, tmp_path):
    detect(DetectSettings(output=str(tmp_path / "det"), workers=2, **settings))
    assert written(tmp_path / "det") == written(one / "det")
    assert manifest(tmp_path / "det", "detect") == manifest(one / "det", "detect")
    feature(FeatureSettings(settings["model"], str(one / "det"), str(tmp_path / "feat"), gpu=-1, aug=1, workers=2))
    assert written(tmp_path / "feat") == written(one / "feat")


def test_predict_with_two_workers_writes_what_one_process_writes(one, tmp_path):
    shape = ClassifierShape(128, 16, 9)
    model = f"{tmp_path / 'mlp'},1"
    save_checkpoint(model, build_graph(shape, Classifier(shape).arrays()))
    for name, workers in (("one", None), ("two", 2)):
        predict(PredictSettings(model, (str(one / "feat"),), str(tmp_path / name), gpu=-1, workers=workers))
    assert written(tmp_path / "two") == written(tmp_path / "one")
    assert StageReader(str(tmp_path / "two"), ("predict",)).rows > 10


def words(settings, out, *more):
    return [
        ROOT / "detect.py", "--dataset", settings["dataset"], "--stage", "test", "--gpu", "-1",
        "--quality-model", settings["model"], "--detector", settings["detector"], "--quality-threshold", "1",
        "--max-bad", "100", "--output", out, *more,
    ]  # fmt: skip


def workers_of(pid: int) -> list[int]:
    """Processes of `rcnn.workers.worker` that a process has started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            try:
                words = Path(f"/proc/{child}/cmdline").read_bytes()
            except OSError:
                continue
            if b"rcnn.workers.worker" in words:
                found.append(int(child))
    return found


def test_a_worker_killed_in_mid_run_changes_nothing(one, settings, tmp_path):
    with held(words(settings, tmp_path / "det", "--workers", "2"), 2) as run:
        run.wait_until_held()
        first = workers_of(run.process.pid)
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        run.let_go()
        wait_for(lambda: run.process.poll() is not None or set(workers_of(run.process.pid)) - set(first))
        for pid in set(workers_of(run.process.pid)) - set(first):  # the one in its place, if there was need of one
            os.kill(pid, signal.SIGKILL)
        code, errors = run.end()
    assert code == 0, errors
    assert written(tmp_path / "det") == written(one / "det")
    assert manifest(tmp_path / "det", "detect") == manifest(one / "det", "detect")


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def family(pid: int) -> list[int]:
    """A process and all that came of it."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(one for task in tasks for child in task.read_text().split() for one in family(int(child)))]


def test_a_run_that_is_stopped_and_continued_loses_nothing(one, settings, tmp_path):
    with held(words(settings, tmp_path / "det", "--workers", "2"), 2) as run:
        run.wait_until_held()
        first = workers_of(run.process.pid)
        for stopped in ([run.process.pid], family(run.process.pid)):  # by Ctrl-Z, and by a batch system
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            wait_for(lambda stopped=stopped: all(state(pid) == "T" for pid in stopped), "the stop")
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        assert workers_of(run.process.pid) == first
        run.let_go()
        code, errors = run.end()
    assert code == 0 and "hangs" not in errors
    assert written(tmp_path / "det") == written(one / "det")


def test_a_run_goes_on_with_other_workers(one, settings, tmp_path):
    with held(words(settings, tmp_path / "det", "--workers", "1"), 2) as run:
        run.wait_until_held()
        run.process.send_signal(signal.SIGTERM)
        run.let_go()
        code, errors = run.end()
    assert code == 128 + signal.SIGTERM and "the same command resumes" in errors
    assert json.loads((tmp_path / "det/progress.json").read_text())["clips"]["total"] == 4
    detect(DetectSettings(output=str(tmp_path / "det"), workers=2, **settings))
    assert written(tmp_path / "det") == written(one / "det")


def test_errors_at_the_start_are_those_of_one_process(settings, tmp_path):
    errors = []
    for workers in (None, 2):
        with pytest.raises(InputError) as caught:
            detect(DetectSettings(output=str(tmp_path / "det"), workers=workers, **{**settings, "model": "nowhere,0"}))
        errors.append(str(caught.value))
        assert not (tmp_path / "det").exists()
    assert errors[0] == errors[1]


def test_int8_is_refused_with_ray(settings, tmp_path):
    with pytest.raises(InputError, match="--precision int8: not with --ray"):
        detect(DetectSettings(output=str(tmp_path / "det"), ray="local", precision="int8", **settings))


def test_a_clip_that_kills_its_worker_is_unreadable(settings):
    found = DetectJob(DetectSettings(output="", **settings), {}).lost(None, "killed its worker 3 times (signal 9)")
    assert (found.unreadable, found.looks, len(found.faces)) == ("killed its worker 3 times (signal 9)", 0, 0)
