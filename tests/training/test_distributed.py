"""train_mlp.py under torchrun: two processes give what one gives, resume each other's runs and fail together."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rcnn.checkpoint import load_checkpoint
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.store import StageWriter, features_schema, vector_array

ROOT = Path(__file__).parents[2]
WIDTH, CLASSES, CLIPS = 16, 7, 61
TOLERANCE = 2e-5  # of weights up to 1; sums over two halves are rounded otherwise than sums over the whole
FLAGS = {
    "--num-classes": CLASSES, "--num-filter": 24, "--lr-step": "3,4", "--per-batch-size": 15, "--lr": 0.05, "--gpu": -1,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """61 clips of seven classes with a large mean, so that statistics of half a batch would show."""
    path = tmp_path_factory.mktemp("set") / "set"
    random = np.random.default_rng(0)
    label = np.arange(CLIPS) % CLASSES
    features = (random.normal(size=(CLASSES, WIDTH))[label] + random.normal(size=(CLIPS, WIDTH)) + 3).astype(np.float32)
    names = [f"{i:05d}.mp4" for i in range(CLIPS)]
    splits = ["val" if i % 3 == 2 else "train" for i in range(CLIPS)]
    with StageWriter(str(path), "genfeat", features_schema(WIDTH)) as writer:
        columns = [pa.array(names), pa.array(splits), pa.array(label, pa.int32()), vector_array(features)]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
        rest = {"state": "ok", "reason": "", "frames": 3, "faces": 3}
        who = zip(names, splits, label.tolist(), strict=True)
        writer.add_clips([{"name": n, "split": s, "label": v, **rest} for n, s, v in who])
    return path


def command(data: Path, prefix: Path, processes: int, **flags) -> list[str]:
    """The command line; `flag=None` leaves a flag out, `flag=True` gives it without a value."""
    given = {**FLAGS, "--data": data, "--prefix": prefix}
    given |= {f"--{name.replace('_', '-')}": value for name, value in flags.items()}
    words = [str(w) for n, v in given.items() if v is not None for w in ((n,) if v is True else (n, v))]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [sys.executable, *(launcher if processes > 1 else []), "train_mlp.py", *words]


def run(data: Path, prefix: Path, processes: int = 2, **flags) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command(data, prefix, processes, **flags), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


def alone(data: Path, prefix: Path, **changes) -> None:
    """One process, this one."""
    same = {"num_classes": CLASSES, "num_filter": 24, "lr_step": (3, 4), "per_batch_size": 15, "lr": 0.05, "gpu": -1}
    train_mlp(TrainSettings(str(data), str(prefix), **{**same, **changes}))


def difference(one: Path, other: Path) -> float:
    """Largest difference of a weight or statistic."""
    first, second = (load_checkpoint(f"{prefix},4").params for prefix in (one, other))
    assert first.keys() == second.keys()
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)


def curve(prefix: Path) -> list[dict]:
    lines = json.loads(Path(f"{prefix}-train.json").read_text())["curve"]
    return [{key: value for key, value in line.items() if key != "rows_per_second"} for line in lines]


CASES = {  # flags of the script, changes of TrainSettings
    "mlp": ({"fbn": True, "split": 0}, {"fbn": True, "split": 0}),
    "cosine": ({"head": "cosine"}, {"head": "cosine"}),
}


@pytest.mark.parametrize("case", CASES)
def test_two_processes_give_the_weights_of_one(case, data, tmp_path):
    flags, changes = CASES[case]
    two = run(data, tmp_path / "two", **flags)
    assert two.returncode == 0, two.stderr
    assert two.stdout.count("train_mlp: 6") == 2  # begin and end, from one of the processes
    alone(data, tmp_path / "one", **changes)
    print(f"{case}: largest difference {difference(tmp_path / 'one', tmp_path / 'two'):.1e}")
    assert difference(tmp_path / "one", tmp_path / "two") < TOLERANCE
    for line, other in zip(curve(tmp_path / "one"), curve(tmp_path / "two"), strict=True):
        assert line.pop("val_accuracy") == other.pop("val_accuracy")
        assert line == pytest.approx(other, rel=1e-4)
    assert sorted(path.name for path in tmp_path.glob("two*")) == [
        "two-0004.params",
        "two-symbol.json",
        "two-train.json",
    ]
