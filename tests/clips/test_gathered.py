"""Arguments of a command line to files: folders, globs, texts of paths, each file once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.folder import EMPTY, HIDDEN, LINK_TO_NOTHING, NEITHER, SPECIAL, UNREADABLE
from rcnn.clips.gather import NOT_THERE, NOT_UTF8, TWICE, gather
from rcnn.errors import InputError

FILM = bytes(range(256))


def put(path: Path, data: bytes = FILM) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(root: Path, *arguments: str, apart: tuple[str, ...] = ()) -> list[str]:
    """Where the files lie that some arguments name, from `root`."""
    return [os.path.relpath(file.path, root) for file in gather(arguments, apart).found]


def reasons(root: Path, *arguments: str) -> dict[str, str]:
    return {os.path.relpath(skip.file, root): skip.reason for skip in gather(arguments).skipped}


def test_files_folders_and_globs_in_any_order_give_one_sorted_list(tmp_path, monkeypatch):
    for file in ("b/2.mp4", "b/deep/er/1.mov", "b/1.mp4", "a.mp4", "c x.mkv", "d.mp4"):
        put(tmp_path / file)
    every = ["a.mp4", "b/1.mp4", "b/2.mp4", "b/deep/er/1.mov", "c x.mkv"]
    assert names(tmp_path, f"{tmp_path}/c*", f"{tmp_path}/b", f"{tmp_path}/a.mp4") == every
    assert names(tmp_path, f"{tmp_path}/b/**/*.mov") == ["b/deep/er/1.mov"]
    monkeypatch.chdir(tmp_path)
    assert names(tmp_path, "a.mp4", "b", f"file://{tmp_path}/c%20x.mkv") == every
    found = gather(["a.mp4"]).found[0]
    state = (tmp_path / "a.mp4").stat()
    assert (found.path, found.size, found.changed) == (str(tmp_path / "a.mp4"), 256, state.st_mtime_ns)


def test_what_has_the_marks_of_a_glob_and_is_there_is_taken_by_its_name(tmp_path):
    for file in ("[1].mp4", "1.mp4"):
        put(tmp_path / file)
    assert names(tmp_path, f"{tmp_path}/[1].mp4") == ["[1].mp4"]


def test_a_file_counts_once_however_it_is_reached(tmp_path):
    film = put(tmp_path / "films/a.mp4")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/b.mp4").symlink_to(film)
    os.link(film, tmp_path / "links/c.mp4")
    (tmp_path / "again").symlink_to(tmp_path / "films")
    for order in (("films", "links", "again"), ("again", "links", "films")):
        found = gather([f"{tmp_path}/{name}" for name in order])
        # a folder is read once, under the name that comes first
        assert [os.path.basename(file.path) for file in found.found] == ["a.mp4"]
        assert {skip.reason for skip in found.skipped} == {TWICE}
    assert names(tmp_path, f"{tmp_path}/links") == ["links/b.mp4"]


def test_links_in_a_circle_end(tmp_path):
    put(tmp_path / "films/a.mp4")
    (tmp_path / "films/up").symlink_to(tmp_path)
    (tmp_path / "films/self").symlink_to(tmp_path / "films/self")
    assert names(tmp_path, f"{tmp_path}/films") == ["films/a.mp4"]
    assert reasons(tmp_path, f"{tmp_path}/films") == {"films/self": UNREADABLE}


def test_what_is_no_film_is_named_with_the_reason(tmp_path):
    put(tmp_path / "a.mp4")
    put(tmp_path / "notes.txt", b"to do")
    put(tmp_path / "sheet.pdf", b"%PDF-1.7 \x00\x01")
    put(tmp_path / "nothing.mp4", b"")
    put(tmp_path / ".hidden.mp4")
    put(tmp_path / ".git/a.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    put(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")))
    assert names(tmp_path, str(tmp_path)) == ["a.mp4"]
    wanted = {"notes.txt": NEITHER, "sheet.pdf": NEITHER, "nothing.mp4": EMPTY, ".hidden.mp4": HIDDEN, ".git": HIDDEN}
    wanted |= {"pipe.mp4": SPECIAL, "gone.mp4": LINK_TO_NOTHING, os.fsdecode(b"\xff.mp4"): NOT_UTF8}
    assert reasons(tmp_path, str(tmp_path)) == wanted
    assert names(tmp_path, f"{tmp_path}/.hidden.mp4") == [".hidden.mp4"]


def test_a_text_names_paths_relative_to_it(tmp_path, monkeypatch):
    for file in ("films/a.mp4", "films/more/b.mp4", "P1.mp4", " c .mp4"):
        put(tmp_path / file)
    lines = ["P1.mp4", "films/more/", str(tmp_path / "films/a.mp4"), "  films/a.mp4  ", " c .mp4", "gone.mp4", ""]
    text = put(tmp_path / "lists/of films.txt", b"")
    (tmp_path / "lists/films").symlink_to(tmp_path / "films")
    for file in ("P1.mp4", " c .mp4"):
        (tmp_path / "lists" / file).symlink_to(tmp_path / file)
    text.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    monkeypatch.chdir("/")
    found = gather([str(text)])
    assert sorted(os.path.basename(file.path) for file in found.found) == [" c .mp4", "P1.mp4", "a.mp4", "b.mp4"]
    assert {skip.file: skip.reason for skip in found.skipped if skip.reason != TWICE} == {
        f"{text}:6: gone.mp4": NOT_THERE
    }


def test_folders_apart_are_left_out_and_named(tmp_path):
    for file in ("films/a.mp4", "films/found/b.mp4", "films/people/Ada/c.jpg"):
        put(tmp_path / file)
    apart = (f"{tmp_path}/films/found", f"{tmp_path}/films/people")
    found = gather([f"{tmp_path}/films"], apart)
    assert [os.path.relpath(file.path, tmp_path) for file in found.found] == ["films/a.mp4"]
    assert sorted(found.apart) == sorted(apart)
    (tmp_path / "link").symlink_to(tmp_path / "films/people/Ada/c.jpg")
    for argument in ("films/people/Ada/c.jpg", "films/people", "link"):
        assert names(tmp_path, f"{tmp_path}/{argument}", apart=apart) == []


@pytest.mark.parametrize("argument", ["nowhere", "no*thing", "nowhere/a.mp4"])
def test_an_argument_that_leads_to_nothing_is_refused(tmp_path, argument):
    with pytest.raises(InputError, match="there is no such file or folder"):
        gather([f"{tmp_path}/{argument}"])


@given(st.lists(st.text("ab/.*[", min_size=1, max_size=6), max_size=6))
def test_no_text_of_paths_ends_in_anything_but_files_and_reasons(tmp_path_factory, lines):
    root = tmp_path_factory.mktemp("list")
    put(root / "a/b")
    # neither absolute paths nor points lead out of the folder
    (root / "text.txt").write_text("\n".join([*(f"./{line.lstrip('/').replace('..', '')}" for line in lines), "words"]))
    found = gather([f"{root}/text.txt"])
    assert {file.path for file in found.found} <= {f"{root}/a/b"}
    assert found.skipped
