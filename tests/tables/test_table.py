"""A growing table against rows in memory: where parts end, going on after any row, and what lies."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.errors import InputError
from rcnn.files.schema import checked
from rcnn.tables import table
from rcnn.tables.progress import SavedTable
from rcnn.tables.table import GrowingTable, part_name, row_bytes

SCHEMA = pa.schema([("name", pa.string()), ("split", pa.string()), ("crop", pa.binary())])
ROWS = [(f"{number // 2:03d}.mp4", ("val", "test")[number % 2], bytes(number * 37 % 61)) for number in range(24)]
PART = 200  # bytes of a part here
SIZES = [len(name) + 4 + len(split) + 4 + len(crop) + 4 for name, split, crop in ROWS]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", PART)


def batch(rows: list[tuple[str, str, bytes]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else [(), (), ()]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def grow(path: Path, rows: list[tuple[str, str, bytes]], *, step: int = 1, saved: Any = None) -> GrowingTable:
    """A table with rows that come `step` at a time, after what was `saved`."""
    grown = GrowingTable(str(path), SCHEMA)
    if saved is not None:
        grown.resume(of(saved))
    for start in range(0, len(rows), step):
        grown.add(batch(rows[start : start + step]))
    return grown


def of(saved: Any) -> SavedTable:
    """What `save` gave, as it comes back from the disk."""
    return checked(json.loads(json.dumps(saved)), SavedTable)


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def rows_of(path: Path) -> list[tuple[str, str, bytes]]:
    return [tuple(row.values()) for file in sorted(path.iterdir()) for row in pq.read_table(file).to_pylist()]


def slow_parts(sizes: list[int]) -> list[int]:
    """How many rows each part has: it is full with the row with which it has PART bytes or more."""
    parts, inside, held = [], 0, 0
    for size in sizes:
        inside, held = inside + 1, held + size
        if held >= PART:
            parts.append(inside)
            inside = held = 0
    return parts + ([inside] if inside or not parts else [])


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """The files of an undisturbed table."""
    path = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "PART_BYTES", PART)
        grow(path, ROWS).finish()
    assert len(contents(path)) > 4
    return contents(path)


def test_bytes_of_a_row_by_hand():
    rows = pa.table(
        {
            "text": pa.array(["", "ab", "é人"]),
            "bytes": pa.array([b"12345", b"", b"1"]),
            "float": pa.array([1, 2, 3], pa.float64()),
            "number": pa.array([1, 2, 3], pa.int32()),
            "small": pa.array([1, 2, 3], pa.int8()),
            "bool": pa.array([True, False, True]),
            "vector": pa.array([[1.0] * 3] * 3, pa.list_(pa.float32(), 3)),
            "halves": pa.array([[1, 2]] * 3, pa.list_(pa.int16(), 2)),
        }
    )
    sizes = row_bytes(rows.to_batches()[0])
    assert sizes.dtype == np.int64
    fixed = 8 + 4 + 1 + 1 + 12 + 4
    assert sizes.tolist() == [fixed + (0 + 4) + (5 + 4), fixed + (2 + 4) + (0 + 4), fixed + (5 + 4) + (1 + 4)]
    assert row_bytes(batch(ROWS)).tolist() == SIZES


def test_names_of_parts_sort_as_their_numbers():
    assert [part_name(number) for number in (0, 7, 12345)] == [
        "part-00000.parquet", "part-00007.parquet", "part-12345.parquet",
    ]  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 120), max_size=30), st.integers(1, 31))
def test_parts_end_where_the_rows_say_whatever_the_batches(tmp_path_factory, lengths, step):
    path = tmp_path_factory.mktemp("run")
    rows = [(f"{number:02d}", "test", bytes(length)) for number, length in enumerate(lengths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "PART_BYTES", PART)
        grown = grow(path, rows, step=step)
        grown.finish()
    sizes = [2 + 4 + 4 + 4 + length + 4 for length in lengths]
    names = sorted(contents(path))
    assert names == [part_name(number) for number in range(len(names))] == list(grown.sums)
    assert [pq.read_metadata(path / name).num_rows for name in names] == slow_parts(sizes)
    assert rows_of(path) == rows
    assert grown.total == len(rows)
    assert grown.last == (rows[-1][0] if rows else "")


def test_a_part_is_full_with_its_last_byte_and_not_before(tmp_path):
    rows = [(name, "test", bytes(size - 17)) for name, size in zip("abcd", (PART, PART - 1, 17, 17), strict=True)]
    assert row_bytes(batch(rows)).tolist() == [PART, PART - 1, 17, 17]
    grow(tmp_path, rows).finish()
    assert [pq.read_metadata(tmp_path / name).num_rows for name in sorted(contents(tmp_path))] == [1, 2, 1]


@pytest.mark.parametrize("step", [2, 3, 7, 24])
def test_batches_change_no_byte(step, whole, tmp_path):
    grown = grow(tmp_path, ROWS, step=step)
    grown.finish()
    assert contents(tmp_path) == whole
    assert grown.sums == {name: hashlib.sha256(data).hexdigest() for name, data in whole.items()}


def test_a_batch_without_rows_is_nothing(whole, tmp_path):
    grown = grow(tmp_path, ROWS[:5])
    grown.add(batch([]))
    for row in ROWS[5:]:
        grown.add(batch([row]))
    grown.finish()
    assert contents(tmp_path) == whole


def test_a_table_without_rows_is_one_part_without_rows(tmp_path):
    grow(tmp_path, []).finish()
    assert list(contents(tmp_path)) == ["part-00000.parquet"]
    assert pq.read_schema(tmp_path / "part-00000.parquet").equals(SCHEMA)
    assert rows_of(tmp_path) == []


def test_a_table_that_ends_with_a_full_part_has_no_part_without_rows(tmp_path):
    full = ROWS[: slow_parts(SIZES)[0]]
    grow(tmp_path, full).finish()
    assert list(contents(tmp_path)) == ["part-00000.parquet"]


def test_names_must_rise_and_may_come_twice(tmp_path):
    grown = grow(tmp_path, [("b", "test", b""), ("b", "test", b"")])
    with pytest.raises(ValueError, match=r"sorted by name: 'a' after 'b'"):
        grown.add(batch([("a", "test", b"")]))
    with pytest.raises(ValueError, match=r"sorted by name: 'c' after 'd'"):
        grown.add(batch([("d", "test", b""), ("c", "test", b"")]))


def groups_of(path: Path) -> list[list[int]]:
    """Rows of each row group of each part."""
    files = [pq.read_metadata(path / name) for name in sorted(contents(path))]
    return [[file.row_group(group).num_rows for group in range(file.num_row_groups)] for file in files]


def test_a_row_group_is_a_row_at_least(tmp_path):
    grow(tmp_path, [(name, "test", bytes(100)) for name in "ab"]).finish()
    assert groups_of(tmp_path) == [[1, 1]]


@pytest.mark.parametrize("step", [1, 180])
def test_parts_are_zstd_in_groups_of_a_quarter_with_dictionaries_where_they_help(step, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", 8000)
    rows = [(f"{number:04d}", "test", bytes(82)) for number in range(180)]  # 102 bytes each
    grow(tmp_path, rows, step=step).finish()
    full = [19, 19, 19, 19, 3]  # 8000 / 4 / 102; the last part has fewer rows
    assert groups_of(tmp_path) == [full, full, [19, 3]]
    metadata = [pq.read_metadata(tmp_path / name) for name in sorted(contents(tmp_path))]
    columns = [metadata[0].row_group(0).column(number) for number in range(3)]
    assert {column.compression for column in columns} == {"ZSTD"}
    assert [column.has_dictionary_page for column in columns] == [True, True, False]


def test_many_small_batches_are_put_together(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", 1 << 20)
    monkeypatch.setattr(table, "LOOSE", 4)
    grown = GrowingTable(str(tmp_path / "many"), SCHEMA)
    held = []
    for row in ROWS:
        grown.add(batch([row]))
        held.append(len(grown._batches))
    assert held[:9] == [1, 2, 3, 1, 2, 3, 4, 2, 3]
    grown.finish()
    grow(tmp_path / "one", ROWS, step=len(ROWS)).finish()
    assert contents(tmp_path / "many") == contents(tmp_path / "one")


def test_after_a_part_is_full_batches_are_counted_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "LOOSE", 4)
    grown = GrowingTable(str(tmp_path), SCHEMA)
    for name in "ab":
        grown.add(batch([(name, "test", b"")]))
    grown.add(batch([("c", "test", bytes(PART))]))  # fills the part
    held = []
    for name in "defgh":
        grown.add(batch([(name, "test", b"")]))
        held.append(len(grown._batches))
    assert held == [1, 2, 3, 1, 2]


def test_after_saving_batches_are_counted_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "LOOSE", 4)
    grown = grow(tmp_path, [("a", "test", b""), ("b", "test", b"")])
    grown.save()
    held = []
    for name in "cdef":
        grown.add(batch([(name, "test", b"")]))
        held.append(len(grown._batches))
    assert held == [2, 3, 4, 2]


@pytest.mark.parametrize("stop", range(len(ROWS) + 1))
def test_it_goes_on_after_any_row(stop, whole, tmp_path):
    """Stopped once after each number of rows, and once more soon after it went on."""
    grown = grow(tmp_path, ROWS[:stop])
    saved = grown.save()
    assert rows_of(tmp_path) == ROWS[:stop]
    assert (saved["total"], saved["last"]) == (stop, ROWS[stop - 1][0] if stop else "")
    assert saved["rows"] == stop - sum(slow_parts(SIZES[:stop])[: len(saved["sums"])])
    again = grow(tmp_path, ROWS[stop : stop + 2], saved=saved)
    assert (again.total, again.last) == (min(stop + 2, len(ROWS)), (ROWS[: stop + 2] or [("",)])[-1][0])
    third = grow(tmp_path, ROWS[stop + 2 :], saved=again.save())
    third.finish()
    assert contents(tmp_path) == whole
    assert third.sums == {name: hashlib.sha256(data).hexdigest() for name, data in whole.items()}


@pytest.mark.parametrize("stop", range(0, len(ROWS) + 1, 3))
@pytest.mark.parametrize("more", [1, 5, len(ROWS)])
def test_rows_that_came_after_the_last_save_are_forgotten(stop, more, whole, tmp_path):
    """The part was written once more, and others were filled, before the power failed."""
    grown = grow(tmp_path, ROWS[:stop])
    saved = copy.deepcopy(grown.save())
    for row in ROWS[stop : stop + more]:
        grown.add(batch([row]))
    grown.save()
    again = GrowingTable(str(tmp_path), SCHEMA)
    again.resume(of(saved))
    assert sorted(contents(tmp_path)) == [
        part_name(number) for number in range(len(saved["sums"]) + (saved["rows"] > 0))
    ]
    assert again.total == stop
    for row in ROWS[stop:]:
        again.add(batch([row]))
    again.finish()
    assert contents(tmp_path) == whole


def test_saving_keeps_the_rows_in_memory(whole, tmp_path):
    grown = GrowingTable(str(tmp_path), SCHEMA)
    for row in ROWS:
        grown.add(batch([row]))
        grown.save()
    grown.finish()
    assert contents(tmp_path) == whole


def test_what_an_earlier_run_left_goes_when_the_table_is_finished(tmp_path):
    full = ROWS[: slow_parts(SIZES)[0]]
    grown = grow(tmp_path, full)
    (tmp_path / "part-00001.parquet").write_bytes(b"left over")
    grown.finish()
    assert list(contents(tmp_path)) == ["part-00000.parquet"]


@pytest.fixture
def saved(tmp_path) -> dict[str, Any]:
    """Of a table that was stopped with full parts and a few rows more."""
    found = grow(tmp_path, ROWS[:12]).save()
    assert len(found["sums"]) > 1 and found["rows"] > 1
    return found


@pytest.mark.parametrize("key", ["rows", "bytes", "total", "digest", "last", "sums"])
def test_each_part_of_what_was_saved_is_needed(key, saved):
    del saved[key]
    with pytest.raises(ValueError, match=f"missing required field `{key}`"):
        of(saved)


@pytest.mark.parametrize("key", ["rows", "bytes", "total"])
@pytest.mark.parametrize("value", [-1, True, "3", 1.5, None, [1], 1 << 62])
def test_numbers_are_whole_and_not_below_0(key, value, saved):
    with pytest.raises(ValueError, match=rf"Expected `int`.* - at `\$\.{key}`"):
        of({**saved, key: value})


@pytest.mark.parametrize("value", [3, None, ["a"]])
def test_the_last_name_is_text(value, saved):
    with pytest.raises(ValueError, match=r"Expected `str`, got"):
        of({**saved, "last": value})


def test_numbers_may_be_0(tmp_path):
    grown = grow(tmp_path, [])
    saved = {"sums": {}, "rows": 0, "bytes": 0, "digest": "", "last": "", "total": 0}
    assert grown.save() == saved
    GrowingTable(str(tmp_path), SCHEMA).resume(of(saved))


def test_numbers_may_be_the_largest_that_there_are(saved, tmp_path):
    grown = GrowingTable(str(tmp_path), SCHEMA)
    grown.resume(of({**saved, "total": (1 << 62) - 1}))
    assert grown.total == (1 << 62) - 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda sums: dict(reversed(sums.items())), "parts are numbered from 0"),
        (lambda sums: {**sums, "../../etc/passwd": "0" * 64}, "Expected `str` matching regex .*"),
        (lambda sums: {"part-00001.parquet": "0" * 64}, "parts are numbered from 0"),
        (lambda sums: {**sums, "part-00000.parquet": "0" * 63}, "Expected `str`.*"),
        (lambda sums: {**sums, "part-00000.parquet": "0" * 65}, "Expected `str`.*"),
        (lambda sums: {**sums, "part-00000.parquet": "A" * 64}, "Expected `str`.*"),
        (lambda sums: {**sums, "part-00000.parquet": 7}, "Expected `str`.*"),
        (lambda sums: {**sums, "part-00000.parquet": None}, "Expected `str`.*"),
    ],
)
def test_sums_are_of_the_parts_in_their_order(change, words, saved, tmp_path):
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=f"^{words}$"):
        GrowingTable(str(tmp_path), SCHEMA).resume(of({**saved, "sums": change(saved["sums"])}))
    assert contents(tmp_path) == before


def test_a_full_part_that_is_gone_is_named(saved, tmp_path):
    (tmp_path / "part-00001.parquet").unlink()
    with pytest.raises(InputError) as caught:
        GrowingTable(str(tmp_path), SCHEMA).resume(of(saved))
    words = f"{tmp_path}/part-00001.parquet: is gone, so the run can't resume; give --overwrite to start again"
    assert str(caught.value) == words


def last_part(saved: dict[str, Any]) -> str:
    return part_name(len(saved["sums"]))


@pytest.mark.parametrize("damage", ["gone", "empty", "text", "cut", "other columns"])
def test_the_part_that_is_not_full_must_be_readable(damage, saved, tmp_path):
    path = tmp_path / last_part(saved)
    if damage == "gone":
        path.unlink()
    elif damage == "other columns":
        pq.write_table(pa.table({"x": list(range(len(ROWS)))}), path)
    else:
        path.write_bytes({"empty": b"", "text": b"no table " * 9, "cut": path.read_bytes()[:-20]}[damage])
    words = r"has other columns than this run writes" if damage == "other columns" else r"can't be read \((?!None).+\)"
    with pytest.raises(InputError, match=rf"{last_part(saved)}: {words}; give --overwrite to start again$"):
        GrowingTable(str(tmp_path), SCHEMA).resume(of(saved))


@pytest.mark.parametrize("rows", [slice(1, None), slice(0, -1), slice(0, 0), slice(None, None, -1)])
def test_the_part_that_is_not_full_must_have_its_rows(rows, saved, tmp_path):
    path = tmp_path / last_part(saved)
    there = rows_of(path.parent)[-saved["rows"] :]
    pq.write_table(pa.Table.from_batches([batch(there[rows])]), path)
    with pytest.raises(InputError) as caught:
        GrowingTable(str(tmp_path), SCHEMA).resume(of(saved))
    words = "does not have the rows that were saved" if rows.step == -1 else "lacks rows that were saved"
    assert str(caught.value) == f"{path}: {words}; give --overwrite to start again"


def test_the_part_that_is_not_full_is_known_by_its_sum(saved, tmp_path):
    assert saved["digest"] == hashlib.sha256((tmp_path / last_part(saved)).read_bytes()).hexdigest()
    for digest in ("0" * 64, ""):
        with pytest.raises(InputError, match="does not have the rows that were saved"):
            GrowingTable(str(tmp_path), SCHEMA).resume(of({**saved, "digest": digest}))
