"""The bytes of a pickle, a buffer at a time."""

from __future__ import annotations

import os
from typing import NoReturn

from ...errors import InputError
from ..urls import plain

BUFFER_BYTES = 4 << 20
AHEAD = 4096  # bytes in the buffer before an opcode, unless the file ends
LONGEST = 64 << 20  # bytes of a text or an array
LONGEST_LINE = 1 << 20  # bytes; numbers, names and arrays of protocol 0 are lines


class Source:
    """Reads a file from `start` on.

    path : of the file on disk
    size : bytes of it
    buffer, at : bytes in memory, and the index of the next one
    """

    def __init__(self, path: str, start: int = 0) -> None:
        self.path = path
        try:
            self._file = open(plain(path), "rb", buffering=0)  # noqa: SIM115
            self.size = os.fstat(self._file.fileno()).st_size
            self._file.seek(start)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}; give a file of features") from None
        self.buffer = b""
        self.at = 0
        self._before = start  # bytes of the file before the buffer

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def offset(self) -> int:
        """Bytes of the file before the next one."""
        return self._before + self.at

    def fail(self, why: str) -> NoReturn:
        """Raise InputError with the file and the offset."""
        raise InputError(
            f"{self.path}: at byte {self.offset}: {why}; expected a pickle of features as iQIYI-VID-2019 shipped "
            "them: get the file again, or write one of nothing but dicts, lists, tuples, text, numbers and arrays"
        )

    def fill(self, count: int = AHEAD) -> None:
        """Fill the buffer with `count` bytes from `at` on, or all that are left."""
        self._before += self.at
        pieces = [self.buffer[self.at :]]
        there = len(pieces[0])
        while there < count:
            try:
                left = self.size - self._before - there
                piece = self._file.read(min(max(BUFFER_BYTES, count - there), left))
            except OSError as error:
                raise InputError(f"{self.path}: can't be read: {error.strerror or error}; fix the disk") from None
            if not piece:
                break
            pieces.append(piece)
            there += len(piece)
        self.buffer, self.at = b"".join(pieces), 0

    def check_length(self, count: int) -> None:
        """Refuse a length greater than anything in a file of features, or than the rest of this one."""
        if count > LONGEST:
            self.fail(f"an object of {count} bytes, more than the maximum of {LONGEST}")
        if count > self.size - self.offset:
            self.fail(f"the file ends before the {count} bytes that it promises")

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self.at + count
        if end > len(self.buffer):
            self.check_length(count)
            self.fill(count)
            end = count
            if end > len(self.buffer):
                self.fail("the file ends in the middle")
        data = self.buffer[self.at : end]
        self.at = end
        return data

    def skip(self, count: int) -> None:
        """Skip the next `count` bytes."""
        self.check_length(count)
        end = self.at + count
        if end > len(self.buffer):
            self._before += end
            self.buffer, self.at = b"", 0
            self._file.seek(self._before)
        else:
            self.at = end

    def line(self) -> bytes:
        """The next line, without its end."""
        end = self.buffer.find(b"\n", self.at)
        if end < 0:
            self.fill(LONGEST_LINE + 1)
            end = self.buffer.find(b"\n")
        if end < 0 or end - self.at > LONGEST_LINE:
            self.fail(f"a line that does not end within {LONGEST_LINE} bytes")
        data = self.buffer[self.at : end]
        self.at = end + 1
        return data
