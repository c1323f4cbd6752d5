"""Which method of the machine each opcode is."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from . import opcodes
from .machine import Machine

DOUBLE = struct.Struct(">d")


def _pushes(value: Callable[[], Any]) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(value())


def _little(width: int, signed: bool = False) -> Callable[[Machine], None]:
    def read(machine: Machine) -> None:
        machine.stack.append(int.from_bytes(machine.source.take(width), "little", signed=signed))

    return read


def _text(width: int) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(machine.take_sized(width).decode("utf-8", "surrogatepass"))


def _raw(width: int) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(machine.take_sized(width))


def _number_of(machine: Machine, width: int) -> int:
    return int.from_bytes(machine.source.take(width), "little")


def _line_number(machine: Machine) -> int:
    return opcodes.memo_number(machine.source, machine.source.line())


def _float(machine: Machine) -> None:
    machine.stack.append(DOUBLE.unpack(machine.source.take(8))[0])


def _frame(machine: Machine) -> None:
    if _number_of(machine, 8) > machine.source.size - machine.source.offset:
        raise ValueError("a frame that extends past the end of the file")


def _memoize(machine: Machine) -> None:
    machine.put(machine.memo.last + 1)


STEPS: dict[int, Callable[[Machine], None]] = {
    opcodes.PROTO: lambda machine: opcodes.check_protocol(machine.source, _number_of(machine, 1)),
    opcodes.FRAME: _frame,
    ord("("): Machine.mark,
    ord("N"): _pushes(lambda: None),
    0x88: _pushes(lambda: True),
    0x89: _pushes(lambda: False),
    ord("]"): Machine.push_list,
    ord("}"): _pushes(dict),
    ord(")"): _pushes(tuple),
    ord("l"): Machine.list_of_marked,
    ord("t"): Machine.tuple_of_marked,
    ord("d"): Machine.dict_of_marked,
    0x85: lambda machine: machine.make_tuple(1),
    0x86: lambda machine: machine.make_tuple(2),
    0x87: lambda machine: machine.make_tuple(3),
    ord("a"): Machine.append,
    ord("e"): Machine.appends,
    ord("s"): Machine.set_item,
    ord("u"): Machine.set_items,
    ord("K"): _little(1),
    ord("M"): _little(2),
    ord("J"): _little(4, signed=True),
    0x8A: lambda machine: machine.push_integer(1),
    0x8B: lambda machine: machine.push_integer(4),
    ord("I"): Machine.integer_line,
    ord("L"): Machine.integer_line,
    ord("G"): _float,
    ord("F"): Machine.float_line,
    ord("S"): Machine.string_line,
    ord("V"): Machine.unicode_line,
    ord("U"): _raw(1),  # text of Python 2 is bytes
    ord("T"): _raw(4),
    ord("C"): _raw(1),
    ord("B"): _raw(4),
    0x8E: _raw(8),
    0x96: _raw(8),
    0x8C: _text(1),
    ord("X"): _text(4),
    0x8D: _text(8),
    ord("c"): Machine.push_name,
    0x93: Machine.stack_name,
    ord("R"): Machine.call,
    ord("b"): Machine.build,
    opcodes.MEMOIZE: _memoize,
    opcodes.BINPUT: lambda machine: machine.put(_number_of(machine, 1)),
    opcodes.LONG_BINPUT: lambda machine: machine.put(_number_of(machine, 4)),
    opcodes.PUT: lambda machine: machine.put(_line_number(machine)),
    opcodes.BINGET: lambda machine: machine.get(_number_of(machine, 1)),
    opcodes.LONG_BINGET: lambda machine: machine.get(_number_of(machine, 4)),
    opcodes.GET: lambda machine: machine.get(_line_number(machine)),
}
