"""The short form of benchmarks/faults.py: stages that are killed, and whose disk is full, lose nothing."""

from __future__ import annotations

import random
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import faults

from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.tables import StageReader
from rcnn.training.mlp import Classifier

STAGES = {stage.script: stage for stage in faults.stages()}
TRAIN = STAGES["train_mlp.py"]
STAGES["train_mlp.py"] = replace(TRAIN, arguments=(*TRAIN.arguments, "--lr-step", "3,4"), output="mlp-0004.params")


@pytest.fixture(scope="module")
def ref(tmp_path_factory) -> Path:
    """A thousand clips with random vectors, and a classifier."""
    path = tmp_path_factory.mktemp("ref")
    faults.write_vectors(path / "vectors", 1000)
    shape = ClassifierShape(faults.WIDTH, 16, faults.CLASSES)
    save_checkpoint(f"{path / 'mlp'},40", build_graph(shape, Classifier(shape).arrays()))
    return path


@pytest.fixture(scope="module")
def to_train(ref, tmp_path_factory) -> Path:
    """What train_mlp.py starts from, apart from the classifier that predict.py uses."""
    faults.Torment(STAGES["genfeat.py"], ref, random.Random(0), 0.0)
    path = tmp_path_factory.mktemp("to_train")
    (path / "train").symlink_to(ref / "train")
    return path


@pytest.fixture
def tormented(ref, to_train, request, monkeypatch) -> faults.Torment:
    """One stage; its undisturbed output, which nothing changes, is made once for all tests."""
    monkeypatch.setattr(faults, "PATIENCE", PATIENCE)
    if request.param == "submit.py":
        faults.Torment(STAGES["predict.py"], ref, random.Random(0), 0.0)
    where = to_train if request.param == "train_mlp.py" else ref
    return faults.Torment(STAGES[request.param], where, random.Random(0), 0.0)


@pytest.mark.parametrize("tormented", ["genfeat.py", "predict.py", "submit.py"], indirect=True)
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tormented):
    tormented.kill(3)
    assert sum(tormented.tally.kills.values()) == 3
    assert tormented.tally.ended >= 1
    assert tormented.tally.lost == []


@pytest.mark.parametrize("tormented", ["genfeat.py", "train_mlp.py", "submit.py"], indirect=True)
def test_with_a_full_disk_it_says_so_and_goes_on_later(tormented, tmp_path):
    tormented.fill(1, tmp_path)  # no mount: a limit on the size of files
    assert (tormented.tally.full, tormented.tally.ended) == (1, 1)
    assert tormented.tally.lost == []


def test_half_an_output_is_noticed(ref, tmp_path):
    """The benchmark's own eyes: damaged parts and files are not whole output."""
    path = tmp_path / "vectors"
    shutil.copytree(ref / "vectors", path)
    expected = faults.written(path)
    assert faults.half_done(path, expected) is None
    part = next(path.glob("features/*.parquet"))
    good = part.read_bytes()
    part.write_bytes(good[:100] + b"x" + good[101:])
    assert "has other bytes than were written" in faults.half_done(path, expected)
    part.write_bytes(good[:-1])
    assert "has other bytes than were written" in faults.half_done(path, expected)
    (path / "manifest.json").unlink()
    assert faults.half_done(path, expected) is None  # it does not look complete
    file = tmp_path / "submission.txt"
    file.write_text("1 a.mp4\n")
    assert faults.half_done(file, {"submission.txt": b"1 a.mp4\n2 b.mp4\n"}) == "a file with other bytes"


def test_the_vectors_are_not_all_alike(ref):
    reader = StageReader(str(ref / "vectors"), ("feature",))
    values = np.concatenate(
        [np.stack(batch.column("feature").to_numpy(zero_copy_only=False)) for batch in reader.batches()]
    )
    assert values.shape == (900, faults.WIDTH)
    assert len(np.unique(values[:, 0])) > 890
