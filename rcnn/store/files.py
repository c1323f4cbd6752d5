"""Files that appear whole or not at all, also when the power fails."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

import pyarrow as pa

MAX_JSON_BYTES = 16 << 20  # of a manifest: a part in it takes a hundred, and there are some thousands

# what the reader of Parquet raises over a damaged file: its own errors, and those of Python that it lets through
DAMAGED = (pa.ArrowException, OSError, KeyError, ValueError, MemoryError)


def reason(error: Exception) -> str:
    """What an error says, in one short line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def read_json(path: str) -> Any:
    """What a JSON file holds.

    Raises
    ------
    ValueError
        If it is too large, nested too deeply, or no JSON.
    OSError
        If it can't be read.
    """
    with open(path, "rb") as file:
        text = file.read(MAX_JSON_BYTES + 1)
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"is larger than {MAX_JSON_BYTES} bytes")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def sha256(path: str) -> str:
    """Hexadecimal sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: str, write: Callable[[str], None]) -> None:
    """Let `write` make a file under another name, see to it that it is on the disk, and rename it to `path`."""
    temporary = f"{path}.part"
    write(temporary)
    _to_disk(temporary)
    os.replace(temporary, path)
    _to_disk(os.path.dirname(path) or ".")  # the rename itself


def write_json(path: str, content: Any) -> None:
    """`write_whole` of JSON."""

    def write(temporary: str) -> None:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")

    write_whole(path, write)


def _to_disk(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
