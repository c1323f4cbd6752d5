"""sources.txt: which file a clip was made of, whatever the file is called."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.sources import SOURCES_FILE, find_sources, read_sources, write_sources
from rcnn.errors import InputError


def put(root: Path, data: bytes) -> str:
    (root / "gt_v2").mkdir(parents=True, exist_ok=True)
    (root / SOURCES_FILE).write_bytes(data)
    return str(root / SOURCES_FILE)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A data set without anything in it."""
    root = tmp_path_factory.mktemp("sources")
    (root / "gt_v2").mkdir()
    return root


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0/\t\n\r"), min_size=1), max_size=5))
def test_any_name_leads_back(root, names):
    (root / SOURCES_FILE).unlink(missing_ok=True)
    sources = {f"{number:03d}.mp4": Path("/my films") / f"{name}.mp4" for number, name in enumerate(names)}
    write_sources(root, sources)
    assert read_sources(str(root / SOURCES_FILE)) == {clip: str(path) for clip, path in sources.items()}


def test_it_is_for_its_user_alone_and_sorted_by_clip(tmp_path):
    path = put(tmp_path, b"old")
    os.unlink(path)
    write_sources(tmp_path, {"b.mp4": Path("/f/1.mp4"), "a.mp4": Path("/f/2.mp4")})
    assert Path(path).read_bytes() == b"a.mp4\t/f/2.mp4\nb.mp4\t/f/1.mp4\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_what_can_not_stand_in_a_line_is_marked(tmp_path):
    (tmp_path / "gt_v2").mkdir()
    write_sources(tmp_path, {"a.mp4": Path("/f/a\tb\nc\rd.mp4"), "b.mp4": Path(os.fsdecode(b"/f/caf\xe9.mp4"))})
    read = read_sources(str(tmp_path / SOURCES_FILE))
    assert read == {"a.mp4": "/f/a\ufffdb\ufffdc\ufffdd.mp4", "b.mp4": "/f/caf\ufffd.mp4"}


def test_lines_as_others_write_them(tmp_path):
    data = b"\xef\xbb\xbfa.mp4\t/f/a  b .mp4\r\n\r\n \nb.mp4 \tC:\\films\\b.mp4\n\xef\xbb\xbfc.mp4\ts3://films/c.mp4"
    path = put(tmp_path, data)
    assert read_sources(path) == {"a.mp4": "/f/a  b .mp4", "b.mp4": "C:\\films\\b.mp4", "c.mp4": "s3://films/c.mp4"}
    assert read_sources(path, {"b.mp4", "z.mp4"}) == {"b.mp4": "C:\\films\\b.mp4"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a.mp4 /f/a.mp4\n", r"sources\.txt:1: is not CLIP, a tab and PATH"),
        (b"a.mp4\t/f/a.mp4\nb.mp4\t \n", r"sources\.txt:2: is not CLIP, a tab and PATH"),
        (b"\t/f/a.mp4\n", r"sources\.txt:1: is not CLIP"),
        (b"a\t/f/a\na\t/f/b\n", r"sources\.txt:2: a is listed twice"),
        (b"a\t/f/\xff\n", r"sources\.txt: is not UTF-8 text"),
    ],
)
def test_a_bad_table_is_one_line(tmp_path, capsys, data, words):
    path = put(tmp_path, data)
    with pytest.raises(InputError, match=words) as error:
        read_sources(path)
    assert "\n" not in str(error.value)
    assert find_sources(None, str(tmp_path)) == {}  # nobody named it
    assert capsys.readouterr().out.count("\n") == 1
    with pytest.raises(InputError, match=words):
        find_sources(path)


def test_tables_of_all_data_sets_the_first_one_first(tmp_path):
    put(tmp_path / "a", b"1\t/a/1\n2\t/a/2\n")
    put(tmp_path / "b", b"2\t/b/2\n3\t/b/3\n")
    places = [str(tmp_path / name) for name in ("none", "a", "b")]
    assert find_sources(None, *places) == {"1": "/a/1", "2": "/a/2", "3": "/b/3"}
    assert find_sources(str(tmp_path / "b" / SOURCES_FILE), *places) == {"2": "/b/2", "3": "/b/3"}
    with pytest.raises(InputError, match="--sources needs a file"):
        find_sources(str(tmp_path / "gone"), *places)
