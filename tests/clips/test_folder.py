"""What of a folder of people is an item, and why the rest is none."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.folder import (
    EMPTY,
    HIDDEN,
    LINK_OUT,
    LINK_TO_FOLDER,
    LINK_TO_NOTHING,
    LOOSE,
    NEITHER,
    SPECIAL,
    UNREADABLE,
    is_text,
    scan,
)
from rcnn.errors import InputError

BINARY = bytes(range(256))


def put(path: Path, data: bytes = BINARY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(source: Path) -> tuple[list[str], dict[str, str]]:
    people, skipped = scan(source)
    items = [item.key for items in people.values() for item in items]
    return items, {skip.file: skip.reason for skip in skipped}


def test_folders_of_a_person_are_read_whatever_their_depth(tmp_path: Path) -> None:
    for file in ("Bo/z.jpg", "Ann/b.jpg", "Ann/b/a.jpg", "Ann/b/c d/a.jpg", "Ann/a.jpg"):
        put(tmp_path / file)
    (tmp_path / "nobody" / "empty").mkdir(parents=True)
    people, skipped = scan(tmp_path)
    assert list(people) == ["Ann", "Bo"]
    assert sorted(item.file for item in people["Ann"]) == ["a.jpg", "b.jpg", "b/a.jpg", "b/c d/a.jpg"]
    assert len({item.identity for item in people["Ann"]}) == 4
    assert all(item.path.read_bytes() == BINARY for item in people["Ann"])
    assert skipped == []


def test_a_very_deep_folder_is_no_problem(tmp_path: Path) -> None:
    put(tmp_path / "Ann" / "/".join("d" * 200) / "a.jpg")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        people, _ = scan(tmp_path)
    finally:
        sys.setrecursionlimit(limit)
    assert len(people["Ann"]) == 1


def test_every_other_file_is_named_with_the_reason(tmp_path: Path) -> None:
    album, outside = tmp_path / "album", put(tmp_path / "outside" / "a.jpg")
    put(album / "Ann" / "a.jpg")
    put(album / "loose.jpg")
    put(album / ".hidden.jpg")
    put(album / ".git" / "deep" / "a.jpg")
    put(album / "Ann" / ".b.jpg")
    put(album / "Ann" / ".thumbnails" / "a.jpg")
    put(album / "Ann" / "empty.jpg", b"")
    put(album / "Ann" / "Thumbs.db", bytes.fromhex("d0cf11e0a1b11ae1") + BINARY)
    put(album / "Ann" / "a.zip", b"PK\x03\x04" + BINARY)
    put(album / "Ann" / "notes.txt", "Gr\u00fc\u00dfe\n".encode())
    put(album / "Ann" / "old.txt", "Gr\u00fc\u00dfe\n".encode("latin-1"))
    os.mkfifo(album / "Ann" / "pipe")
    (album / "gone").symlink_to("nothing")
    (album / "Ann" / "gone").symlink_to("nothing")
    (album / "Ann" / "loop").symlink_to("loop")
    (album / "Ann" / "out.jpg").symlink_to(outside)
    (album / "Ann" / "folder").symlink_to(outside.parent)
    (album / "Ann" / "up").symlink_to("..")
    (album / "Ann" / "same.jpg").symlink_to("a.jpg")
    items, skipped = names(album)
    assert sorted(items) == ["Ann/a.jpg", "Ann/same.jpg"]
    assert skipped == {
        "loose.jpg": LOOSE,
        ".hidden.jpg": HIDDEN,
        ".git/deep/a.jpg": HIDDEN,
        "Ann/.b.jpg": HIDDEN,
        "Ann/.thumbnails/a.jpg": HIDDEN,
        "Ann/empty.jpg": EMPTY,
        "Ann/Thumbs.db": NEITHER,
        "Ann/a.zip": NEITHER,
        "Ann/notes.txt": NEITHER,
        "Ann/old.txt": NEITHER,
        "Ann/pipe": SPECIAL,
        "gone": LINK_TO_NOTHING,
        "Ann/gone": LINK_TO_NOTHING,
        "Ann/loop": LINK_TO_NOTHING,
        "Ann/out.jpg": LINK_OUT,
        "Ann/folder": LINK_TO_FOLDER,
        "Ann/up": LINK_TO_FOLDER,
    }


def test_a_person_may_be_a_link(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "a.jpg")
    (tmp_path / "elsewhere" / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "Ann").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "album") == (["Ann/a.jpg", "Ann/b.jpg"], {})


def test_what_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("Ann/a.jpg", "Ann/b.jpg", "Ann/c/d.jpg"):
        put(tmp_path / file)
    read, walk = Path.open, os.scandir

    def denied(path: Path, *args: str):
        if path.name == "a.jpg":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *args)

    def closed(path: str):
        if str(path).endswith("/c"):
            raise PermissionError(13, "Permission denied", str(path))
        return walk(path)

    monkeypatch.setattr(Path, "open", denied)
    monkeypatch.setattr(os, "scandir", closed)
    people, skipped = scan(tmp_path)
    assert [item.key for item in people["Ann"]] == ["Ann/b.jpg"]
    assert [(skip.file, str(skip)) for skip in sorted(skipped)] == [
        ("Ann/a.jpg", f"{UNREADABLE}: Permission denied"),
        ("Ann/c", f"{UNREADABLE}: Permission denied"),
    ]


def test_a_line_break_in_a_persons_name_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "Ann\nLee" / "a.jpg")
    with pytest.raises(InputError, match="line break"):
        scan(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        scan(tmp_path / "missing")


@given(text=st.text(st.characters(exclude_categories=["C"]), min_size=1))
def test_what_holds_no_control_characters_is_a_text(text: str) -> None:
    head = text.encode()
    assert is_text(head) or head.startswith((b"P1", b"P2", b"P3", b"YUV4MPEG2"))
    assert not is_text(head + b"\0")
    assert not is_text(b"\x01" + head)
