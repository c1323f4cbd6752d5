"""Tables of appearances as CSV and JSON, and where files of all kinds go."""

from __future__ import annotations

import csv
import json
import stat
import sys
from pathlib import Path

import jsonschema
import pytest
from appearance_tables import ALL, Seen, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.commands.appearances import main
from rcnn.errors import InputError
from rcnn.exports.appearances import ENDINGS, ending_of, write_file
from rcnn.exports.endings import check_ending

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/appearances.schema.json").read_text())
FILMS = (
    Seen("a.mp4", 1.0, 3.25),
    Seen("b.mp4", 62.0, 65.5, who=3, person="", verdict="maybe", source="/films/b, or not.mov"),
    Seen("b.mp4", 0.0, 0.4, verdict="no", source="/films/b, or not.mov"),
)
names = st.text(st.characters(codec="utf-8"), max_size=20)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> str:
    return write_table(tmp_path_factory.mktemp("appearances") / "table", FILMS)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_json_is_what_its_schema_says(table, tmp_path):
    path = tmp_path / "who.json"
    assert write_file(table, str(path), ALL).count == 3
    content = json.loads(path.read_text("utf-8"))
    jsonschema.validate(content, SCHEMA)
    assert [row["clip"] for row in content["appearances"]] == ["a.mp4", "b.mp4", "b.mp4"]
    assert content["appearances"][2] == {
        "person": "3", "label": 3, "source": "/films/b, or not.mov", "clip": "b.mp4", "start": 62.0, "end": 65.5,
        "seen": 3.5, "best": {"time": 63.75, "box": [10.5, 20.1, 110.0, 220.0], "cosine": 0.37}, "track": 0,
        "probability": 0.9, "verdict": "maybe",
    }  # fmt: skip


def test_the_schema_refuses_what_is_no_such_file(table, tmp_path):
    write_file(table, str(tmp_path / "who.json"), ALL)
    content = json.loads((tmp_path / "who.json").read_text("utf-8"))
    for change in ({"verdict": "perhaps"}, {"probability": 1.5}, {"label": "3"}, {"extra": 1}, {"start": -1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**content, "appearances": [{**content["appearances"][0], **change}]}, SCHEMA)


def test_csv_says_the_same_as_json(table, tmp_path):
    for ending in (".csv", ".json"):
        write_file(table, str(tmp_path / f"who{ending}"), ALL)
    data = (tmp_path / "who.csv").read_bytes()
    assert data.startswith(b"person,label,source,") and data.count(b"\r\n") == 4 and data.endswith(b"\r\n")
    rows = json.loads((tmp_path / "who.json").read_text("utf-8"))["appearances"]
    for found, row in zip(read_csv(tmp_path / "who.csv"), rows, strict=True):
        best = row.pop("best")
        corners = dict(zip(("best_x1", "best_y1", "best_x2", "best_y2"), best["box"], strict=True))
        row |= {"best_time": best["time"], "best_cosine": best["cosine"], **corners}
        assert found == {name: str(value) for name, value in row.items()}


@settings(max_examples=8)
@given(st.lists(names, min_size=1, max_size=30))
def test_names_stay_as_they_are(tmp_path_factory, people):
    folder = tmp_path_factory.mktemp("names")
    seen = [Seen("a.mp4", at, at + 1, at, person, f"{person}.mp4") for at, person in enumerate(people)]
    table = write_table(folder / "table", seen)
    for ending in (".csv", ".json"):
        write_file(table, str(folder / f"who{ending}"), ALL)
    wanted = [(person or str(at), f"{person}.mp4") for at, person in enumerate(people)]
    content = json.loads((folder / "who.json").read_text("utf-8"))["appearances"]
    assert [(row["person"], row["source"]) for row in content] == wanted
    assert [(row["person"], row["source"]) for row in read_csv(folder / "who.csv")] == wanted


@pytest.mark.parametrize("ending", ENDINGS)
def test_verdicts_choose_the_rows(table, tmp_path, ending):
    assert write_file(table, str(tmp_path / f"yes{ending}"), frozenset({"yes"})).count == 1
    assert write_file(table, str(tmp_path / f"two{ending}"), frozenset({"yes", "maybe"})).count == 2
    with pytest.raises(InputError, match="perhaps: takes yes, maybe, no"):
        write_file(table, str(tmp_path / f"none{ending}"), frozenset({"perhaps"}))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_is_for_its_user_alone_and_replaces_what_was_there(table, tmp_path, ending):
    path = tmp_path / "new" / f"who{ending.upper()}"
    for _ in range(2):
        assert write_file(table, str(path), frozenset({"yes"})).count == 1
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_without_appearances_there_is_an_empty_file(tmp_path, ending):
    path = tmp_path / f"who{ending}"
    assert write_file(write_table(tmp_path / "table", []), str(path), ALL).count == 0
    assert path.is_file()


def test_an_unknown_ending_is_refused(table, tmp_path):
    for name in ("who.xlsx", "who", "csv"):
        assert ending_of(name) is None
        with pytest.raises(InputError, match=r"ends in none of \.csv \.json"):
            write_file(table, str(tmp_path / name), ALL)
    assert ending_of("s3://bucket/who.CSV?region=eu") == ".csv"


@pytest.mark.parametrize("given", [["--table", "table"], ["--features", "feat_test", "--known", "feat_trainval"]])
def test_the_name_of_another_kind_of_file_is_no_folder(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    for name in ("who.doc", "new/WHO.Mp4"):
        monkeypatch.setattr(sys, "argv", ["appearances", *given, "--output", name])
        with pytest.raises(InputError, match=rf"{name}: ends in none of \.csv .* \.srt; give"):
            main()
    assert not list(tmp_path.iterdir())
    Path("old.doc").mkdir()
    for name in ("out.v2", "out.2026", ".hidden", "old.doc", "who.csv"):
        check_ending(name)


def test_what_cannot_be_written_is_one_line(table, tmp_path):
    (tmp_path / "who.csv").mkdir()
    with pytest.raises(InputError, match=r"who\.csv: can't be written: .*; give --output another path"):
        write_file(table, str(tmp_path / "who.csv"), ALL)
    assert not list(tmp_path.glob("*.part"))


def test_several_files_lie_in_a_folder_and_old_ones_are_not_mixed_in(table, tmp_path):
    path = tmp_path / "who.vtt"
    write_file(table, str(path), ALL)
    assert not path.exists()
    assert sorted(file.name for file in (tmp_path / "who").iterdir()) == ["a.vtt", "b, or not.vtt"]
    with pytest.raises(InputError, match=r"a\.vtt: exists, and the files of .*; remove .*who/"):
        write_file(table, str(path), ALL)
    write_file(table, str(tmp_path / "who.srt"), ALL)  # others may lie beside them
    assert len(list((tmp_path / "who").iterdir())) == 4
    write_file(table, str(tmp_path / "one.vtt"), frozenset({"yes"}))
    with pytest.raises(InputError, match=r"one\.vtt: exists, and this time several files are needed"):
        write_file(table, str(tmp_path / "one.vtt"), ALL)


def test_the_last_line_names_what_was_written(table, tmp_path, monkeypatch, capsys):
    for name, where in (("who.csv", "who.csv"), ("who.edl", "who/, 2 files"), ("who.vtt", "who/, 2 files")):
        monkeypatch.setattr(sys, "argv", ["appearances", "--table", table, "--output", str(tmp_path / name)])
        main()
        assert capsys.readouterr().out.endswith(f"appearances: 2 of {table} -> {tmp_path}/{where}\n")


def test_sources_of_one_name_have_files_of_their_own(tmp_path):
    seen = [
        Seen(f"{at}.mp4", 1, 2, source=source) for at, source in enumerate(("http://x/A.mp4", "y/a.MOV", "z/a.mp4"))
    ]
    write_file(write_table(tmp_path / "table", seen), str(tmp_path / "who.vtt"), ALL)
    notes = {file.name: file.read_text().splitlines()[2] for file in (tmp_path / "who").iterdir()}
    assert notes == {"A.vtt": "NOTE http://x/A.mp4", "a-2.vtt": "NOTE y/a.MOV", "a-3.vtt": "NOTE z/a.mp4"}
