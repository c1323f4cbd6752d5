"""Writes files atomically, on disk even through a power failure.

The files contain faces, names and vectors, so they are created for the user alone: files 0600, directories 0700,
whatever the umask is. No link is followed inside an output: it could have been placed there to have another file
overwritten or another folder emptied.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from typing import IO

from ..errors import InputError
from .reading import is_dir, is_file
from .remote import asking, check_answers, file_system, list_dir
from .urls import parse_url, plain

FILE_MODE, DIR_MODE = 0o600, 0o700
DEVICES = "/dev"
SHARED_MODE = 0o666  # of files without faces, less the umask


def make_dir(path: str) -> None:
    """Make a directory and its parents, for the user alone; in a store there are none, but the bucket must exist. An
    existing directory keeps its mode.
    """
    if parse_url(path) is not None:
        check_answers(path)
        return
    path = plain(path) or "."
    if not os.path.isdir(path):
        above = os.path.dirname(path.rstrip("/"))
        if above:
            make_dir(above)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, DIR_MODE)
    if not os.path.isdir(path):
        raise NotADirectoryError(20, "Not a directory", path)


def make_inner_dir(path: str) -> None:
    """`make_dir` of a directory inside an output; raises InputError if it is a link."""
    check_no_link(path)
    make_dir(path)


def check_no_link(path: str) -> None:
    """Raise InputError if a path on disk is a link."""
    if parse_url(path) is None and os.path.islink(plain(path)):
        raise InputError(f"{path}: is a link, and none is followed inside an output; remove it")


def check_no_links(folder: str) -> None:
    """`check_no_link` for everything in a directory of an output; the output itself may be one."""
    if parse_url(folder) is None and os.path.isdir(plain(folder)):
        for name in sorted(os.listdir(plain(folder))):
            check_no_link(os.path.join(plain(folder), name))


def check_replaceable(path: str) -> None:
    """Raise OSError if a path on disk is neither a file nor a link, or is in the folder of devices.

    A device or a pipe would be replaced by a file, and everything that uses it would break.
    """
    with contextlib.suppress(FileNotFoundError):
        mode = os.lstat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
            raise OSError(errno.EINVAL, "is a device, pipe or socket, which is not replaced", path)
        if os.path.dirname(os.path.abspath(path)) == DEVICES:
            raise OSError(errno.EINVAL, f"{DEVICES} holds devices, which are not replaced", path)


def create(path: str, private: bool = True) -> IO[bytes]:
    """Open a new file on disk for writing. An existing one is removed first: a link is never written through."""
    check_replaceable(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, FILE_MODE if private else SHARED_MODE), "wb")


def write_whole(path: str, write: Callable[[str], None], private: bool = True) -> None:
    """Let `write` make a file under another name, then move it to `path`, atomically.

    On disk it is synced and renamed, and the directory is synced. Into a store it is put, which may take several
    requests; the last one makes it visible.

    Parameters
    ----------
    write : opens the path that it is given, which is an empty file
    private : whether it is for the user alone, on disk

    Raises
    ------
    OSError
        If it can't be written.
    InputError
        If the store refuses it.
    """
    url = parse_url(path)
    if url is None:
        path = plain(path)
        check_replaceable(path)
        temporary = f"{path}.part"
        create(temporary, private).close()
        try:
            write(temporary)
            _to_disk(temporary)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(temporary)
            raise
        _to_disk(os.path.dirname(path) or ".")  # the rename itself
        return
    with tempfile.TemporaryDirectory(prefix="rcnn-") as folder:
        temporary = os.path.join(folder, "part")
        write(temporary)
        with open(temporary, "rb") as file:
            put(path, file.read())


def write_bytes(path: str, data: bytes) -> None:
    """`write_whole` of bytes."""

    def write(temporary: str) -> None:
        with open(temporary, "wb") as file:
            file.write(data)

    write_whole(path, write)


def put(path: str, data: bytes) -> None:
    """Put an object into a store."""
    url = parse_url(path)
    assert url is not None
    with asking(path):
        store = file_system(url.scheme, url.bucket, url.options)
        # no `with`: a stream closed after an error would look complete
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
    """Remove a file; a missing one is an error on disk, FileNotFoundError, but not in a store."""
    url = parse_url(path)
    if url is None:
        os.remove(plain(path))
    elif is_file(path):
        with asking(path):
            file_system(url.scheme, url.bucket, url.options).delete_file(url.path)


def move(source: str, target: str) -> None:
    """Move a file on the same disk or in the same store; an existing target is replaced.

    On disk it is renamed, and both directories are synced. In a store it is copied, then removed: a run that is
    killed in between leaves both.

    Raises
    ------
    OSError
        If it can't be moved; FileNotFoundError if it does not exist.
    InputError
        If the store refuses it, or the target is a link.
    """
    url, place = parse_url(source), parse_url(target)
    if url is None:
        check_no_link(target)
        os.replace(plain(source), plain(target))
        for path in (target, source):
            _to_disk(os.path.dirname(plain(path)) or ".")
        return
    assert place is not None
    with asking(source):
        store = file_system(url.scheme, url.bucket, url.options)
        store.copy_file(url.path, place.path)
        store.delete_file(url.path)


def discard(path: str) -> None:
    """Remove a file before it is rewritten, so that a failing run leaves nothing that could be taken for its result.

    Raises
    ------
    InputError
        If it can't be removed, or is not a file.
    """
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # writing reports the error
            if parse_url(path) is None:
                check_replaceable(plain(path))
            remove(path)
    except OSError as error:
        raise InputError(f"{path}: can't be removed: {error.strerror or error}; give another path") from None


def remove_tree(path: str) -> None:
    """Remove a directory with its contents, if it exists.

    Raises
    ------
    InputError
        If it is a link.
    OSError
        If it can't be removed.
    """
    url = parse_url(path)
    if url is None:
        check_no_link(path)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(plain(path))
    elif url.scheme == "gs":  # in a store pyarrow removes only directories with an object of their own
        for info in list_dir(path, url):
            with asking(path):
                file_system(url.scheme, url.bucket, url.options).delete_file(info.path)
    elif is_dir(path):
        with asking(path):
            file_system(url.scheme, url.bucket, url.options).delete_dir(url.path)
