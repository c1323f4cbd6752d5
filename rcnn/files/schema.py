"""Checks data read from disk against types before it is used.

It uses msgspec, which is strict (texts and booleans are not numbers), refuses NaN and integers over 64 bits, reports
errors with their location in one line, and loads in a seventh of pydantic's time, which every command would pay.
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

LARGEST = 1 << 62  # bound of integers: sums of a few of them still fit into 64 bits
LONGEST = 4096  # characters of a path or a name

Count = Annotated[int, Meta(ge=0, lt=LARGEST)]
Name = Annotated[str, Meta(max_length=LONGEST)]
Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]  # sha256

T = TypeVar("T")


def from_json(data: bytes, kind: type[T] | Any = Any) -> T | Any:
    """The contents of a JSON text, as `kind`.

    Raises
    ------
    ValueError
        If it is not JSON, nested too deeply, or of other types; says where.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def from_toml(text: str, kind: type[T] | Any = Any) -> T | Any:
    """The same of a TOML text."""
    try:
        return checked(tomllib.loads(text), kind)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def checked(value: Any, kind: type[T] | Any) -> T | Any:
    """A value that was read, as `kind`; raises ValueError if it has other types."""
    try:
        return msgspec.convert(value, kind)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
