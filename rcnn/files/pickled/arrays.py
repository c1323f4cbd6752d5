"""The numpy objects in a pickle, recognised by name and built here; the names are never imported or called."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

LARGEST = 1 << 31  # of a side
MOST_SIDES = 4
NUMBER = re.compile(r"f[248]|[iu][1248]|b1")  # accepted dtypes: floats, integers, booleans


class Name(enum.Enum):
    """A name allowed in a pickle."""

    ARRAY, RECONSTRUCT, FROM_BUFFER, SCALAR, DTYPE, ENCODE, BYTES, LIST, EMPTY_DICT, DICT_OF_LISTS = range(10)


NAMES = {  # by module and name
    ("numpy", "ndarray"): Name.ARRAY,
    ("numpy", "dtype"): Name.DTYPE,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): Name.RECONSTRUCT for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): Name.SCALAR for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): Name.FROM_BUFFER for core in ("core", "_core")},
    ("_codecs", "encode"): Name.ENCODE,  # bytes in protocols 0 to 2 of Python 3
    **{(builtins, "bytes"): Name.BYTES for builtins in ("__builtin__", "builtins")},
    **{(builtins, "list"): Name.LIST for builtins in ("__builtin__", "builtins")},
    ("collections", "OrderedDict"): Name.EMPTY_DICT,
    ("collections", "defaultdict"): Name.DICT_OF_LISTS,
}


class Unbuilt:
    """An array or a dtype whose state has not been read yet; then it is `value`."""

    __slots__ = ("value",)

    def __init__(self, value: np.dtype | None = None) -> None:
        self.value: Any = value


def call(name: Name, given: tuple[Any, ...]) -> Any:
    """The result of a call of `name`.

    Raises
    ------
    ValueError
        If the call is not one that numpy or Python writes.
    """
    make = CALLS.get(name)
    if make is None:
        raise ValueError(f"a call of {name.name.lower()}")
    return make(*given)


def _array(kind: Any, shape: Any, code: Any) -> Unbuilt:
    if kind is not Name.ARRAY or shape != (0,) or code not in (b"b", "b"):
        raise ValueError("an array that numpy writes otherwise")
    return Unbuilt()


def _dtype(code: Any, *flags: Any) -> Unbuilt:
    text = code.decode("ascii", "replace") if isinstance(code, bytes) else code
    if not isinstance(text, str) or not NUMBER.fullmatch(text) or len(flags) > 2:
        raise ValueError(f"arrays of {str(text)[:20]!r}; only numbers are read")
    return Unbuilt(np.dtype(text))


def _scalar(kind: Any, data: Any) -> Any:
    if not isinstance(kind, np.dtype) or not isinstance(data, bytes) or len(data) != kind.itemsize:
        raise ValueError("a numpy number of another length")
    return np.frombuffer(data, kind)[0].item()


def _from_buffer(data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    if order not in ("C", "F", b"C", b"F"):
        raise ValueError("an array of unknown order")
    return made(data, kind, shape, order in ("F", b"F"))


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes that Python writes otherwise")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    return b""


def _no_items() -> dict[Any, Any]:
    return {}


def _no_lists(kind: Any) -> dict[Any, Any]:
    if kind is not Name.LIST:
        raise ValueError("a defaultdict of something other than lists")
    return {}


CALLS: dict[Name, Callable[..., Any]] = {
    Name.RECONSTRUCT: _array,
    Name.FROM_BUFFER: _from_buffer,
    Name.SCALAR: _scalar,
    Name.DTYPE: _dtype,
    Name.ENCODE: _encode,
    Name.BYTES: _no_bytes,
    Name.EMPTY_DICT: _no_items,
    Name.DICT_OF_LISTS: _no_lists,
}


def made(data: Any, kind: Any, shape: Any, fortran: Any) -> np.ndarray:
    """A read-only array of bytes of the file.

    Raises
    ------
    ValueError
        If the bytes are not those of an array of numbers of this shape.
    """
    if not isinstance(data, bytes) or not isinstance(kind, np.dtype):
        raise ValueError("an array of something other than numbers")
    if type(shape) is not tuple or len(shape) > MOST_SIDES:
        raise ValueError("an array without a shape")
    if not all(type(side) is int and 0 <= side < LARGEST for side in shape):
        raise ValueError("an array of an impossible shape")
    if math.prod(shape) * kind.itemsize != len(data):
        raise ValueError(f"an array whose {len(data)} bytes are not its shape's")
    if not data:
        return np.zeros(shape, kind)
    flat = np.frombuffer(data, kind)
    return flat if len(shape) == 1 else flat.reshape(shape, order="F" if fortran else "C")


def build(unbuilt: Unbuilt, state: Any) -> Any:
    """The array or dtype with its state set.

    Raises
    ------
    ValueError
        If it is not as numpy writes it.
    """
    if type(state) is not tuple:
        raise ValueError("an array that numpy writes otherwise")
    kind = unbuilt.value
    if isinstance(kind, np.dtype):
        order = state[1] if len(state) > 4 else None
        order = order.decode("ascii", "replace") if isinstance(order, bytes) else order
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise ValueError("arrays of something other than numbers")
        if order in ("<", ">"):
            unbuilt.value = kind.newbyteorder("<" if order == "<" else ">")
        return unbuilt.value
    if kind is not None or len(state) != 5 or state[0] != 1:
        raise ValueError("an array that numpy writes otherwise")
    unbuilt.value = made(state[4], state[2], state[1], state[3])
    return unbuilt.value
