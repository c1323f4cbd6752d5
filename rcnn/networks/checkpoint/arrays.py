"""Named arrays on disk: reads all versions of MXNet's `.params` files and writes them, without MXNet.

A file is three uint64 (0x112, 0, n), n arrays, a uint64 count of names and the names. All numbers are
little-endian. Every length is checked against the rest of the file before memory is allocated for it.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from io import BufferedIOBase

import numpy as np

from ...errors import InputError
from ...files import write_whole

FILE_MAGIC = 0x112
V1_MAGIC = 0xF993FAC8  # int64 dimensions
V2_MAGIC = 0xF993FAC9  # V1 with a storage type in front
V3_MAGIC = 0xF993FACA  # V2 with numpy's shape semantics
MAX_DIMENSIONS = 32  # of one array
MAX_NAME_BYTES = 4096
MAX_ARRAYS = 100_000  # per file: the smallest takes 4 bytes there and a hundred in memory
DENSE = 0

DTYPES: dict[int, np.dtype] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f8"),
    2: np.dtype("<f2"),
    3: np.dtype("u1"),
    4: np.dtype("<i4"),
    5: np.dtype("i1"),
    6: np.dtype("<i8"),
}
TYPE_FLAGS = {dtype: flag for flag, dtype in DTYPES.items()}


class _Reader:
    """A file of `size` bytes; `path` names it in messages."""

    def __init__(self, file: BufferedIOBase, size: int, path: str) -> None:
        self.file = file
        self.path = path
        self.left = size

    def fail(self, what: str) -> InputError:
        return InputError(f"{self.path}: {what}; the file is damaged or no MXNet .params file, get it again")

    def take(self, size: int, what: str) -> bytes:
        if size > self.left:
            raise self.fail(f"ends in {what}: {size} bytes wanted, {self.left} left")
        self.left -= size
        data = self.file.read(size)
        if len(data) != size:
            raise self.fail(f"ends in {what}")
        return data

    def numbers(self, form: str, what: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form), what))

    def array(self, index: int) -> np.ndarray:
        what = f"array {index}"
        (magic,) = self.numbers("I", what)
        if magic in (V2_MAGIC, V3_MAGIC):
            (storage,) = self.numbers("i", what)
            if storage != DENSE:
                raise self.fail(f"{what} has storage type {storage}, only dense arrays (0) are read")
        if magic in (V1_MAGIC, V2_MAGIC, V3_MAGIC):
            (ndim,) = self.numbers("I", what)
            width = "q"
        else:
            ndim, width = magic, "I"
        if ndim > MAX_DIMENSIONS:
            raise self.fail(f"{what} has {ndim} dimensions")
        if ndim == 0 and magic != V3_MAGIC:
            return np.empty(0, np.float32)  # an array that MXNet never allocated: no data follows
        shape = self.numbers(f"{ndim}{width}", what)
        if any(size < 0 for size in shape):
            raise self.fail(f"{what} has the shape {shape}")
        _, _, flag = self.numbers("iii", what)
        if flag not in DTYPES:
            raise self.fail(f"{what} has type flag {flag}, known are 0 to 6")
        dtype = DTYPES[flag]
        size = math.prod(shape) * dtype.itemsize
        if size > self.left:
            raise self.fail(f"{what} of shape {shape} needs {size} bytes, {self.left} are left")
        try:
            result = np.empty(shape, dtype)
        except (ValueError, MemoryError) as error:
            raise self.fail(f"{what} of shape {shape} does not fit into memory: {error}") from None
        if size:
            self.left -= size
            if self.file.readinto(result.reshape(-1).view(np.uint8).data) != size:
                raise self.fail(f"ends in {what}")
        return result

    def name(self, index: int) -> str:
        (size,) = self.numbers("Q", f"name {index}")
        if size > MAX_NAME_BYTES:
            raise self.fail(f"name {index} is {size} bytes long")
        try:
            return self.take(size, f"name {index}").decode()
        except UnicodeDecodeError:
            raise self.fail(f"name {index} is not UTF-8") from None


def read_arrays(path: str) -> dict[str, np.ndarray]:
    """The arrays of a `.params` file by name (`arg:NAME`, `aux:NAME`), in the order of the file.

    Raises
    ------
    InputError
        If the file can't be read, is truncated, or contains something unknown.
    """
    try:
        with open(path, "rb") as file:
            return parse_arrays(file, os.fstat(file.fileno()).st_size, path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give PREFIX,EPOCH of a checkpoint") from None


def parse_arrays(file: BufferedIOBase, size: int, path: str) -> dict[str, np.ndarray]:
    """`read_arrays` of an open file of `size` bytes; `path` names it in messages."""
    reader = _Reader(file, size, path)
    magic, _, count = reader.numbers("QQQ", "the header")
    if magic != FILE_MAGIC:
        raise reader.fail(f"begins with {magic:#x}, not {FILE_MAGIC:#x}")
    if count > MAX_ARRAYS:
        raise reader.fail(f"claims {count} arrays, more than {MAX_ARRAYS}")
    arrays = [reader.array(index) for index in range(count)]
    (named,) = reader.numbers("Q", "the number of names")
    if named != count:
        raise reader.fail(f"has {named} names for {count} arrays")
    names = [reader.name(index) for index in range(count)]
    if reader.left:
        raise reader.fail(f"has {reader.left} bytes after its end")
    if len(set(names)) != len(names):
        raise InputError(f"{path}: has a name twice; the file is damaged, get it again")
    return dict(zip(names, arrays, strict=True))


def write_arrays(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as MXNet 1.x does (V2), atomically.

    Raises
    ------
    InputError
        If the format does not support an array's type, or the file can't be written.
    """

    def write(temporary: str) -> None:
        with open(temporary, "wb") as file:
            file.write(struct.pack("<QQQ", FILE_MAGIC, 0, len(arrays)))
            for name, array in arrays.items():
                dtype = array.dtype.newbyteorder("<")
                if dtype not in TYPE_FLAGS or array.ndim == 0:
                    raise InputError(
                        f"{path}: {name} is a {array.dtype} of {array.ndim} dimensions, which MXNet's format "
                        "can't store; convert it to float32 of one dimension or more"
                    )
                file.write(struct.pack("<IiI", V2_MAGIC, DENSE, array.ndim))
                file.write(struct.pack(f"<{array.ndim}q", *array.shape))
                file.write(struct.pack("<iii", 1, 0, TYPE_FLAGS[dtype]))  # device: CPU 0
                file.write(np.ascontiguousarray(array, dtype).tobytes())
            file.write(struct.pack("<Q", len(arrays)))
            for name in arrays:
                file.write(struct.pack("<Q", len(name.encode())) + name.encode())

    try:
        write_whole(path, write)
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}") from None
