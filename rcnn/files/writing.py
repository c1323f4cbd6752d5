"""Files that appear whole or not at all, on the disk also when the power fails."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable

from .reading import is_dir, is_file
from .remote import asking, check_answers, file_system, list_dir
from .urls import parse_url, plain


def make_dir(path: str) -> None:
    """Make a directory and those above it; in a store there are none, but the bucket must be there."""
    if parse_url(path) is None:
        os.makedirs(plain(path) or ".", exist_ok=True)
    else:
        check_answers(path)


def write_whole(path: str, write: Callable[[str], None]) -> None:
    """Let `write` make a file under another name; then it appears at `path`, whole or not at all.

    On the disk it is synced and renamed, and the directory is synced. Into a store it is put, which may take several
    requests, the last of which makes it visible.

    Raises
    ------
    OSError
        If it can't be written.
    InputError
        If the store does not take it.
    """
    url = parse_url(path)
    if url is None:
        path = plain(path)
        temporary = f"{path}.part"
        write(temporary)
        _to_disk(temporary)
        os.replace(temporary, path)
        _to_disk(os.path.dirname(path) or ".")  # the rename itself
        return
    with tempfile.TemporaryDirectory(prefix="rcnn-") as folder:
        temporary = os.path.join(folder, "part")
        write(temporary)
        with open(temporary, "rb") as file:
            put(path, file.read())


def put(path: str, data: bytes) -> None:
    """Put an object into a store."""
    url = parse_url(path)
    assert url is not None
    with asking(path):
        store = file_system(url.scheme, url.bucket, url.options)
        # no `with`: what is closed after an error would be taken for whole
        stream = store.open_output_stream(url.path)
        stream.write(data)
        stream.close()
        size = store.get_file_info(url.path).size
    if size != len(data):
        raise OSError(f"the store has {size} of {len(data)} bytes")


def _to_disk(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Remove a file; one that is not there is an error on the disk, FileNotFoundError, and none in a store."""
    url = parse_url(path)
    if url is None:
        os.remove(plain(path))
    elif is_file(path):
        with asking(path):
            file_system(url.scheme, url.bucket, url.options).delete_file(url.path)


def remove_tree(path: str) -> None:
    """Remove a directory and what is in it, where it is there."""
    url = parse_url(path)
    if url is None:
        shutil.rmtree(plain(path), ignore_errors=True)
    elif url.scheme == "gs":  # pyarrow removes only directories there that have an object of their own
        for info in list_dir(path, url):
            with asking(path):
                file_system(url.scheme, url.bucket, url.options).delete_file(info.path)
    elif is_dir(path):
        with asking(path):
            file_system(url.scheme, url.bucket, url.options).delete_dir(url.path)
