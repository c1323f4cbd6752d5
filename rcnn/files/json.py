"""JSON files."""

from __future__ import annotations

import json
import os
import stat
from typing import Any, TypeVar

from ..errors import InputError
from . import is_url, plain, read_bytes, write_bytes
from .schema import from_json
from .text import printable

MAX_JSON_BYTES = 16 << 20  # of a manifest: a part takes a hundred, and there are some thousands of parts

T = TypeVar("T")
NEAR = 40  # characters of a text that are shown around an error


def reason(error: Exception) -> str:
    """The message of an error, in one short line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def read_json(path: str, kind: type[T] | Any = Any) -> T | Any:
    """The contents of a JSON file, as `kind`; see `rcnn.files.schema`.

    Raises
    ------
    ValueError
        If it is not a file, too large, not JSON, or of other types; says where.
    OSError
        If it can't be read.
    """
    if not is_url(path) and not stat.S_ISREG(os.stat(plain(path)).st_mode):
        raise ValueError("is not a file")  # reading a pipe would block
    data = read_bytes(path, MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise ValueError(f"is larger than {MAX_JSON_BYTES} bytes")
    return from_json(data, kind)


def write_json(path: str, content: Any) -> None:
    """`write_whole` of JSON; raises InputError if a name in it is not UTF-8, as those of files may be."""
    try:
        data = f"{json.dumps(content, indent=2, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError as error:
        name = printable(error.object[max(0, error.start - NEAR) : error.end + NEAR])
        raise InputError(
            f"{path}: can't be written: a name among the arguments is not UTF-8, {name!r}; rename the file or folder"
        ) from None

    write_bytes(path, data)
