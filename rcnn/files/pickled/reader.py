"""Reads the dict in a pickle item by item: an item is returned, and popped off the stack, once the next one starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import opcodes
from .machine import Machine, check_ends
from .memo import Place
from .source import AHEAD, Source
from .steps import STEPS

MOST_STEPS = 1_000_000  # opcodes of an item; a face has 40


class PickledDict:
    """The items of the dict in a pickle, in order; can be iterated once.

    Keys are text or bytes. Values are made of dicts, lists, tuples, text, bytes, numbers, None and numpy arrays.

    Parameters
    ----------
    path : of a file on the disk
    far : of `opcodes.find_far`
    place : where to resume; None for the beginning

    Raises
    ------
    InputError
        If the file can't be read, contains anything else, or has too large an item; says at which byte.
    """

    def __init__(self, path: str, far: frozenset[int], place: Place | None = None) -> None:
        self._source = Source(path, 0 if place is None else place.offset)
        self._machine = Machine(self._source, far, place)
        self._between = False  # whether all items were returned

    def __iter__(self) -> Iterator[tuple[str | bytes, Any]]:
        source, machine = self._source, self._machine
        steps = [STEPS.get(code) for code in range(256)]
        count = 0
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
                step = steps[opcode]
                if step is None:
                    opcodes.refuse(source, opcode)
                    return
                count += 1
                if count > MOST_STEPS:
                    source.fail(f"an item of more than {MOST_STEPS} steps")
                try:
                    step(machine)
                except IndexError:
                    source.fail("it uses an object that does not exist")
                except (ValueError, TypeError) as error:
                    source.fail(str(error).splitlines()[0][:200])
                if machine.ready:
                    yield from self._hand_on()
                    count = 0
            if not machine.is_between_items or type(machine.stack[0]) is not dict:
                source.fail("it contains something other than a dict")
        finally:
            source.close()

    def _hand_on(self) -> Iterator[tuple[str | bytes, Any]]:
        machine = self._machine
        machine.memo.fold()
        machine.bytes = 0
        for number, (key, value) in enumerate(machine.ready, 1):
            if type(key) not in (str, bytes):
                self._source.fail("a key that is not text")
            if machine.shares:
                try:
                    check_ends(value)
                except ValueError as error:
                    self._source.fail(str(error))
            self._between = number == len(machine.ready) and machine.is_between_items
            yield key, value
        machine.ready.clear()
        machine.shares = False

    @property
    def place(self) -> Place | None:
        """Where a later reader can resume after the last item; None if it can't.

        Python writes 1,000 items at a time, and reading can resume after each batch.
        """
        return self._machine.memo.place(self._source.offset) if self._between else None
