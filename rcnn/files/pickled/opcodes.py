"""The opcodes that are read, and a walk through a pickle that builds nothing."""

from __future__ import annotations

from .source import AHEAD, Source

NEAR = 8192  # latest memo entries that are always kept
MOST_FAR = 1 << 20  # earlier entries that a file may use

LINE, LENGTH1, LENGTH4, LENGTH8 = -1, -2, -3, -4  # arguments whose length is not fixed
# What follows each opcode: so many bytes, or one of the four above. pickletools of Python describes them all.
ARGUMENTS = {
    **dict.fromkeys(b"()]}.aestuldNRb", 0),
    **dict.fromkeys(b"\x85\x86\x87\x88\x89\x93\x94", 0),  # tuples, True, False, STACK_GLOBAL, MEMOIZE
    **dict.fromkeys(b"Khq\x80", 1),  # BININT1, BINGET, BINPUT, PROTO
    **dict.fromkeys(b"M", 2),
    **dict.fromkeys(b"Jjr", 4),
    **dict.fromkeys(b"G\x95", 8),  # BINFLOAT, FRAME
    **dict.fromkeys(b"ILFSVgp", LINE),
    **dict.fromkeys(b"UC\x8a\x8c", LENGTH1),  # text and bytes; LONG1
    **dict.fromkeys(b"TBX\x8b", LENGTH4),
    **dict.fromkeys(b"\x8d\x8e\x96", LENGTH8),
}
GLOBAL = ord("c")  # two lines
REFUSED = {  # what each would do
    ord("i"): "INST calls what it names", ord("o"): "OBJ calls what it is given", 0x81: "NEWOBJ makes any object",
    0x92: "NEWOBJ_EX makes any object", ord("P"): "PERSID asks the program", ord("Q"): "BINPERSID asks the program",
    0x82: "EXT1 names any object", 0x83: "EXT2 names any object", 0x84: "EXT4 names any object",
    0x8F: "EMPTY_SET makes a set", 0x90: "ADDITEMS fills a set", 0x91: "FROZENSET makes a set",
    0x97: "NEXT_BUFFER needs bytes from elsewhere", 0x98: "READONLY_BUFFER needs bytes from elsewhere",
    ord("0"): "POP removes an object", ord("1"): "POP_MARK removes objects", ord("2"): "DUP doubles",
}  # fmt: skip
STOP, PROTO, FRAME = ord("."), 0x80, 0x95
BINGET, LONG_BINGET, GET = ord("h"), ord("j"), ord("g")
BINPUT, LONG_BINPUT, PUT, MEMOIZE = ord("q"), ord("r"), ord("p"), 0x94
LAST_PROTOCOL = 5
LONGEST_NUMBER = 10  # digits of a memo number


def refuse(source: Source, opcode: int) -> None:
    """Raise InputError that names an opcode which is not read."""
    source.at -= 1
    source.fail(f"opcode {opcode:#04x} is not read ({REFUSED.get(opcode, 'there is none of this number')})")


def check_protocol(source: Source, version: int) -> None:
    """Refuse an unknown protocol."""
    if version > LAST_PROTOCOL:
        source.fail(f"protocol {version} is not known")


def memo_number(source: Source, line: bytes) -> int:
    """A memo number in a line."""
    if not line.isdigit() or len(line) > LONGEST_NUMBER:
        source.fail("a line that is not a number")
    return int(line)


def find_far(path: str) -> frozenset[int]:
    """Numbers of the memo entries that a pickle uses again more than `NEAR` entries later.

    The file is scanned to its end, so it is known to be complete.

    Raises
    ------
    InputError
        If it can't be read, has an unsupported opcode, is truncated, or has data after its end.
    """
    source = Source(path)
    try:
        return _walk(source)
    finally:
        source.close()


def _walk(source: Source) -> frozenset[int]:
    far: set[int] = set()
    last = -1
    arguments = [ARGUMENTS.get(code) for code in range(256)]
    while True:
        if source.at + AHEAD > len(source.buffer):
            source.fill()
            if not source.buffer:
                source.fail("the file ends in the middle")
        buffer, at = source.buffer, source.at
        opcode = buffer[at]
        count = arguments[opcode]
        source.at = at + 1
        if opcode == MEMOIZE:
            last += 1
        elif opcode in (BINPUT, LONG_BINPUT):
            last = int.from_bytes(source.take(count or 0), "little")
        elif opcode in (BINGET, LONG_BINGET):
            number = int.from_bytes(source.take(count or 0), "little")
            if last - number > NEAR:
                far.add(number)
        elif opcode == STOP:
            if source.offset != source.size:
                source.fail(f"{source.size - source.offset} bytes follow its end")
            return frozenset(far)
        elif count is None:
            if opcode != GLOBAL:
                refuse(source, opcode)
            source.line(), source.line()
        elif count >= 0:
            source.at += count
            if source.at > len(buffer):
                source.fail("the file ends in the middle")
        elif count == LINE:
            line = source.line()
            if opcode == PUT:
                last = memo_number(source, line)
            elif opcode == GET and last - memo_number(source, line) > NEAR:
                far.add(int(line))
        else:
            width = 1 if count == LENGTH1 else 4 if count == LENGTH4 else 8
            source.skip(int.from_bytes(source.take(width), "little"))
        if len(far) > MOST_FAR:
            source.fail(f"it refers to more than {MOST_FAR} distant objects")
