"""Malicious and broken pickles, for the tests and as seeds of fuzz.py; and invariants for arbitrary bytes."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from rcnn.errors import InputError
from rcnn.files.pickled import PickledDict, find_far
from rcnn.files.pickled.arrays import Name, Unbuilt

ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
CALL = b"(cos\nsystem\n"
HOME = b"S'touch HARM'\n"
NAMED = {  # each calls, creates or accesses something when Python loads it
    "reduce": b"cos\nsystem\n(" + HOME + b"tR.",
    "reduce in the dict": b"\x80\x02}U\x01acos\nsystem\n(" + HOME + b"tRs.",
    "inst": b"(" + HOME + b"ios\nsystem\n.",
    "obj": CALL + HOME + b"o.",
    "newobj": b"\x80\x02cos\nPathLike\n)\x81.",
    "newobj_ex": b"\x80\x04cos\nPathLike\n)}\x92.",
    "build": b"\x80\x02}}b.",
    "build of a list": b"\x80\x02}U\x01a](U\x01btbs.",
    "ext": b"\x80\x02\x82\x01.",
    "ext4": b"\x80\x02\x84\x01\x00\x00\x00.",
    "persid": b"P1\n.",
    "binpersid": b"\x80\x02K\x01Q.",
    "stack_global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01a\x85R.",
    "stack_global from the memo": b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93\x8c\x01a\x85R.",
    "stack_global of numpy.load": b"\x80\x04\x8c\x05numpy\x8c\x04load\x93\x8c\x01a\x85R.",
    "global with a dot": b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.",
    "builtins": b"c__builtin__\neval\n(S'1'\ntR.",
    "getattr": b"\x80\x02cbuiltins\ngetattr\n(cnumpy\nndarray\nU\x04dumptR.",
    "a name as a value": b"\x80\x02}(U\x01acnumpy\nndarray\nU\x01bcos\nsystem\nu.",
    "scalar of an object": b"\x80\x02cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x02O8tRcos\nsystem\ntR.",
    "codecs": b"\x80\x02c_codecs\nencode\n(X\x01\x00\x00\x00aX\x04\x00\x00\x00zlibtR.",
    "set": b"\x80\x04\x8f(K\x01\x90.",
    "frozenset": b"\x80\x04(K\x01\x91.",
    "next_buffer": b"\x80\x05}\x8c\x01a\x97s.",
    "pop": b"\x80\x02}0}.",
    "dup": b"\x80\x02}2.",
}  # fmt: skip


def array(shape: bytes, kind: bytes = b"f2", state: bytes = b"<NNN", data: bytes = b"T\x04\x00\x00\x00aaaa") -> bytes:
    """A pickle of `{a: array}` as written by Python 2, with some parts replaced."""
    dtype = (
        b"cnumpy\ndtype\n(U" + bytes((len(kind),)) + kind + b"K\x00K\x01tR(K\x03U\x01" + state + b"K\x00K\x00K\x00tb"
    )
    return b"\x80\x02}U\x01a" + ARRAY + b"(K\x01" + shape + dtype + b"\x89" + data + b"tbs."


BROKEN = {  # each is inconsistent
    "nothing": b"",
    "no end": b"\x80\x02}",
    "two ends": b"\x80\x02}..",
    "behind the end": b"\x80\x02}.\x00",
    "no dict": b"\x80\x02].",
    "no mark": b"\x80\x02}u.",
    "an odd item": b"\x80\x02}(U\x01au.",
    "a key that is a list": b"\x80\x02}](K\x01es.",
    "a key that is a number": b"\x80\x02}K\x01K\x01s.",
    "nothing on the stack": b"\x80\x02s.",
    "protocol 9": b"\x80\x09}.",
    "opcode 255": b"\x80\x02\xff.",
    "text of 4 GB": b"\x80\x02}X\xff\xff\xff\xff",
    "bytes of 16 EB": b"\x80\x04}\x8e" + b"\xff" * 8,
    "bytes of a negative length": b"\x80\x02}T\xff\xff\xff\xff",
    "number of 2 GB": b"\x80\x02}\x8b\xff\xff\xff\x7f",
    "frame of 16 EB": b"\x80\x04\x95" + b"\xff" * 8 + b"}.",
    "long number": b"}S'a'\nL" + b"9" * 5000 + b"L\ns.",
    "long line": b"}S'" + b"a" * (2 << 20) + b"'\n.",
    "memo that does not exist": b"\x80\x02}h\x07.",
    "memo of a negative number": b"}g-1\n.",
    "memo out of order": b"\x80\x02}q\x05q\x04.",
    "memo of nothing": b"\x80\x02q\x00.",
    "a list that holds itself": b"\x80\x02}U\x01a]q\x00h\x00as.",
    "a list that holds itself behind a mark": b"\x80\x02}U\x01a]q\x00(h\x00K\x01es.",
    "a dict that holds itself": b"\x80\x02}q\x00(U\x01ah\x00u.",
    "deep marks": b"\x80\x02}" + b"(" * 100_000 + b".",
    "array of objects": array(b"K\x02\x85", b"O8"),
    "array of records": array(b"K\x02\x85", b"V2"),
    "array of text": array(b"K\x02\x85", b"S2"),
    "array with fields": array(b"K\x02\x85", state=b"<U\x01a)}"),
    "array larger than its bytes": array(b"J\xff\xff\xff\x7f\x85"),
    "array of a negative side": array(b"J\xff\xff\xff\xff\x85"),
    "array whose sides overflow": array(b"(" + b"J\x00\x00\x00\x40" * 4 + b"t"),
    "array of too many sides": array(b"(" + b"K\x01" * 64 + b"t"),
    "array of a list": array(b"K\x02\x85", data=b"](K\x01K\x02e"),
    "array without a shape": array(b"N"),
    "array of a strange order": array(b"K\x02\x85", state=b"!NNN"),
    "array half made": b"\x80\x02}U\x01a" + ARRAY + b"q\x00h\x00bs.",
}  # fmt: skip


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that would require much memory or time."""
    yield "deep lists", b"\x80\x02}U\x01a" + b"]" * 300_000 + b"a" * 299_999 + b"s."
    yield "deep tuples", b"\x80\x02}U\x01aK\x01" + b"\x85" * 300_000 + b"s."
    yield "many lists", b"\x80\x02}U\x01a](" + b"]" * 1_200_000 + b"es."
    yield "many marks", b"\x80\x02" + b"(" * 200_000
    doubled = b"".join(
        b"](" + b"h" + bytes((n - 1,)) + b"h" + bytes((n - 1,)) + b"eq" + bytes((n,)) for n in range(1, 60)
    )
    yield "a billion laughs", b"\x80\x02}U\x01a](]q\x00" + doubled + b"es."
    puts = b"".join(b"](K\x01K\x01er" + struct.pack("<I", n) for n in range(100_000))
    yield "memo bomb", b"\x80\x02}U\x01a](" + puts + b"es."


class Harm:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@contextlib.contextmanager
def in_memory(data: bytes) -> Iterator[str]:
    """The path of an in-memory file with the content `data`."""
    descriptor = os.memfd_create("pickle")
    try:
        os.write(descriptor, data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def check_pickle(data: bytes) -> None:
    """A pickle: the result contains only allowed types, and its arrays are no larger than the file."""
    with in_memory(data) as path:
        try:
            for key, value in PickledDict(path, find_far(path)):
                if type(key) not in (str, bytes):
                    raise AssertionError(f"a key {type(key)}")
                _check_value(value, len(data), set())
        except InputError as error:
            if "\n" in str(error):
                raise AssertionError("a message of several lines") from None


ALLOWED = (str, bytes, int, float, bool, type(None))


def _check_value(value: Any, size: int, seen: set[int]) -> None:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, np.ndarray):
            if one.nbytes > size or one.dtype.kind not in "fiub":
                raise AssertionError(f"an array of {one.dtype} with {one.nbytes} bytes of {size}")
        elif type(one) in (list, tuple, dict):
            if id(one) not in seen:
                seen.add(id(one))
                waiting.extend(one.values() if isinstance(one, dict) else one)
        elif type(one) not in ALLOWED and not isinstance(one, Name | Unbuilt | np.dtype):
            raise AssertionError(f"a {type(one)}")


def pickle_seeds() -> list[bytes]:
    """Small pickles of every protocol, and the ones above."""
    import pickle

    faces = [["8", [1, 2, 3, 4], 0.9, 51.5, np.arange(3, dtype=kind)] for kind in ("<f2", ">f4", "<f8", "<i8")]
    faces.append(["9", (1, 2, 3, 4), np.float32(1), np.float64(2), np.asfortranarray(np.ones((2, 2)))])
    plain = [pickle.dumps({"a": faces, b"b": [], "c": faces[:1]}, protocol) for protocol in range(6)]
    return [*plain, *NAMED.values(), *(data for data in BROKEN.values() if len(data) < 2000), array(b"K\x02\x85")]
