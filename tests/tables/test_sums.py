"""No part is read that has other bytes than were written, and none gets a fresh sum unchecked."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from labelled import write_labels

from rcnn.errors import InputError, Stopped
from rcnn.stages.genfeat import GenfeatSettings, genfeat
from rcnn.stages.merge import MergeSettings, merge
from rcnn.tables import StageReader, StageWriter, features_schema, table, vector_array
from rcnn.tables.whole import faults

WIDTH, CLIPS = 64, 40
NAMES = [f"clip_{number:02d}.mp4" for number in range(CLIPS)]
VALUES = np.random.default_rng(0).normal(size=(CLIPS, WIDTH)).astype(np.float32)
FLIPS, RESUMES = 60, 20


def add(out: StageWriter, first: int, last: int) -> None:
    names = NAMES[first:last]
    who = {"split": "train", "state": "ok", "reason": "", "frames": 1, "faces": 1}
    out.add_clips([{"name": name, **who} for name in names])
    columns = [pa.array(names), pa.array(["train"] * len(names))]
    batch = pa.RecordBatch.from_arrays([*columns, vector_array(VALUES[first:last])], schema=out.schema)
    out.add_rows(batch)


def write(path: Path, stop_after: int = CLIPS) -> None:
    """Features of forty clips, four at a time; goes on where it was stopped."""
    with StageWriter(str(path), "feature", features_schema(WIDTH), arguments={"split": [0, 1]}) as out:
        for first in range(out.state.get("clips", 0), CLIPS, 4):
            if first >= stop_after:
                raise Stopped(15)
            add(out, first, first + 4)
            out.save(clips=first + 4)


@pytest.fixture
def whole(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(table, "PART_BYTES", 6000)  # several parts
    write(tmp_path / "feat")
    return tmp_path / "feat"


def flip(part: Path, place: float) -> None:
    """Turn one bit round."""
    data = bytearray(part.read_bytes())
    at = int(place * len(data))
    data[at] ^= 1 << (at % 8)
    part.write_bytes(data)


@pytest.mark.parametrize("folder", ["features", "clips"])
def test_a_flipped_bit_is_refused_at_the_next_stage_by_name(whole, tmp_path, folder):
    rng = random.Random(0)
    dataset = write_labels(tmp_path / "data", dict.fromkeys(NAMES, 1))
    parts = sorted((whole / folder).iterdir())
    for number in range(FLIPS):
        part = rng.choice(parts)
        good = part.read_bytes()
        flip(part, rng.random())
        with pytest.raises(InputError, match=rf"{folder}/{part.name}: .*feature\.py"):
            genfeat(GenfeatSettings((str(whole),), str(tmp_path / f"set{number}"), dataset))
        assert not (tmp_path / f"set{number}/manifest.json").exists()
        part.write_bytes(good)
    genfeat(GenfeatSettings((str(whole),), str(tmp_path / "set"), dataset))


def test_the_line_names_the_command(whole):
    flip(sorted((whole / "features").iterdir())[1], 0.5)
    with pytest.raises(InputError, match=rf"make it again with feature\.py --output {whole} --overwrite"):
        list(StageReader(str(whole), ("feature",)).batches())


def test_merge_gives_damage_no_fresh_sum(whole, tmp_path):
    flip(sorted((whole / "features").iterdir())[0], 0.5)
    with pytest.raises(InputError, match=r"features/part-00000\.parquet: does not have the bytes"):
        merge(MergeSettings((str(whole),), str(tmp_path / "merged")))
    assert not (tmp_path / "merged/manifest.json").exists()


@pytest.mark.parametrize("change", ["missing", "more", "empty sums"])
def test_other_parts_than_the_manifest_has_are_refused(whole, change):
    parts = sorted((whole / "clips").iterdir()) + sorted((whole / "features").iterdir())
    what = {"missing": rf"{parts[-1].name} is missing", "more": "part-00099.parquet is not in the manifest"}
    if change == "missing":
        parts[-1].unlink()
    elif change == "more":
        shutil.copy(parts[0], parts[0].with_name("part-00099.parquet"))
    else:
        document = json.loads((whole / "manifest.json").read_text())
        (whole / "manifest.json").write_text(json.dumps({**document, "parts": {}}))
    with pytest.raises(InputError, match=what.get(change, "is not in the manifest")):
        StageReader(str(whole), ("feature",))


def test_a_part_is_checked_once_and_only_when_it_is_read(whole, monkeypatch):
    read = []
    real = table.files.sha256
    monkeypatch.setattr("rcnn.tables.parts.files.sha256", lambda path: read.append(path) or real(path))
    reader = StageReader(str(whole), ("feature",))
    assert read == []
    next(reader.batches(rows=1))
    assert len(read) == 1
    for _ in range(2):
        list(reader.batches())
    assert len(read) == len(set(read)) == len(list((whole / "features").iterdir()))


def test_a_run_goes_on_from_no_part_that_was_changed(tmp_path):
    """The rows of the part that is not full are read, and would get a fresh sum."""
    path = tmp_path / "feat"
    refused = 0
    for number in range(RESUMES):
        shutil.rmtree(path, ignore_errors=True)
        with pytest.raises(Stopped):
            write(path, 20)
        flip(path / "features/part-00000.parquet", number / RESUMES)
        try:
            write(path)
        except InputError as error:
            assert "features/part-00000.parquet: " in str(error) and "--overwrite" in str(error)
            refused += 1
        else:  # the flip changed no row, so what was written is sound
            assert faults(str(path)) == []
            np.testing.assert_array_equal(vectors_of(path), VALUES)
    assert refused > RESUMES / 2


def vectors_of(path: Path) -> np.ndarray:
    batches = list(StageReader(str(path), ("feature",)).batches(["feature"]))
    return np.concatenate([batch.column(0).flatten().to_numpy().reshape(-1, WIDTH) for batch in batches])
