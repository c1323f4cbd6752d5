"""train_mlp.py under torchrun: two processes give what one gives, resume each other's runs and fail together."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from patience import PATIENCE

from rcnn.errors import InputError
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape
from rcnn.stages import train as stage
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.tables import StageWriter, training_schema, vector_array
from rcnn.training import sharded
from rcnn.training.mlp import Classifier, initialise
from rcnn.training.snapshot import Snapshot
from rcnn.training.team import Team

ROOT = Path(__file__).parents[2]
WIDTH, CLASSES, CLIPS, EPOCHS = 16, 7, 61, 4
TOLERANCE = 1e-5  # of weights up to 1; sums over two halves are rounded otherwise than sums over the whole
# Batches of 15 clips and 7 classes: neither can be halved.
FIXED = {
    "num_classes": CLASSES, "num_filter": 24, "lr_step": (3, EPOCHS), "per_batch_size": 15, "lr": 0.1, "gpu": -1,
}  # fmt: skip
CASES = {
    "mlp": {"fbn": True, "split": 0},
    "cosine": {"head": "cosine", "split": -1},
    "templates": {"head": "auto", "split": -1},
    "sharded": {"shard_classes": True, "split": -2},
    "sharded-validated": {"shard_classes": True, "split": -1, "fbn": True, "network": "m"},
}
REFUSED = {
    "labels": ({"num_classes": 3}, "does not fit --num-classes 3"),  # by both processes
    "exists": ({"lr": 0.3}, "mlp,4: was made with another"),
    "head": ({"head": "cosine", "shard_classes": True}, "--shard-classes: --head cosine"),
    "batch": ({"per_batch_size": 1}, "a batch of 1 clips is too few for 2 processes"),
}


def launcher(*words: object) -> list[str]:
    """The command line of two processes."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return [sys.executable, *torchrun, *map(str, words)]


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """61 clips of seven classes with a large mean, so that statistics of half a batch would show."""
    path = tmp_path_factory.mktemp("set") / "set"
    random = np.random.default_rng(0)
    label = np.arange(CLIPS) % CLASSES
    features = random.normal(size=(CLASSES, WIDTH))[label] + random.normal(size=(CLIPS, WIDTH)) + 3
    names = [f"{i:05d}.mp4" for i in range(CLIPS)]
    splits = ["val" if i % 3 == 2 else "train" for i in range(CLIPS)]
    with StageWriter(str(path), "genfeat", training_schema(WIDTH)) as writer:
        vectors = vector_array(features.astype(np.float32))
        columns = [pa.array(names), pa.array(splits), pa.array(label, pa.int32()), vectors]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
        rest = {"state": "ok", "reason": "", "frames": 3, "faces": 3}
        who = zip(names, splits, strict=True)
        writer.add_clips([{"name": n, "split": s, **rest} for n, s in who])
    return path


def alone(data: Path, prefix: Path, **changes) -> None:
    """Train in this process."""
    train_mlp(TrainSettings(str(data), str(prefix), **{**FIXED, **changes}))


def stopped_alone(data: Path, prefix: Path, epochs: int, **changes) -> None:
    """Train in this process, as if it was killed after some epochs."""
    real = Snapshot.save

    def save(snapshot, curve, **more) -> None:
        real(snapshot, curve, **more)
        if len(curve) == epochs:
            raise InterruptedError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(Snapshot, "save", save)
        alone(data, prefix, **changes)


@pytest.fixture(scope="module")
def together(data, tmp_path_factory) -> tuple[Path, list[dict]]:
    """The folder of what two processes trained, and how each run ended in each: words, and whether it says them."""
    folder = tmp_path_factory.mktemp("two")
    jobs = {name: {"settings": changes} for name, changes in CASES.items()}
    jobs |= {f"left-by-two-{name}": {"settings": CASES[name], "fails_after": 2} for name in ("mlp", "sharded")}
    for name in ("mlp", "sharded"):
        stopped_alone(data, folder / f"left-by-one-{name}", 2, **CASES[name])
        jobs[f"left-by-one-{name}"] = {"settings": CASES[name]}
    for name, (changes, _) in REFUSED.items():
        jobs[name] = {"settings": {**changes, "prefix": str(folder / ("mlp" if name == "exists" else name))}}
    for name, job in jobs.items():
        job["settings"] = {**FIXED, "data": str(data), "prefix": str(folder / name), **job["settings"]}
    (folder / "jobs.json").write_text(json.dumps(jobs))
    words = launcher("tests/training/runs.py", folder / "jobs.json", folder / "ends")
    done = subprocess.run(words, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 4:") == len(CASES) + 1  # of one process; templates have no epochs
    return folder, [json.loads((folder / f"ends-{rank}.json").read_text()) for rank in (0, 1)]


def assert_same(one: Path, two: Path) -> None:
    """Two checkpoints differ by rounding."""
    first, second = (load_checkpoint(f"{prefix},{EPOCHS}").params for prefix in (one, two))
    assert first.keys() == second.keys()
    differences = {name: float(np.abs(first[name] - second[name]).max()) for name in first}
    print(f"largest difference {max(differences.values()):.1e} of {max(np.abs(v).max() for v in first.values()):.1f}")
    assert max(differences.values()) < TOLERANCE, differences


def curve(prefix: Path) -> list[dict]:
    lines = json.loads(Path(f"{prefix}-train.json").read_text())["curve"]
    return [{key: value for key, value in line.items() if key != "rows_per_second"} for line in lines]


@pytest.mark.parametrize("case", CASES)
def test_two_processes_give_the_weights_of_one(case, data, together, tmp_path):
    folder, ends = together
    assert [end[case][0] for end in ends] == ["", ""]
    alone(data, tmp_path / "one", **CASES[case])
    assert_same(tmp_path / "one", folder / case)
    for line, other in zip(curve(tmp_path / "one"), curve(folder / case), strict=True):
        assert line.pop("val_accuracy") == other.pop("val_accuracy")
        assert line == pytest.approx(other, rel=1e-4)
    kinds = ("0004.params", "symbol.json", "train.json")
    assert all((folder / f"{case}-{kind}").exists() for kind in kinds)
    assert not (folder / f"{case}-training.params").exists()


@pytest.mark.parametrize("case", ["mlp", "sharded"])
def test_one_process_goes_on_where_two_failed_together(case, data, together, capsys):
    folder, ends = together
    words = "the second process fails"
    assert [end[f"left-by-two-{case}"] for end in ends] == [[words, False], [words, True]]
    alone(data, folder / f"left-by-two-{case}", **{**CASES[case], "shard_classes": False})
    assert "resumes after epoch 2" in capsys.readouterr().out
    assert_same(folder / case, folder / f"left-by-two-{case}")


@pytest.mark.parametrize("case", ["mlp", "sharded"])
def test_two_processes_go_on_where_one_was_stopped(case, together):
    folder, ends = together
    assert [end[f"left-by-one-{case}"][0] for end in ends] == ["", ""]
    assert_same(folder / case, folder / f"left-by-one-{case}")


@pytest.mark.parametrize("case", REFUSED)
def test_an_error_is_known_to_all_and_said_by_one(case, together):
    ends = [end[case] for end in together[1]]
    assert all(REFUSED[case][1] in words for words, _ in ends)
    assert [speaks for _, speaks in ends] == [True, False]


def flags(data: Path, prefix: Path, **changes) -> list[str]:
    """The command line of train_mlp.py."""
    given = {**FIXED, "data": data, "prefix": prefix, "lr_step": f"3,{EPOCHS}", **changes}
    return ["train_mlp.py", *(f"--{name.replace('_', '-')}={value}" for name, value in given.items())]


def test_bad_input_is_one_line_and_exit_code_2_of_each(data, tmp_path):
    words = launcher(*flags(data, tmp_path / "m", num_classes=3))
    done = subprocess.run(words, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr.count("train_mlp.py: error:") == 1
    # torchrun's own report; it may end the second process before that ends by itself
    assert done.stderr.count("exitcode  : 2") >= 1, done.stderr
    assert not list(tmp_path.iterdir())


def test_a_signal_stops_both_with_one_line_and_the_run_goes_on(data, tmp_path, capsys):
    endless = {"lr_step": "3,100000"}
    words = launcher(*flags(data, tmp_path / "m", **endless))
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=ROOT, env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True) as process:
        while not process.stdout.readline().startswith("epoch 2:"):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    assert said.count("train_mlp.py: stopped; what was done is saved") == 1
    assert "/rcnn/training/" not in said and "/rcnn/stages/" not in said  # no traceback of ours
    with pytest.MonkeyPatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(stage.Writer, "words", lambda *arguments: exec("raise InterruptedError"))
        alone(data, tmp_path / "m", lr_step=(3, 100000))
    assert "resumes after epoch" in capsys.readouterr().out


class _Half(Team):
    """The second of two processes, without the first."""

    def __init__(self) -> None:
        self.rank, self.size = 1, 2


@pytest.mark.parametrize("network", ["r50", "i50", "m"])
def test_a_shard_begins_with_the_weights_of_the_whole(network, monkeypatch):
    monkeypatch.setattr(sharded, "DRAWN_ROWS", 16)
    shape = ClassifierShape(5, 6, 101)
    whole, shard = Classifier(shape), sharded.ShardedClassifier(shape, _Half())
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    initialise(whole, network, generators[0])
    sharded.initialise_shard(shard, network, generators[1])
    assert shard.rows == slice(51, 101)
    assert torch.equal(shard.stage2.weight, whole.stage2.weight[51:])
    assert torch.equal(shard.stage1.weight, whole.stage1.weight)
    assert torch.equal(*(generator.get_state() for generator in generators))  # the order of the clips comes next


def test_more_processes_than_classes_are_refused():
    with pytest.raises(InputError, match="--num-classes 1: too few for --shard-classes over 2"):
        sharded.ShardedClassifier(ClassifierShape(5, 6, 1), _Half())
