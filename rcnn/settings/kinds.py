"""Kinds of values that a setting may have. The command line and the library check by the same one."""

from __future__ import annotations

import argparse
import math
import operator
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    words : what a value must be, like `a whole number of 1 or more`
    read : makes the value of a text; raises ValueError if the text has another form
    check : gives a value in the form that is kept; raises ValueError or TypeError where it is not of this kind
    choices : all values there are; None where they can't be listed
    listed : whether values are several with commas between them; spaces do on the command line, too
    """

    words: str
    read: Callable[[str], Any]
    check: Callable[[Any], Any]
    choices: tuple[Any, ...] | None = None
    listed: bool = False

    def __call__(self, text: str) -> Any:
        """The value of a text, for `add_argument(type=...)`.

        Raises
        ------
        argparse.ArgumentTypeError
            If it is none.
        """
        try:
            return self.check(self.read(text))
        except (ValueError, TypeError):
            raise argparse.ArgumentTypeError(f"{text!r} is not {self.words}") from None


def typed(value: Any) -> str:
    """A value as it is typed on the command line."""
    if not isinstance(value, (tuple, list)):
        return str(value)
    return ",".join("=".join(map(str, item)) if isinstance(item, (tuple, list)) else str(item) for item in value)


def _digits(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(text)
    return int(text)


def _integer(value: Any, low: float = -math.inf, high: float = math.inf) -> int:
    if isinstance(value, bool) or not low <= operator.index(value) <= high:
        raise ValueError(value)
    return operator.index(value)


def _real(value: Any, low: float = -math.inf) -> float:
    if isinstance(value, (bool, str)) or not (math.isfinite(value) and value >= low):
        raise ValueError(value)
    return float(value)


def _per_thousand(value: Any) -> float:
    found = _real(value, math.ulp(0.0))
    if found > 1000:
        raise ValueError(value)
    return found


def _text(value: Any) -> str:
    found = os.fspath(value)
    if not isinstance(found, str):
        raise TypeError(value)
    return found


def _listed(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise TypeError(value)
    return tuple(value)


def _split(text: str) -> list[str]:
    return text.split(",")


def _split_digits(text: str) -> list[int]:
    return [_digits(item) for item in _split(text)]


def between(low: int, high: int) -> Kind:
    """Whole numbers of a range, both ends included."""
    return Kind(f"a whole number from {low} to {high}", _digits, lambda value: _integer(value, low, high))


def at_least(low: int, why: str = "") -> Kind:
    """Whole numbers of `low` or more."""
    return Kind(f"a whole number of {low} or more{why and f': {why}'}", _digits, lambda value: _integer(value, low))


def at_most_or_all(low: int) -> Kind:
    """How many are taken at most: `low` or more, or -1 for all."""

    def check(value: Any) -> int:
        return _integer(value, -1 if value == -1 else low)

    return Kind(f"a whole number of {low} or more, or -1 for all", _digits, check)


def choice(*values: Any) -> Kind:
    """One of some values."""
    by_text = {str(value): value for value in values}

    def check(value: Any) -> Any:
        if type(value) not in {type(one) for one in values} or value not in values:
            raise ValueError(value)
        return value

    *others, last = map(str, values)
    return Kind(f"{', '.join(others)} or {last}", lambda text: by_text.get(text, text), check, values)


def share(low_included: bool) -> Kind:
    """A part of a whole: less than 1, and more than 0, or also 0."""

    def check(value: Any) -> float:
        part = _real(value, 0.0)
        if part >= 1 or (part == 0 and not low_included):
            raise ValueError(value)
        return part

    return Kind(f"{'0 or more' if low_included else 'more than 0'} and less than 1", float, check)


def even_pair(low: int, high: int, example: str) -> Kind:
    """Width and height in pixels, both even."""

    def check(value: Any) -> tuple[int, int]:
        sides = _pair(value)
        if any(_integer(side, low, high) % 2 for side in sides):
            raise ValueError(value)
        return sides

    return Kind(f"two even numbers from {low} to {high} like {example}", _split_digits, check, listed=True)


def _device(value: Any) -> int:
    return _integer(value, -1)


def _devices(value: Any) -> int | tuple[int, ...]:
    if not isinstance(value, Sequence):
        return _device(value)
    numbers = tuple(_integer(number, 0) for number in _listed(value))
    if len(set(numbers)) < len(numbers):
        raise ValueError(value)
    return numbers


def _pair(value: Any) -> tuple[int, int]:
    first, second = map(_integer, _listed(value))
    return first, second


def _part(value: Any) -> tuple[int, int]:
    index, count = _pair(value)
    if not 0 <= index < count:
        raise ValueError(value)
    return index, count


def _epochs(value: Any) -> tuple[int, ...]:
    numbers = tuple(_integer(number, 1) for number in _listed(value))
    if list(numbers) != sorted(set(numbers)):
        raise ValueError(value)
    return numbers


def _names(value: Any) -> tuple[str, ...]:
    found = tuple(map(_text, _listed(value)))
    if not all(found):
        raise ValueError(value)
    return found


def _layer_pairs(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = tuple((_text(ours), _text(theirs)) for ours, theirs in map(_listed, value))
    if not all(ours and theirs and "=" not in theirs for ours, theirs in pairs):
        raise ValueError(value)
    return pairs


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


_DEVICE = "the number of a CUDA device, 0 or more, or -1 for the CPU"

text = Kind("text", str, _text)
folder = Kind("a path", Path, lambda value: Path(_text(value)))
flag = Kind("True or False", bool, _flag)
integer = Kind("a whole number", _digits, _integer)
per_thousand = Kind("a number of more than 0, 1000 at most", float, _per_thousand)
positive = at_least(1)
whole = at_least(0)
number = Kind("a number of 0 or more", float, lambda value: _real(value, 0.0))
more_than_none = Kind("a number of more than 0", float, lambda value: _real(value, math.ulp(0.0)))
numbers = Kind(
    "numbers of 0 or more like 1,0.5",
    lambda text: [float(item) for item in _split(text)],
    lambda value: tuple(_real(item, 0.0) for item in _listed(value)),
    listed=True,
)
device = Kind(_DEVICE, _digits, _device)
devices = Kind(
    f"{_DEVICE}, or a list of different CUDA devices like 0,1,2,3",
    lambda text: _split_digits(text) if "," in text else _digits(text),
    _devices,
    listed=True,
)
pair = Kind("two whole numbers like 112,112", _split_digits, _pair, listed=True)
part = Kind("I,N with I from 0 to N-1", _split_digits, _part, listed=True)
rising = Kind("rising whole numbers of 1 or more like 1,3,5", _split_digits, _epochs, listed=True)
epochs = Kind(
    "epochs like 30,35,40 in rising order, each a whole number of 1 or more", _split_digits, _epochs, listed=True
)
paths = Kind("a list of names A,B,... without an empty name", _split, _names, listed=True)
layer_pairs = Kind(
    "OURS=THEIRS,... like stage2=_plus9",
    lambda text: [item.split("=", 1) for item in _split(text)],
    _layer_pairs,
    listed=True,
)
