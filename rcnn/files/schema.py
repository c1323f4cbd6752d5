"""What is read from disk is checked against types before it is used.

msgspec does it: it is strict (no text is a number, no boolean is one), takes no NaN and no integer over 64 bits, says
in one line what is wrong where, and loads in a seventh of the time of pydantic, which every command would wait for.
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

LARGEST = 1 << 62  # whole numbers are less: sums of a few of them still fit into 64 bits
LONGEST = 4096  # characters of a path or a name

Count = Annotated[int, Meta(ge=0, lt=LARGEST)]
Name = Annotated[str, Meta(max_length=LONGEST)]
Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]  # sha256

T = TypeVar("T")


def from_json(data: bytes, kind: type[T] | Any = Any) -> T | Any:
    """What a JSON text holds, as `kind`.

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
