"""A run whose folder was copied or moved goes on where it is, with its own data set, not with the original's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rcnn.tables import NO_FACE, StageReader, StageWriter, features_schema
from rcnn.tables.header import header_of, is_kept, other_arguments
from rcnn.tables.moved import is_own


def arguments(root: Path | str, dataset: Path | str | None = None) -> dict[str, str]:
    return {"dataset": str(dataset or f"{root}/dataset"), "output": f"{root}/feat_test"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    root = tmp_path / "found"
    (root / "dataset/gt_v2").mkdir(parents=True)
    with StageWriter(f"{root}/feat_test", "feature", features_schema(4), arguments=arguments(root)) as writer:
        row = {"name": "a.mp4", "split": "val", "state": NO_FACE, "reason": "", "frames": 1, "faces": 0}
        writer.add_clips([row])
    shutil.copytree(root, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_copy_is_kept_and_has_its_own_data_set(copy, tmp_path, capsys):
    assert is_kept(f"{copy}/feat_test", header_of("feature", arguments(copy)), overwrite=False, renew=False)
    assert StageReader(f"{copy}/feat_test", ("feature",)).arguments["dataset"] == f"{copy}/dataset"
    original = StageReader(str(tmp_path / "found/feat_test"), ("feature",))
    assert original.arguments["dataset"] == str(tmp_path / "found/dataset")


def test_without_a_data_set_in_the_copy_the_recorded_one_counts(copy, tmp_path):
    shutil.rmtree(copy / "dataset")
    found = StageReader(f"{copy}/feat_test", ("feature",)).arguments
    assert found["dataset"] == str(tmp_path / "found/dataset")


def test_a_data_set_elsewhere_does_not_move_with_a_run():
    was, now = arguments("a", "/data/dataset"), arguments("b", "/other/dataset")
    assert not is_own(was) and not is_own(now)
    assert other_arguments({"arguments": was}, {"arguments": now}) == ["dataset (/data/dataset, now /other/dataset)"]
    assert other_arguments({"arguments": arguments("a")}, {"arguments": now})


@pytest.mark.parametrize("root", ["found", "./found", "../runs/found", "/home/runs/found", "."])
def test_the_output_may_have_been_given_in_any_way(root):
    assert is_own(arguments(root, "/home/runs/found/dataset"))
    assert not is_own(arguments(root, "/home/runs/found/mine"))
    assert not is_own(arguments(root, "s3://bucket/found/dataset"))
