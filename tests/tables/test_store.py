"""Stage directories: what is written is read, by us, pandas and DuckDB; nothing half-made counts."""

import os
import random

import duckdb
import numpy as np
import pandas
import pyarrow as pa
import pytest

from rcnn.errors import InputError
from rcnn.tables import StageReader, StageWriter, features_schema, table, vector_array, vectors


def rows(names: list[str], values: np.ndarray) -> pa.RecordBatch:
    count = len(names)
    return pa.RecordBatch.from_arrays(
        [pa.array(names), pa.array(["test"] * count), vector_array(values)],
        schema=features_schema(values.shape[1]),
    )


def clips(names: list[str]) -> list[dict]:
    return [{"name": n, "split": "test", "state": "ok", "reason": "", "frames": 1, "faces": 1} for n in names]


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", 2000)  # several parts
    values = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    names = [f"clip_{i:03d}.mp4" for i in range(100)]
    path = str(tmp_path / "feat")
    with StageWriter(path, "feature", features_schema(8), arguments={"aug": 1}) as writer:
        for start in range(0, 100, 7):
            writer.add_rows(rows(names[start : start + 7], values[start : start + 7]))
            writer.add_clips(clips(names[start : start + 7]))
    return path, names, values


def test_rows_come_back_in_order_from_several_parts(written):
    path, names, values = written
    assert len(os.listdir(os.path.join(path, "features"))) > 2
    reader = StageReader(path, ("feature",))
    batches = list(reader.batches(rows=9))
    assert [n for b in batches for n in b.column("name").to_pylist()] == names
    np.testing.assert_array_equal(np.concatenate([vectors(b.column("feature")) for b in batches]), values)
    assert reader.width == 8
    assert reader.rows == 100
    assert reader.manifest["counts"]["ok"] == 100
    assert reader.manifest["arguments"] == {"aug": 1}


def test_vectors_of_a_slice_are_those_of_the_slice(written):
    _, names, values = written
    batch = rows(names, values).slice(10, 5)
    np.testing.assert_array_equal(vectors(batch.column("feature")), values[10:15])


def test_pandas_and_duckdb_read_the_directory_as_it_is(written):
    path, names, values = written
    frame = pandas.read_parquet(os.path.join(path, "features"))
    assert list(frame["name"]) == names
    np.testing.assert_array_equal(np.stack(frame["feature"]), values)
    query = f"select name, feature[1] from '{path}/features/*.parquet' order by name"
    result = duckdb.sql(query).fetchall()
    assert [row[0] for row in result] == names
    np.testing.assert_array_equal(np.array([row[1] for row in result], np.float32), values[:, 0])


def test_a_directory_without_manifest_is_not_complete(written):
    path, *_ = written
    os.remove(os.path.join(path, "manifest.json"))
    with pytest.raises(InputError, match=r"not complete; run feature\.py first: python feature\.py --input "):
        StageReader(path, ("feature",))
    StageWriter(path, "feature", features_schema(8)).close()  # and may be written again without a flag


def test_a_complete_directory_is_kept_unless_told(written):
    path, *_ = written
    with pytest.raises(InputError, match="--overwrite"):
        StageWriter(path, "feature", features_schema(8))
    StageWriter(path, "feature", features_schema(8), overwrite=True).close()
    assert StageReader(path, ("feature",)).rows == 0


def test_a_directory_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("three years of work")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        StageWriter(str(tmp_path), "feature", features_schema(8), overwrite=True)
    assert (tmp_path / "thesis.tex").exists()


def test_a_failed_run_leaves_no_manifest(tmp_path):
    path = str(tmp_path / "feat")
    with pytest.raises(RuntimeError), StageWriter(path, "feature", features_schema(8)) as writer:
        writer.add_rows(rows(["a.mp4"], np.zeros((1, 8))))
        raise RuntimeError("power is gone")
    with pytest.raises(InputError, match="not complete"):
        StageReader(path, ("feature",))


def test_another_stage_is_refused_and_named(written):
    path, *_ = written
    with pytest.raises(InputError, match=r"stage 'feature', expected the output of detect\.py"):
        StageReader(path, ("detect",))
    with pytest.raises(InputError, match=r"run detect\.py first"):
        StageReader(path + "-not-there", ("detect",))


def test_a_damaged_part_is_named(written):
    path, *_ = written
    part = os.path.join(path, "features", "part-00001.parquet")
    with open(part, "r+b") as file:
        file.truncate(100)
    with pytest.raises(InputError, match=r"part-00001\.parquet"):
        list(StageReader(path, ("feature",)).batches())


def test_rows_out_of_order_are_refused(tmp_path):
    writer = StageWriter(str(tmp_path / "feat"), "feature", features_schema(8))
    names = [f"{i}.mp4" for i in range(9)]
    random.Random(0).shuffle(names)
    with pytest.raises(ValueError, match="sorted by name"):
        writer.add_rows(rows(names, np.zeros((9, 8))))


def test_many_small_batches_take_little_memory_and_change_no_byte(tmp_path):
    schema = pa.schema([("name", pa.string())])
    rows = [pa.record_batch({"name": [f"{number:06d}"]}, schema) for number in range(5000)]
    one, many = (table.GrowingTable(str(tmp_path / name), schema) for name in ("one", "many"))
    one.add(pa.Table.from_batches(rows).combine_chunks().to_batches()[0])
    before = pa.total_allocated_bytes()
    while rows:
        many.add(rows.pop(0))
    assert len(many._batches) < 5000 / 1024 + 1024
    assert pa.total_allocated_bytes() <= before
    one.finish()
    many.finish()
    assert (tmp_path / "one/part-00000.parquet").read_bytes() == (tmp_path / "many/part-00000.parquet").read_bytes()
