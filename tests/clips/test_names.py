"""names.txt: read, found, shown; and names that would play tricks on a terminal."""

import pytest

from rcnn.clips.names import find_people, read_people, show
from rcnn.errors import InputError
from rcnn.files.text import printable


def test_names_may_hold_spaces_and_any_script(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("\ufeff1 Ada  Lovelace\n\n2\t李小龙\n10 نازنین\u200cزهرا\n", encoding="utf-8")
    assert read_people(str(file)) == {1: "Ada  Lovelace", 2: "李小龙", 10: "نازنین\u200cزهرا"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"1 A\nBob\n", ":2: is not LABEL NAME"),
        (b"1 A\n7\n", ":2: is not LABEL NAME"),
        (b"1 A\n1 B\n", ":2: label 1 is listed twice"),
        (b"1 \xff\xfe\n", "is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, words):
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_people(str(tmp_path / "names.txt"))


def test_a_file_that_is_given_must_be_there_and_others_need_not(tmp_path):
    with pytest.raises(InputError, match="--names"):
        find_people(str(tmp_path / "gone"))
    assert find_people(None, str(tmp_path)) == {}
    (tmp_path / "gt_v2").mkdir()
    (tmp_path / "gt_v2/names.txt").write_text("3 Ada\n")
    assert find_people(None, str(tmp_path / "none"), str(tmp_path)) == {3: "Ada"}


def test_a_file_that_nobody_named_stops_nothing(tmp_path, capsys):
    (tmp_path / "gt_v2").mkdir()
    (tmp_path / "gt_v2/names.txt").write_text("no label here\n")
    assert find_people(None, str(tmp_path)) == {}
    assert "names.txt:1" in capsys.readouterr().out


def test_names_can_not_move_a_cursor_or_turn_a_line_around():
    assert printable("a\x1b[2Jb\r\n\u202ec") == "a\ufffd[2Jb\ufffd\ufffd\ufffdc"


def test_a_label_is_shown_with_its_name():
    assert show(3, {3: "Ada"}) == "label 3 (Ada)"
    assert show(4, {3: "Ada"}) == "label 4"
