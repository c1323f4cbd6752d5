"""The memo of a pickle, limited to what may be used again."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct

from .arrays import Name, Unbuilt
from .opcodes import NEAR

LONGEST = 256  # bytes or characters of a text that is kept after its item
MOST_WRITTEN = 1 << 15  # things in a place
MOST_NUMBERS = 8  # of a tuple, like the shape of an array

Kept = tuple[str, str | list[int]]  # of what kind, and its value


class Place(Struct):
    """Where reading can resume, and the memo needed there.

    offset : bytes of the file before it
    last : number of the latest memo entry
    values : memo entries, by number
    """

    offset: int
    last: int
    values: dict[str, Kept]


class Memo:
    """Entries by the pickle's rising numbers: everything of the current item; of earlier ones small values that are
    either in `far`, or not further back than `NEAR`.

    last : largest number so far
    """

    def __init__(self, far: frozenset[int], place: Place | None = None) -> None:
        self._far = far
        self._item: dict[int, Any] = {}
        self._near: dict[int, Any] = {}
        self._kept: dict[int, Any] = {}
        self.last = -1
        if place is not None:
            self.last = place.last
            for number, (kind, value) in place.values.items():
                (self._kept if int(number) in far else self._near)[int(number)] = READ[kind](value)

    def put(self, number: int, value: Any) -> None:
        """Memoise something; raises ValueError if the number is not one of the next ones."""
        if number <= self.last:
            raise ValueError("its memo is out of order")
        self.last = number
        self._item[number] = value

    def get(self, number: int) -> Any:
        """A memoised value; raises ValueError if it does not exist or is not finished."""
        for values in (self._item, self._near, self._kept):
            if number in values:
                value = values[number]
                if type(value) is Unbuilt:
                    value = value.value
                    if value is None:
                        raise ValueError("an array that contains itself")
                return value
        if number > self.last or number < 0:
            raise ValueError("it refers to an object that does not exist")
        raise ValueError("it refers to a list or an array of an earlier clip")

    def fold(self) -> None:
        """An item has ended."""
        for number, value in self._item.items():
            if type(value) is Unbuilt and isinstance(value.value, np.dtype):
                value = value.value
            if _is_small(value):
                (self._kept if number in self._far else self._near)[number] = value
        self._item.clear()
        if len(self._near) > 2 * NEAR:  # sorted, so the last ones are the nearest
            self._near = {number: value for number, value in self._near.items() if self.last - number <= NEAR}

    def place(self, offset: int) -> Place | None:
        """Where an item has ended that was folded; None where too much is remembered."""
        values = self._kept | self._near
        if len(values) > MOST_WRITTEN:
            return None
        return Place(offset, self.last, {str(number): _written(value) for number, value in values.items()})


def _is_small(value: Any) -> bool:
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) <= LONGEST
    if kind is tuple:
        return len(value) <= MOST_NUMBERS and all(type(one) is int for one in value)
    return kind is Name or isinstance(value, np.dtype)


def _written(value: Any) -> Kept:
    kind = type(value)
    if kind is str:
        return "text", base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
    if kind is bytes:
        return "bytes", base64.b64encode(value).decode()
    if kind is tuple:
        return "numbers", list(value)
    return ("name", value.name) if kind is Name else ("dtype", value.str)


READ: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: base64.b64decode(value).decode("utf-8", "surrogatepass"),
    "bytes": base64.b64decode,
    "numbers": tuple,
    "name": Name.__getitem__,
    "dtype": np.dtype,
}
