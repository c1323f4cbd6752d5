"""Which outputs a stage may write into, and with which progress it goes on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from writing import NAMES, SCHEMA, begin, put, stopped, tables

from rcnn.errors import InputError
from rcnn.tables import check_output, writer


def edited(saved: dict[str, Any], keys: tuple[str, ...], value: Any) -> str:
    part = saved
    for key in keys[:-1]:
        part = part[key]
    if value is None:
        del part[keys[-1]]
    else:
        part[keys[-1]] = value
    return json.dumps(saved)


GOOD_STATES = {"ok": 2, "no face": 1, "unreadable": 0}


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("rows",), None),
        (("rows",), 3),
        (("clips",), None),
        (("clips", "sums"), []),
        (("rows", "total"), -1),
        (("states",), None),
        (("states",), [2, 1, 0]),
        (("states",), dict(reversed(GOOD_STATES.items()))),
        (("states",), {**GOOD_STATES, "gone": 0}),
        (("states",), {"ok": 2, "no face": 1}),
        (("states",), {**GOOD_STATES, "ok": -1}),
        (("states",), {**GOOD_STATES, "ok": 1 << 62}),
        (("states",), {**GOOD_STATES, "ok": True}),
        (("states",), {**GOOD_STATES, "ok": 2.5}),
        (("state",), None),
        (("state",), [1]),
        (("state", "groups"), "3"),
        (("state", "groups"), -1),
        (("state", "groups"), [3]),
        (("state", "histogram"), {"x": 1}),
        (("state", "histogram"), {"1.5": 1}),
        (("state", "histogram"), {"12345678901": 1}),
        (("state", "histogram"), {"7 ": 1}),
        (("state", "histogram"), {"7": -1}),
        (("state", "histogram"), {"7": "1"}),
    ],
)
def test_progress_that_is_damaged_is_said_and_lets_go(keys, value, tmp_path):
    progress = tmp_path / "run/progress.json"
    progress.parent.mkdir()
    saved = stopped(tmp_path / "run")
    progress.write_text(edited(saved, keys, value))
    with pytest.raises(InputError) as caught:
        begin(tmp_path / "run")
    reason = r"(Object|Expected|other|Invalid) ?.+"
    start = re.escape(f"{progress}: can't be read")
    assert re.fullmatch(rf"{start} \({reason}\); give --overwrite to start again", str(caught.value))
    begin(tmp_path / "run", overwrite=True).close()


def test_states_that_do_not_agree_with_the_clips_are_found_in_the_end(tmp_path):
    saved = stopped(tmp_path / "run")
    (tmp_path / "run/progress.json").write_text(edited(saved, ("states", "unreadable"), 4))
    with pytest.raises(InputError, match=r"/run: of 3 clips 7 have a state"), begin(tmp_path / "run"):
        pass
    assert not (tmp_path / "run/manifest.json").exists()


@pytest.mark.parametrize("value", [0, 1, (1 << 62) - 1])
def test_numbers_up_to_the_largest_are_taken(value, tmp_path):
    saved = stopped(tmp_path / "run")
    text = edited(saved, ("state",), {"groups": value, "histogram": {"-1234567890": value, "0": 1}})
    (tmp_path / "run/progress.json").write_text(text)
    with begin(tmp_path / "run") as out:
        assert out.state == {"groups": value, "histogram": {"-1234567890": value, "0": 1}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", r"can't be read \(Expected `object`, .+\)"),
        ("3", r"can't be read \(Expected `object`, .+\)"),
        ("{", r"can't be read \(.+\)"),
    ],
)
def test_progress_that_is_no_object_is_said(text, words, tmp_path):
    stopped(tmp_path / "run")
    (tmp_path / "run/progress.json").write_text(text)
    with pytest.raises(InputError, match=rf"run/progress\.json: {words}; give --overwrite to start again$"):
        begin(tmp_path / "run")


def test_what_is_overwritten_is_gone_before_anything_is_written(tmp_path):
    run = tmp_path / "run"
    with begin(run) as out:
        put(out, 0, len(NAMES))
    for folder in ("int8", "faces", "scores"):
        (run / folder).mkdir()
        (run / folder / "old").write_bytes(b"old")
    for name in ("manifest.json.part", "progress.json.part"):
        (run / name).write_bytes(b"old")
    out = begin(run, overwrite=True)
    assert sorted(path.name for path in run.iterdir()) == ["clips", "features", "lock", "progress.json"]
    assert tables(run) == {}
    assert (out.state, out.last_clip, out.last_row) == ({}, "", "")
    out.close()


def test_overwriting_forgets_what_was_saved(tmp_path):
    stopped(tmp_path / "run")
    out = begin(tmp_path / "run", overwrite=True)
    assert (out.state, out.last_clip) == ({}, "")
    assert out.close()["counts"]["clips"] == 0


def test_outputs_that_may_be_written(tmp_path):
    for name in ("new", "empty", "begun"):
        if name != "new":
            (tmp_path / name).mkdir()
    begun = ("clips", "int8", "lock", "lock-abc", "progress.json", "manifest.json.part", "progress.json.part")
    for name in (*begun, "faces", "features", "scores"):
        (tmp_path / "begun" / name).touch()
    for name in ("new", "empty", "begun"):
        check_output(str(tmp_path / name), False)
        check_output(str(tmp_path / name), True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_outputs_that_may_not(overwrite, tmp_path):
    file, foreign = tmp_path / "file", tmp_path / "foreign"
    file.write_text("")
    foreign.mkdir()
    for name in ("thesis.tex", "holiday.jpg", "clips"):
        (foreign / name).touch()
    with pytest.raises(InputError) as caught:
        check_output(str(file), overwrite)
    assert str(caught.value) == f"{file}: is not a directory; give --output another path"
    with pytest.raises(InputError) as caught:
        check_output(str(foreign), overwrite)
    assert str(caught.value) == f"{foreign}: contains 'holiday.jpg', which no stage wrote; give --output another path"


def test_what_is_complete_is_kept_unless_told(tmp_path):
    begin(tmp_path / "run").close()
    check_output(str(tmp_path / "run"), True)
    with pytest.raises(InputError, match=r"run: exists and is complete; give --overwrite to replace it"):
        check_output(str(tmp_path / "run"), False)
    with pytest.raises(InputError, match="exists and is complete"):
        begin(tmp_path / "run")


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_output_is_none_of_its_inputs(overwrite, tmp_path):
    begin(tmp_path / "run").close()
    begin(tmp_path / "other").close()
    sources = [str(tmp_path / "other"), str(tmp_path / "run/../run")]
    with pytest.raises(InputError, match="run: is also the input; give --output another path"):
        begin(tmp_path / "run", "genfeat", SCHEMA, sources=sources, overwrite=overwrite)


@pytest.mark.parametrize("stage", ["detect", "genfeat", "predict"])
def test_the_work_of_another_stage_is_not_written_over(stage, tmp_path):
    begin(tmp_path / "run").close()
    words = r"run: contains the output of feature\.py; give --output another path, or remove it$"
    with pytest.raises(InputError, match=words):
        begin(tmp_path / "run", stage, SCHEMA, overwrite=True)
    begin(tmp_path / "run", overwrite=True).close()


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"stage": 7}', '{"stage": "sleep"}', "{}"])
def test_a_manifest_that_names_no_stage_protects_nothing(text, tmp_path):
    begin(tmp_path / "run").close()
    (tmp_path / "run/manifest.json").write_text(text)
    begin(tmp_path / "run", "genfeat", SCHEMA, overwrite=True).close()


def test_who_comes_while_another_ends_finds_the_output_complete(tmp_path, monkeypatch):
    """Between the first look at the output and the lock."""
    real = writer.take_lock

    def late(*arguments: str) -> Any:
        monkeypatch.setattr(writer, "take_lock", real)
        begin(tmp_path / "run").close()
        return real(*arguments)

    monkeypatch.setattr(writer, "take_lock", late)
    with pytest.raises(InputError, match="exists and is complete"):
        begin(tmp_path / "run")
    assert (tmp_path / "run/manifest.json").exists() and not (tmp_path / "run/lock").exists()
