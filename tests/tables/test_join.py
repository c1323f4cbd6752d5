"""Stage directories side by side, against dictionaries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.errors import InputError
from rcnn.tables import StageReader, StageWriter, features_schema, join, training_schema, vector_array, vectors
from rcnn.tables.join import concatenate, join_rows, open_inputs

Key = tuple[str, int]  # name and track


def batch(keys: list[Key], width: int, tracked: bool, first: float = 0.0) -> pa.RecordBatch:
    """Rows that hold their own place among all names, so that no two vectors are the same."""
    values = [[first + 100 * int(name[:2]) + 10 * track + column for column in range(width)] for name, track in keys]
    columns = {
        "name": pa.array([name for name, _ in keys], pa.string()),
        "split": pa.array([split_of(name) for name, _ in keys], pa.string()),
        "track": pa.array([track for _, track in keys], pa.int32()),
        "feature": vector_array(np.array(values, np.float32).reshape(-1, width)),
    }
    schema = features_schema(width, tracked)
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def split_of(name: str) -> str:
    return ("train", "val", "test")[int(name[:2]) % 3]


class Input(SimpleNamespace):
    """What a reader of a stage directory gives, out of memory.

    keys : name and track of the rows, in their order
    step : rows of a batch
    """

    path = "in"

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        self.asked = rows
        for start in range(0, len(self.keys), self.step):
            yield batch(self.keys[start : start + self.step], self.width, self.tracked, self.first)
            yield batch([], self.width, self.tracked)  # a reader of a part of the clips may give none of a batch


def reader(keys: list[Key], width: int = 2, tracked: bool = False, first: float = 0.0, step: int = 3) -> Input:
    return Input(keys=keys, width=width, tracked=tracked, first=first, step=step)


def vector(key: Key, width: int, first: float) -> list[float]:
    return vectors(batch([key], width, True, first).column("feature"))[0].tolist()


names = st.sets(st.integers(0, 15), max_size=10).map(lambda numbers: [(f"{n:02d}.mp4", 0) for n in sorted(numbers)])
keys = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=14).map(
    lambda pairs: [(f"{n:02d}.mp4", track) for n, track in sorted(pairs)]
)
inputs = st.booleans().flatmap(
    lambda tracked: st.lists(
        st.builds(
            reader,
            keys if tracked else names,
            width=st.integers(1, 3),
            tracked=st.just(tracked),
            first=st.integers(0, 9),
            step=st.integers(1, 4),
        ),
        min_size=1,
        max_size=3,
    )
)


@settings(deadline=None)
@given(inputs)
def test_every_key_of_any_input_once_and_in_order(readers):
    found = list(join_rows(readers))
    assert [(row.name, row.track) for row in found] == sorted({key for one in readers for key in one.keys})
    for row in found:
        key = (row.name, row.track)
        assert row.split == split_of(row.name)
        expected = [vector(key, one.width, one.first) if key in one.keys else None for one in readers]
        assert [None if value is None else value.tolist() for value in row.vectors] == expected


@settings(deadline=None)
@given(inputs, st.integers(1, 6), st.integers(-1, 15))
def test_vectors_of_what_all_have_stand_one_behind_the_other(readers, rows, done):
    start_after = f"{done:02d}.mp4" if done >= 0 else ""
    shared = set.intersection(*(set(one.keys) for one in readers))
    wanted = sorted(key for key in shared if key[0] > start_after)
    found = list(concatenate(readers, rows, start_after))
    assert [name for one in found for name in one.names] == [name for name, _ in wanted]
    expected = [[x for one in readers for x in vector(key, one.width, one.first)] for key in wanted]
    assert [row for one in found for row in one.vectors.tolist()] == expected
    for one in found:
        assert one.splits == [split_of(name) for name in one.names]
    for one, following in pairwise(found):
        assert one.names[-1] != following.names[0]  # no clip's tracks are torn apart,
        assert len(one.names) >= rows  # only the last batch is short,
        assert len(set(one.names[rows:])) <= 1 and one.names[rows - 1 :] == [one.names[-1]] * (
            len(one.names) - rows + 1
        )


def test_a_batch_ends_with_the_tracks_of_its_last_clip():
    one = reader(
        [("01.mp4", 0), ("02.mp4", 0), ("02.mp4", 1), ("02.mp4", 2), ("03.mp4", 0), ("04.mp4", 0)], tracked=True
    )
    assert [found.names for found in concatenate([one], 2)] == [
        ["01.mp4", "02.mp4", "02.mp4", "02.mp4"], ["03.mp4", "04.mp4"],
    ]  # fmt: skip
    assert [found.names for found in concatenate([one], 6)] == [[name for name, _ in one.keys]]
    assert list(concatenate([one], 2, "04.mp4")) == []


def test_what_was_joined_is_a_record_of_a_stage_and_teaches_labels():
    one, other = reader([("01.mp4", 0), ("02.mp4", 0)], 2), reader([("01.mp4", 0), ("02.mp4", 0)], 3, first=5)
    (found,) = concatenate([one, other], 9)
    record = found.record(features_schema(5))
    assert record.schema.equals(features_schema(5))
    assert record.to_pylist() == [
        {"name": "01.mp4", "split": "val", "feature": [100, 101, 105, 106, 107]},
        {"name": "02.mp4", "split": "test", "feature": [200, 201, 205, 206, 207]},
    ]
    taught = found.record(training_schema(5), np.array([7, -1], np.int32))
    assert taught.schema.equals(training_schema(5)) and taught["label"].to_pylist() == [7, -1]
    assert taught.drop_columns("label").equals(record)


@pytest.mark.parametrize(
    ("width", "rows"), [(1, 4096), (1024, 4096), (2048, 2048), (1 << 22, 1), (1 << 23, 1), (0, 4096)]
)
def test_no_more_is_held_than_a_batch(width, rows):
    one = Input(keys=[], width=width, tracked=False, first=0.0, step=1)
    assert list(join_rows([one])) == []
    assert one.asked == rows and type(one.asked) is int
    assert rows * width * 4 <= join.BATCH_BYTES or rows == 1


@pytest.mark.parametrize(
    ("tracked", "order", "words"),
    [
        (False, [("02.mp4", 0), ("01.mp4", 0)], "01.mp4 does not come after 02.mp4"),
        (False, [("01.mp4", 0), ("01.mp4", 0)], "01.mp4 does not come after 01.mp4"),
        (False, [("01.mp4", 0), ("02.mp4", 0), ("02.mp4", 0)], "02.mp4 does not come after 02.mp4"),
        (True, [("01.mp4", 1), ("01.mp4", 0)], "01.mp4 does not come after 01.mp4"),
        (True, [("01.mp4", 1), ("01.mp4", 1)], "01.mp4 does not come after 01.mp4"),
        (True, [("02.mp4", 0), ("01.mp4", 1)], "01.mp4 does not come after 02.mp4"),
    ],
)
@pytest.mark.parametrize("step", [1, 5])
def test_an_input_that_is_not_sorted_is_named(tracked, order, words, step):
    with pytest.raises(InputError) as caught:
        list(join_rows([reader(order, tracked=tracked, step=step)]))
    assert str(caught.value) == f"in: {words}; make it again"


def test_inputs_of_two_data_sets_are_named():
    class Other(Input):
        path = "other"

        def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
            for found in super().batches(rows):
                column = found.schema.get_field_index("split")
                changed = pa.array(["val"], pa.string())
                yield found.set_column(column, found.schema.field(column), changed) if len(found) else found

    one = reader([("02.mp4", 0)])
    other = Other(keys=[("02.mp4", 0)], width=2, tracked=False, first=0.0, step=1)
    with pytest.raises(InputError) as caught:
        list(join_rows([one, reader([("03.mp4", 0)]), other]))
    assert str(caught.value) == "other: '02.mp4' is of val, in in of test; give inputs of one data set"


def write(path: Path, keys: list[Key], tracked: bool = False) -> str:
    with StageWriter(str(path), "feature", features_schema(2, tracked)) as out:
        out.add_rows(batch(keys, 2, tracked))
        who = {"split": "test", "state": "ok", "reason": "", "frames": 1, "faces": 1}
        out.add_clips([{"name": name, **who} for name in sorted({name for name, _ in keys})])
    return str(path)


def test_inputs_are_opened_in_their_order_and_in_parts(tmp_path):
    all_keys = [(f"{number:02d}.mp4", 0) for number in range(12)]
    paths = [write(tmp_path / name, all_keys) for name in ("b", "a")]
    assert [one.path for one in open_inputs(paths, ("feature",))] == paths
    assert [row.name for row in join_rows(open_inputs(paths, ("feature",)))] == [name for name, _ in all_keys]
    parts = [[row.name for row in join_rows(open_inputs(paths, ("feature",), (part, 2)))] for part in range(2)]
    assert all(parts) and sorted(parts[0] + parts[1]) == [name for name, _ in all_keys]
    assert type(open_inputs(paths, ("feature",))[0]) is StageReader


def test_inputs_that_do_not_go_together(tmp_path):
    plain, tracked = write(tmp_path / "a", [("01.mp4", 0)]), write(tmp_path / "b", [("01.mp4", 0)], True)
    with pytest.raises(InputError) as caught:
        open_inputs([plain, tracked, plain], ("feature",))
    assert str(caught.value) == f"--inputs {plain},{tracked},{plain}: has a directory twice"
    with pytest.raises(InputError) as caught:
        open_inputs([plain, tracked], ("feature",))
    assert str(caught.value) == (
        f"--inputs {plain},{tracked}: some are of detect.py --faces all and others are not; give all of one kind"
    )
    with pytest.raises(InputError, match="was written by stage 'feature', expected the output of"):
        open_inputs([plain], ("predict",))
    assert [one.tracked for one in open_inputs([tracked], ("feature",))] == [True]
