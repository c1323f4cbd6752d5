"""The sum of a file is remembered while the file is the same, and no longer."""

from __future__ import annotations

import hashlib
import os

import pytest

from rcnn.files import reading, sha256, sha256_once


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """The files that are read."""
    found, real = [], hashlib.file_digest

    def spy(file, kind):
        found.append(os.path.basename(file.name))
        return real(file, kind)

    monkeypatch.setattr(reading.hashlib, "file_digest", spy)
    return found


def test_a_file_is_read_once_until_it_is_swapped(tmp_path, read, monkeypatch):
    monkeypatch.setattr(reading, "SETTLED_NS", 0)
    model, other = tmp_path / "model", tmp_path / "other"
    model.write_bytes(b"one")
    first = sha256_once(str(model))
    assert [sha256_once(str(model)) for _ in range(3)] == [first] * 3 and read == ["model"]
    other.write_bytes(b"two")
    os.utime(other, ns=(model.stat().st_atime_ns, model.stat().st_mtime_ns))
    os.replace(other, model)  # of the same size and time
    assert sha256_once(str(model)) == hashlib.sha256(b"two").hexdigest() != first


def test_a_file_that_has_just_changed_is_read_each_time(tmp_path, read):
    model = tmp_path / "model"
    for text in (b"one", b"two", b"one"):
        model.write_bytes(text)
        assert sha256_once(str(model)) == hashlib.sha256(text).hexdigest() == sha256(str(model))
    assert len(read) == 6
