"""Which files exist, and their contents."""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import io
import os
import time
from functools import lru_cache
from typing import IO, TYPE_CHECKING

from .remote import asking, file_system, info_of, list_dir
from .urls import join, parse_url, plain

if TYPE_CHECKING:
    from pyarrow import NativeFile

CHUNK_BYTES = 8 << 20  # bytes to read at a time
SETTLED_NS = 2_000_000_000  # age of a change after which another one has another time on every file system
REMEMBERED = 256  # files
ENCODING = "utf-8-sig"  # of all text files


def is_dir(path: str) -> bool:
    """Whether it is a directory; in a store, whether an object is below it."""
    url = parse_url(path)
    if url is None:
        return os.path.isdir(plain(path))
    return info_of(path, url).type.name == "Directory"


def is_file(path: str) -> bool:
    """Whether it is a file or an object."""
    url = parse_url(path)
    return os.path.isfile(plain(path)) if url is None else info_of(path, url).is_file


def exists(path: str) -> bool:
    """Whether it is a file or a directory."""
    url = parse_url(path)
    return os.path.exists(plain(path)) if url is None else info_of(path, url).type.name != "NotFound"


def names(path: str) -> list[str]:
    """Names of the files and directories in a directory; none if there is no such directory in a store."""
    url = parse_url(path)
    if url is None:
        return os.listdir(plain(path))
    start = len(url.path) + 1
    return list(dict.fromkeys(info.path[start:].partition("/")[0] for info in list_dir(path, url)))


def marks(path: str) -> dict[str, tuple[int, int]]:
    """`names` of a directory, each with its size in bytes and time of its last change, in ns since 1970.

    Both are -1 for a dangling link. In a store they come with the listing.
    """
    url = parse_url(path)
    if url is not None:
        start = len(url.path) + 1
        return {
            info.path[start:].partition("/")[0]: (info.size or 0, info.mtime_ns or 0) for info in list_dir(path, url)
        }
    found = {}
    with os.scandir(plain(path)) as entries:
        for entry in entries:
            try:
                state = entry.stat()
            except OSError:
                found[entry.name] = (-1, -1)
            else:
                found[entry.name] = (state.st_size, state.st_mtime_ns)
    return found


def objects(path: str) -> dict[str, tuple[int, int]]:
    """URLs of all objects below a directory of a store, or of the one at the URL itself, with sizes and times as
    `marks` gives them; sorted."""
    url = parse_url(path)
    assert url is not None
    here = info_of(path, url)
    found = [here] if here.is_file else [info for info in list_dir(path, url, whole=True) if info.is_file]
    start = len(url.bucket) + 1
    pairs = ((url.with_key(info.path[start:]), (info.size or 0, info.mtime_ns or 0)) for info in found)
    return dict(sorted(pairs))


def mark(path: str) -> tuple[int, int]:
    """Size in bytes of a file, and time of its last change, in ns since 1970; both -1 if it does not exist."""
    url = parse_url(path)
    if url is not None:
        info = info_of(path, url)
        return (info.size or 0, info.mtime_ns or 0) if info.is_file else (-1, -1)
    try:
        state = os.stat(plain(path))
    except OSError:
        return -1, -1
    return state.st_size, state.st_mtime_ns


def modified(path: str) -> dict[str, float]:
    """Names of the objects in a directory of a store, with the seconds since 1970 of the store's clock."""
    url = parse_url(path)
    assert url is not None
    start = len(url.path) + 1
    found = ((info.path[start:], info) for info in list_dir(path, url) if info.is_file)
    return {name: info.mtime.timestamp() for name, info in found if "/" not in name}


def folders(root: str, pattern: str) -> list[str]:
    """Directories below `root` that a pattern like `A*/B` names, sorted; a pattern in the first name only."""
    if parse_url(root) is None:
        return sorted(glob.glob(os.path.join(glob.escape(plain(root)), pattern)))
    first, _, rest = pattern.partition("/")
    found = fnmatch.filter(names(root), first) if glob.has_magic(first) else [first]
    return [join(root, name, *filter(None, [rest])) for name in sorted(found)]


def read_bytes(path: str, most: int = -1) -> bytes:
    """A file, or its first `most` bytes; raises FileNotFoundError or another OSError."""
    url = parse_url(path)
    if url is None:
        with open(plain(path), "rb") as file:
            return file.read(most)
    with asking(path), file_system(url.scheme, url.bucket, url.options).open_input_stream(url.path) as stream:
        return stream.read() if most < 0 else stream.read(most)


def open_text(path: str) -> IO[str]:
    """A text to be read line by line, UTF-8 with or without a byte order mark.

    Raises as `read_bytes`, and UnicodeDecodeError while it is read. Text is read through `rcnn.files.text`.
    """
    if parse_url(path) is None:
        return open(plain(path), encoding=ENCODING)
    return io.TextIOWrapper(io.BytesIO(read_bytes(path)), encoding=ENCODING)


def open_parquet(path: str) -> str | NativeFile:
    """A source for pyarrow.parquet: the path of a file, or a seekable object.

    Errors of the store during reading are raised as OSError.
    """
    url = parse_url(path)
    if url is None:
        return plain(path)
    with asking(path):
        return file_system(url.scheme, url.bucket, url.options).open_input_file(url.path)


def sha256(path: str) -> str:
    """Hexadecimal sha256 of a file."""
    url = parse_url(path)
    if url is None:
        with open(plain(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    with asking(path), file_system(url.scheme, url.bucket, url.options).open_input_stream(url.path) as stream:
        while data := stream.read(CHUNK_BYTES):
            digest.update(data)
    return digest.hexdigest()


def sha256_once(path: str) -> str:
    """`sha256` of a file, read once in a process while the file is the same.

    It is the same while its device, inode, size, and times of change of contents and of inode are. A file that changed
    in the last two seconds is read each time: a second change could have the same time. So is one in a store.
    """
    if parse_url(path) is not None:
        return sha256(path)
    found = os.stat(plain(path))
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) < SETTLED_NS:
        return sha256(path)
    return _remembered(
        os.path.abspath(plain(path)), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )


@lru_cache(maxsize=REMEMBERED)
def _remembered(path: str, *mark: int) -> str:
    return sha256(path)
