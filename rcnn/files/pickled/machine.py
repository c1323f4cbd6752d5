"""Reads the dict in a pickle item by item.

The pickle's own machine has a stack, with marks in it, and a memo of what was made. An item is handed on, and taken off
the stack, as soon as the next one begins; the memo keeps what is small and either recent or known to be needed again.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable, Iterator
from typing import Any

from . import opcodes
from .arrays import NAMES, Name, Unbuilt, build, call
from .memo import Memo, Place
from .source import AHEAD, Source

MOST_STEPS = 1_000_000  # opcodes of an item, which has 40 for each face
MOST_BYTES = 256 << 20  # of the texts and arrays of an item
DEEPEST = 64  # marks that are open at once
LONGEST_INTEGER = 64  # bytes
LONGEST_DIGITS = 160  # of such a number in a line
DOUBLE = struct.Struct(">d")


class PickledDict:
    """The items of the dict that a pickle holds, in their order; iterate over it, once.

    Keys are text or bytes. Values are made of dicts, lists, tuples, text, bytes, numbers, None and numpy arrays.

    Parameters
    ----------
    path : of a file on the disk
    far : of `opcodes.find_far`
    place : where to go on; None for the beginning

    Raises
    ------
    InputError
        If the file can't be read, holds anything else, or is too large in one of its items; says at which byte.
    """

    def __init__(self, path: str, far: frozenset[int], place: Place | None = None) -> None:
        self._source = Source(path, 0 if place is None else place.offset)
        self._memo = Memo(far, place)
        self._stack: list[Any] = [] if place is None else [{}]
        self._below: list[list[Any]] = []  # what lies under each mark
        self._steps = 0
        self._bytes = 0
        self._ready: list[tuple[Any, Any]] = []
        self._between = False  # whether what was handed on is all that there was
        self._handlers = [_no_handler] * 256
        for code, handler in HANDLERS.items():
            self._handlers[code] = handler.__get__(self)

    def __iter__(self) -> Iterator[tuple[str | bytes, Any]]:
        source, handlers, ready = self._source, self._handlers, self._ready
        try:
            while True:
                if source.at + AHEAD > len(source.buffer):
                    source.fill()
                    if not source.buffer:
                        source.fail("the file ends in the middle")
                opcode = source.buffer[source.at]
                source.at += 1
                if opcode == opcodes.STOP:
                    break
                self._steps += 1
                if self._steps > MOST_STEPS:
                    source.fail(f"an item of more than {MOST_STEPS} steps")
                try:
                    handlers[opcode]()
                except IndexError:
                    source.fail("it takes what it did not make")
                except (ValueError, TypeError) as error:
                    source.fail(str(error).splitlines()[0][:200])
                except KeyError:
                    opcodes.refuse(source, opcode)
                if ready:
                    yield from self._hand_on()
            if len(self._stack) != 1 or self._below or type(self._stack[0]) is not dict:
                source.fail("it holds something else than a dict")
        finally:
            source.close()

    def _hand_on(self) -> Iterator[tuple[str | bytes, Any]]:
        self._memo.fold()
        self._steps = self._bytes = 0
        for number, (key, value) in enumerate(self._ready, 1):
            if type(key) not in (str, bytes):
                self._source.fail("a key that is no text")
            self._between = number == len(self._ready) and not self._below and len(self._stack) == 1
            yield key, value
        self._ready.clear()

    @property
    def place(self) -> Place | None:
        """Where a later reader can go on behind the item that came last; None where it can't.

        Python writes 1,000 items at a time, and behind each such lot there is a place.
        """
        return self._memo.place(self._source.offset) if self._between else None

    def _is_behind_item(self) -> bool:
        """Whether the stack is key, list, key, and the list of the next item: nothing can change the first any more."""
        stack, below = self._stack, self._below
        return (
            len(below) == 1
            and len(below[0]) == 1
            and type(below[0][0]) is dict
            and type(stack[1]) is list
            and type(stack[2]) in (str, bytes)
        )

    # What is pushed

    def _sized(self, width: int) -> bytes:
        count = int.from_bytes(self._source.take(width), "little")
        self._bytes += count
        if self._bytes > MOST_BYTES:
            self._source.fail(f"an item of more than {MOST_BYTES} bytes")
        return self._source.take(count)

    def _list(self) -> None:
        stack = self._stack
        stack.append([])
        if len(stack) == 4 and self._is_behind_item():
            self._ready.append((stack[0], stack[1]))
            del stack[:2]

    def _integer(self, width: int) -> None:
        count = int.from_bytes(self._source.take(width), "little")
        if count > LONGEST_INTEGER:
            raise ValueError(f"a number of {count} bytes")
        self._stack.append(int.from_bytes(self._source.take(count), "little", signed=True))

    def _integer_line(self) -> None:
        line = self._source.line()
        if line in (b"00", b"01"):
            self._stack.append(line == b"01")
            return
        if len(line) > LONGEST_DIGITS:
            raise ValueError(f"a number of {len(line)} digits")
        self._stack.append(int(line.removesuffix(b"L")))

    def _float_line(self) -> None:
        line = self._source.line()
        if len(line) > LONGEST_DIGITS:
            raise ValueError(f"a number of {len(line)} digits")
        self._stack.append(float(line))

    def _string_line(self) -> None:
        line = self._counted_line()
        if len(line) < 2 or line[0] != line[-1] or line[:1] not in (b"'", b'"') or _ends_escaped(line[:-1]):
            raise ValueError("a text without its quotation marks")
        self._stack.append(codecs.escape_decode(line[1:-1])[0])

    def _unicode_line(self) -> None:
        self._stack.append(self._counted_line().decode("raw-unicode-escape"))

    def _counted_line(self) -> bytes:
        line = self._source.line()
        self._bytes += len(line)
        if self._bytes > MOST_BYTES:
            self._source.fail(f"an item of more than {MOST_BYTES} bytes")
        return line

    def _name(self) -> None:
        self._push_name(self._source.line().decode(), self._source.line().decode())

    def _stack_name(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise ValueError("a name that is no text")
        self._push_name(module, name)

    def _push_name(self, module: str, name: str) -> None:
        known = NAMES.get((module, name))
        if known is None:
            raise ValueError(f"it names {ascii(f'{module}.{name}')[1:-1][:80]}, which is neither imported nor called")
        self._stack.append(known)

    # What is made of it

    def _mark(self) -> None:
        if len(self._below) == DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST}")
        self._below.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        """What lies above the last mark, which goes."""
        marked, self._stack = self._stack, self._below.pop()
        return marked

    def _tuple(self, count: int) -> None:
        stack = self._stack
        if len(stack) < count:
            raise IndexError
        stack[-count:] = [tuple(stack[-count:])]

    def _list_of_marked(self) -> None:
        values = self._marked()
        self._stack.append(values)

    def _tuple_of_marked(self) -> None:
        values = tuple(self._marked())
        self._stack.append(values)

    def _append(self) -> None:
        value = self._stack.pop()
        target = _list_of(self._stack[-1])
        if value is target:
            raise ValueError("something that holds itself")
        target.append(value)

    def _appends(self) -> None:
        values = self._marked()
        _list_of(self._stack[-1]).extend(values)

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set([key, value])

    def _set_items(self) -> None:
        self._set(self._marked())

    def _set(self, values: list[Any]) -> None:
        if len(values) % 2:
            raise ValueError("a dict with a key and no value")
        target = self._stack[-1]
        if type(target) is not dict:
            raise ValueError("items for something that is no dict")
        pairs = zip(values[::2], values[1::2], strict=True)
        if len(self._stack) == 1 and not self._below:
            self._ready.extend(pairs)
            return
        for key, value in pairs:
            if type(key) not in (str, bytes, int):
                raise ValueError("a key that is neither text nor a number")
            target[key] = value

    def _dict_of_marked(self) -> None:
        values = self._marked()
        self._stack.append({})
        self._set(values)

    def _call(self) -> None:
        given, name = self._stack.pop(), self._stack.pop()
        if type(name) is not Name or type(given) is not tuple:
            raise ValueError("a call of something that is no name")
        self._stack.append(call(name, given))

    def _build(self) -> None:
        state = self._stack.pop()
        unbuilt = self._stack[-1]
        if type(unbuilt) is not Unbuilt:
            raise ValueError("BUILD of something that is no array")
        self._stack[-1] = build(unbuilt, state)

    # What is remembered

    def _put(self, number: int) -> None:
        self._memo.put(number, self._stack[-1])

    def _get(self, number: int) -> None:
        value = self._memo.get(number)
        if any(level[-1] is value for level in self._below if level):
            raise ValueError("something that holds itself")
        self._stack.append(value)


def _list_of(value: Any) -> list[Any]:
    if type(value) is not list:
        raise ValueError("entries for something that is no list")
    return value


def _ends_escaped(text: bytes) -> bool:
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1


def _no_handler() -> None:
    raise KeyError


def _pushes(value: Callable[[], Any]) -> Callable[[PickledDict], None]:
    return lambda machine: machine._stack.append(value())


def _little(width: int, signed: bool = False) -> Callable[[PickledDict], None]:
    def read(machine: PickledDict) -> None:
        machine._stack.append(int.from_bytes(machine._source.take(width), "little", signed=signed))

    return read


def _text(width: int) -> Callable[[PickledDict], None]:
    return lambda machine: machine._stack.append(machine._sized(width).decode("utf-8", "surrogatepass"))


def _raw(width: int) -> Callable[[PickledDict], None]:
    return lambda machine: machine._stack.append(machine._sized(width))


def _number_of(machine: PickledDict, width: int) -> int:
    return int.from_bytes(machine._source.take(width), "little")


def _line_number(machine: PickledDict) -> int:
    return opcodes.memo_number(machine._source, machine._source.line())


def _float(machine: PickledDict) -> None:
    machine._stack.append(DOUBLE.unpack(machine._source.take(8))[0])


def _frame(machine: PickledDict) -> None:
    if _number_of(machine, 8) > machine._source.size - machine._source.offset:
        raise ValueError("a frame that goes on behind the end of the file")


def _memoize(machine: PickledDict) -> None:
    machine._put(machine._memo.last + 1)


HANDLERS: dict[int, Callable[[PickledDict], None]] = {
    opcodes.PROTO: lambda machine: opcodes.check_protocol(machine._source, _number_of(machine, 1)),
    opcodes.FRAME: _frame,
    ord("("): PickledDict._mark,
    ord("N"): _pushes(lambda: None),
    0x88: _pushes(lambda: True),
    0x89: _pushes(lambda: False),
    ord("]"): PickledDict._list,
    ord("}"): _pushes(dict),
    ord(")"): _pushes(tuple),
    ord("l"): PickledDict._list_of_marked,
    ord("t"): PickledDict._tuple_of_marked,
    ord("d"): PickledDict._dict_of_marked,
    0x85: lambda machine: machine._tuple(1),
    0x86: lambda machine: machine._tuple(2),
    0x87: lambda machine: machine._tuple(3),
    ord("a"): PickledDict._append,
    ord("e"): PickledDict._appends,
    ord("s"): PickledDict._set_item,
    ord("u"): PickledDict._set_items,
    ord("K"): _little(1),
    ord("M"): _little(2),
    ord("J"): _little(4, signed=True),
    0x8A: lambda machine: machine._integer(1),
    0x8B: lambda machine: machine._integer(4),
    ord("I"): PickledDict._integer_line,
    ord("L"): PickledDict._integer_line,
    ord("G"): _float,
    ord("F"): PickledDict._float_line,
    ord("S"): PickledDict._string_line,
    ord("V"): PickledDict._unicode_line,
    ord("U"): _raw(1),  # text of Python 2 is bytes
    ord("T"): _raw(4),
    ord("C"): _raw(1),
    ord("B"): _raw(4),
    0x8E: _raw(8),
    0x96: _raw(8),
    0x8C: _text(1),
    ord("X"): _text(4),
    0x8D: _text(8),
    ord("c"): PickledDict._name,
    0x93: PickledDict._stack_name,
    ord("R"): PickledDict._call,
    ord("b"): PickledDict._build,
    opcodes.MEMOIZE: _memoize,
    opcodes.BINPUT: lambda machine: machine._put(_number_of(machine, 1)),
    opcodes.LONG_BINPUT: lambda machine: machine._put(_number_of(machine, 4)),
    opcodes.PUT: lambda machine: machine._put(_line_number(machine)),
    opcodes.BINGET: lambda machine: machine._get(_number_of(machine, 1)),
    opcodes.LONG_BINGET: lambda machine: machine._get(_number_of(machine, 4)),
    opcodes.GET: lambda machine: machine._get(_line_number(machine)),
}
