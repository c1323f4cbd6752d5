"""The rows of some clips, without reading parts that hold none of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.errors import InputError
from rcnn.tables import StageReader, StageWriter, features_schema, table, vector_array

NAMES = [f"{number:02d}é.mp4" for number in range(40)]
TRACKS = 3  # of each clip


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Three tracks of forty clips, in several parts; a clip's tracks may lie in two."""
    path = tmp_path_factory.mktemp("rows") / "feat"
    names = [name for name in NAMES for _ in range(TRACKS)]
    schema = features_schema(8, tracked=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "PART_BYTES", 2000)
        with StageWriter(str(path), "feature", schema) as writer:
            columns = [pa.array(names), pa.array(["train"] * len(names))]
            numbers = pa.array(list(range(TRACKS)) * len(NAMES), pa.int32())
            vectors = vector_array(np.arange(len(names) * 8, dtype=np.float32).reshape(-1, 8))
            writer.add_rows(pa.RecordBatch.from_arrays([*columns, numbers, vectors], schema=schema))
            clip = {"split": "train", "state": "ok", "reason": "", "frames": 1, "faces": 1}
            writer.add_clips([{"name": name, **clip} for name in NAMES])
    assert len(list((path / "features").iterdir())) > 3
    return path


@given(wanted=st.sets(st.one_of(st.sampled_from(NAMES), st.sampled_from(["", "0", "05é", "99", "\U0001f600"]))))
@settings(max_examples=30)
def test_they_are_the_rows_that_a_filter_gives(whole, wanted):
    reader = StageReader(str(whole), ("feature",))
    found = [row for batch in reader.rows_of(wanted) for row in batch.to_pylist()]
    assert found == [row for batch in reader.batches() for row in batch.to_pylist() if row["name"] in wanted]
    some = [row for batch in reader.rows_of(wanted, ["name", "track"]) for row in batch.to_pylist()]
    assert some == [{"name": row["name"], "track": row["track"]} for row in found]


def test_only_parts_that_may_hold_them_are_read(whole, tmp_path):
    copy = tmp_path / "feat"
    (copy / "features").mkdir(parents=True)
    for path in whole.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(whole)).parent.mkdir(exist_ok=True)
            (copy / path.relative_to(whole)).write_bytes(path.read_bytes())
    last = sorted((copy / "features").iterdir())[-1]
    data = bytearray(last.read_bytes())
    data[40] ^= 1  # of a page, not of the footer
    last.write_bytes(data)
    reader = StageReader(str(copy), ("feature",))
    assert sum(len(batch) for batch in reader.rows_of(NAMES[:1])) == TRACKS
    with pytest.raises(InputError, match="does not have the bytes that were written"):
        list(reader.rows_of(NAMES[-1:]))
