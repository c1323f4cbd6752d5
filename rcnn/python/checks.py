"""Checks arguments before they are used, so that an error names the argument."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import ArgumentError, InputError, UnreadableError
from ..files.text import printable

Path = str | os.PathLike[str]

_FLAG = re.compile(r"--([a-z][a-z0-9-]*)(?: (-?\d[\d.]*))?")
_COMMAND = re.compile(r"\b(python -m rcnn|rcnn|[a-z_]+\.py|make) [a-z-]")  # a command line, which stays as it is
_ARGUMENTS = {"clips": "paths"}  # of functions, by flag, where the names differ
CALLED = {"NoneType": "None", "ndarray": "an array", "str": "a text", "list": "a list", "tuple": "a tuple"}
SHOWN = 60  # characters of a value in a message


@contextmanager
def python_errors(**arguments: str) -> Iterator[None]:
    """Raise every `InputError` as an `ArgumentError` that names arguments in place of flags of the command line.

    Parameters
    ----------
    arguments : name of the argument by the name of the flag, with `_` for `-`, where the two differ
    """
    try:
        yield
    except ArgumentError:
        raise
    except (InputError, UnreadableError) as error:
        names = _ARGUMENTS | {flag.replace("_", "-"): name for flag, name in arguments.items()}
        raise ArgumentError(in_python(str(error), names), getattr(error, "paste", "")) from None


def in_python(message: str, names: Mapping[str, str]) -> str:
    """A message with arguments in place of flags; commands to be typed at the shell keep theirs."""

    def argument(found: re.Match[str]) -> str:
        flag, value = found.groups()
        name = names.get(flag, flag.replace("-", "_"))
        return name if value is None else f"{name}={value}"

    parts = re.split(r"(?<=[;(])|(?<=, )", message)
    return "".join(part if _COMMAND.search(part) else _FLAG.sub(argument, part) for part in parts)


def kind_of(value: Any) -> str:
    """What a value is, for messages: its type, of an array with shape and dtype."""
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} of {value.dtype}"
    name = type(value).__name__
    return CALLED.get(name, f"an object of type {name}")


def check_path(value: Any, name: str, wanted: str) -> str:
    """A path as text.

    Raises
    ------
    ArgumentError
        If it is none; `wanted` says what is.
    """
    if isinstance(value, str) or (isinstance(value, os.PathLike) and isinstance(os.fspath(value), str)):
        text = os.fspath(value)
        if text and "\0" not in text:
            return text
        raise ArgumentError(f"{name}: is {'a path with a zero byte' if text else 'an empty text'}; give {wanted}")
    raise ArgumentError(f"{name}: is {kind_of(value)}; give {wanted}, a str or a Path")


def check_paths(value: Any, name: str, wanted: str) -> tuple[str, ...]:
    """One path or several, as texts, at least one."""
    if isinstance(value, str | os.PathLike):
        return (check_path(value, name, wanted),)
    if isinstance(value, Mapping | bytes | np.ndarray) or not hasattr(value, "__iter__"):
        raise ArgumentError(f"{name}: is {kind_of(value)}; give {wanted}, one path or a list of them")
    found = tuple(check_path(each, name, wanted) for each in value)
    if not found:
        raise ArgumentError(f"{name}: is empty; give {wanted}")
    return found


def check_number(value: Any, name: str, low: float, high: float, example: str) -> float:
    """A number between `low` and `high`, both included."""
    number = _number(value)
    if number is None or not low <= number <= high:
        shown = f"{value!r}"[:SHOWN] if number is not None else kind_of(value)
        raise ArgumentError(f"{name}: is {shown}; give a number from {low:g} to {high:g}, {example}")
    return number


def check_count(value: Any, name: str) -> int:
    """A whole number of 1 or more."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or value < 1:
        shown = f"{value!r}"[:SHOWN] if _number(value) is not None else kind_of(value)
        raise ArgumentError(f"{name}: is {shown}; give a whole number of 1 or more")
    return int(value)


def check_gpu(value: Any) -> int | None:
    """Number of a CUDA device, -1 for the CPU, or None."""
    if value is None or (isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= -1):
        return None if value is None else int(value)
    raise ArgumentError(
        f"gpu: is {printable(repr(value))[:SHOWN]}; give the number of a CUDA device, -1 for the CPU, or None"
    )


def check_choice(value: Any, name: str, choices: tuple[str, ...]) -> str:
    """One of some words, in small or capital letters."""
    if isinstance(value, str) and value.lower() in choices:
        return value.lower()
    words = " or ".join(f'"{choice}"' for choice in choices)
    raise ArgumentError(f"{name}: is {printable(repr(value))[:SHOWN]}; give {words}")


def _number(value: Any) -> float | None:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    return float(value) if math.isfinite(value) else math.nan
