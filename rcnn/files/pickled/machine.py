"""The pickle machine: a stack with marks, a memo of objects, and operations on them."""

from __future__ import annotations

import codecs
from typing import Any

from .arrays import NAMES, Name, Unbuilt, build, call
from .memo import Memo, Place
from .source import Source

MOST_BYTES = 256 << 20  # of the texts and arrays of an item
DEEPEST = 64  # marks that are open at once
LONGEST_INTEGER = 64  # bytes
LONGEST_DIGITS = 160  # of such a number in a line


class Machine:
    """Each method implements an opcode; `steps` maps them.

    A method raises ValueError or TypeError where the file holds what is not read, IndexError where it takes what it did
    not make.

    Parameters
    ----------
    source : the file
    far, place : see `PickledDict`

    Attributes
    ----------
    stack : objects since the last mark
    below : the objects below each mark
    memo : memoised objects
    ready : items of the dict that are complete
    bytes : of the texts and arrays since the last item
    shares : whether a list or dict was reused since the last item, which may then contain itself
    """

    def __init__(self, source: Source, far: frozenset[int], place: Place | None = None) -> None:
        self.source = source
        self.memo = Memo(far, place)
        self.stack: list[Any] = [] if place is None else [{}]
        self.below: list[list[Any]] = []
        self.ready: list[tuple[Any, Any]] = []
        self.bytes = 0
        self.shares = False

    @property
    def is_between_items(self) -> bool:
        """Whether only the dict is on the stack."""
        return len(self.stack) == 1 and not self.below

    def _is_behind_item(self) -> bool:
        """Whether the stack is key, list, key, and the list of the next item: the first can no longer change."""
        stack, below = self.stack, self.below
        return (
            len(below) == 1
            and len(below[0]) == 1
            and type(below[0][0]) is dict
            and type(stack[1]) is list
            and type(stack[2]) in (str, bytes)
        )

    # What is pushed

    def take_sized(self, width: int) -> bytes:
        """The next bytes, prefixed by their number in `width` bytes."""
        count = int.from_bytes(self.source.take(width), "little")
        self.bytes += count
        if self.bytes > MOST_BYTES:
            self.source.fail(f"an item of more than {MOST_BYTES} bytes")
        return self.source.take(count)

    def push_list(self) -> None:
        """Push an empty list; if it starts the next item of the dict, the last one is ready."""
        stack = self.stack
        stack.append([])
        if len(stack) == 4 and self._is_behind_item():
            self.ready.append((stack[0], stack[1]))
            del stack[:2]

    def push_integer(self, width: int) -> None:
        """Push a number in two's complement, prefixed by its length in `width` bytes."""
        count = int.from_bytes(self.source.take(width), "little")
        if count > LONGEST_INTEGER:
            raise ValueError(f"a number of {count} bytes")
        self.stack.append(int.from_bytes(self.source.take(count), "little", signed=True))

    def integer_line(self) -> None:
        """Push a whole number, or True or False, in a line."""
        line = self.source.line()
        if line in (b"00", b"01"):
            self.stack.append(line == b"01")
            return
        if len(line) > LONGEST_DIGITS:
            raise ValueError(f"a number of {len(line)} digits")
        self.stack.append(int(line.removesuffix(b"L")))

    def float_line(self) -> None:
        """Push a number in a line."""
        line = self.source.line()
        if len(line) > LONGEST_DIGITS:
            raise ValueError(f"a number of {len(line)} digits")
        self.stack.append(float(line))

    def string_line(self) -> None:
        """Push bytes in Python 2's notation, in a line."""
        line = self._counted_line()
        if len(line) < 2 or line[0] != line[-1] or line[:1] not in (b"'", b'"') or _ends_escaped(line[:-1]):
            raise ValueError("a text without its quotation marks")
        self.stack.append(codecs.escape_decode(line[1:-1])[0])

    def unicode_line(self) -> None:
        """Push text in a line."""
        self.stack.append(self._counted_line().decode("raw-unicode-escape"))

    def _counted_line(self) -> bytes:
        line = self.source.line()
        self.bytes += len(line)
        if self.bytes > MOST_BYTES:
            self.source.fail(f"an item of more than {MOST_BYTES} bytes")
        return line

    def push_name(self) -> None:
        """Push the name in two lines."""
        self._name_of(self.source.line().decode(), self.source.line().decode())

    def stack_name(self) -> None:
        """Push the name whose module and name are on the stack."""
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise ValueError("a name that is not text")
        self._name_of(module, name)

    def _name_of(self, module: str, name: str) -> None:
        known = NAMES.get((module, name))
        if known is None:
            raise ValueError(f"it names {ascii(f'{module}.{name}')[1:-1][:80]}, which is neither imported nor called")
        self.stack.append(known)

    # What is made of it

    def mark(self) -> None:
        """Set a mark."""
        if len(self.below) == DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST}")
        self.below.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        """Pop the objects above the last mark, and the mark."""
        marked, self.stack = self.stack, self.below.pop()
        return marked

    def make_tuple(self, count: int) -> None:
        """Make a tuple of the last `count`."""
        stack = self.stack
        if len(stack) < count:
            raise IndexError
        stack[-count:] = [tuple(stack[-count:])]

    def list_of_marked(self) -> None:
        """Make a list of the objects since the last mark."""
        values = self.marked()
        self.stack.append(values)

    def tuple_of_marked(self) -> None:
        """Make a tuple of it."""
        values = tuple(self.marked())
        self.stack.append(values)

    def append(self) -> None:
        """Append the last to the list before it."""
        value = self.stack.pop()
        target = _list_of(self.stack[-1])
        target.append(value)

    def appends(self) -> None:
        """Append the objects since the last mark."""
        values = self.marked()
        _list_of(self.stack[-1]).extend(values)

    def set_item(self) -> None:
        """Set an item of the dict before it."""
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def set_items(self) -> None:
        """Set items, made since the last mark."""
        self._set(self.marked())

    def _set(self, values: list[Any]) -> None:
        if len(values) % 2:
            raise ValueError("a dict with a key and no value")
        target = self.stack[-1]
        if type(target) is not dict:
            raise ValueError("items for something that is not a dict")
        pairs = zip(values[::2], values[1::2], strict=True)
        if len(self.stack) == 1 and not self.below:
            self.ready.extend(pairs)
            return
        for key, value in pairs:
            if type(key) not in (str, bytes, int):
                raise ValueError("a key that is neither text nor a number")
            target[key] = value

    def dict_of_marked(self) -> None:
        """Make a dict of them."""
        values = self.marked()
        self.stack.append({})
        self._set(values)

    def call(self) -> None:
        """Push the result of a call of a known name."""
        given, name = self.stack.pop(), self.stack.pop()
        if type(name) is not Name or type(given) is not tuple:
            raise ValueError("a call of something that is not a name")
        self.stack.append(call(name, given))

    def build(self) -> None:
        """Set the state of an array or a dtype."""
        state = self.stack.pop()
        unbuilt = self.stack[-1]
        if type(unbuilt) is not Unbuilt:
            raise ValueError("BUILD of something that is not an array")
        self.stack[-1] = build(unbuilt, state)

    # What is remembered

    def put(self, number: int) -> None:
        """Memoise the last object under a number."""
        self.memo.put(number, self.stack[-1])

    def get(self, number: int) -> None:
        """Push the object memoised under a number."""
        value = self.memo.get(number)
        lowest = self.below[0] if self.below else self.stack
        if lowest and value is lowest[0] and type(value) is dict:  # the whole dict, whose items are returned as read
            raise ValueError("something that contains itself")
        self.shares |= type(value) in (list, dict)
        self.stack.append(value)


def check_ends(value: Any) -> None:
    """Raise ValueError if something contains itself."""
    on_the_way: list[tuple[Any, Any]] = [(value, iter((value,)))]  # each with what is left of it
    held: set[int] = set()
    done: set[int] = set()  # shared objects are visited once
    while on_the_way:
        for one in on_the_way[-1][1]:
            if type(one) not in (list, tuple, dict) or id(one) in done:
                continue
            if id(one) in held:
                raise ValueError("something that contains itself")
            held.add(id(one))
            on_the_way.append((one, iter(one.values() if type(one) is dict else one)))
            break
        else:
            ended = id(on_the_way.pop()[0])
            held.discard(ended)
            done.add(ended)


def _list_of(value: Any) -> list[Any]:
    if type(value) is not list:
        raise ValueError("entries for something that is not a list")
    return value


def _ends_escaped(text: bytes) -> bool:
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1
