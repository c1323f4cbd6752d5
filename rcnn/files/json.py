"""JSON files."""

from __future__ import annotations

import json
from typing import Any

from . import read_bytes, write_whole

MAX_JSON_BYTES = 16 << 20  # of a manifest: a part in it takes a hundred, and there are some thousands


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
    text = read_bytes(path, MAX_JSON_BYTES + 1)
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"is larger than {MAX_JSON_BYTES} bytes")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def write_json(path: str, content: Any) -> None:
    """`write_whole` of JSON."""

    def write(temporary: str) -> None:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")

    write_whole(path, write)
