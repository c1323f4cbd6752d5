"""Untrusted text: read in one place, as UTF-8 with or without a byte order mark, and shown safely."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from ..errors import InputError
from .reading import ENCODING, open_text, read_bytes

JOINERS = "\u200c\u200d"  # invisible, but Persian, Hindi and emoji need them
MARK = "\ufeff"  # a byte order mark inside a text, from concatenated files


def read_lines(path: str, wanted: str, whole: bool = False) -> Iterator[tuple[int, str]]:
    """Numbers, from 1, and text of the lines that are not empty, without white space at their ends.

    Parameters
    ----------
    wanted : which flag needs what, for the message if the file can't be read
    whole : keep the white space at the ends: the name of a file may start or end with it

    Raises
    ------
    InputError
        If it can't be read or is not UTF-8.
    """
    try:
        with open_text(path) as file:
            for number, line in enumerate(file, 1):
                if text := line.strip().lstrip(MARK).lstrip():
                    yield number, line.lstrip(MARK).removesuffix("\n") if whole else text
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; {wanted}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; save it as UTF-8") from None


def read_rows(path: str, header: Sequence[str], wanted: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the last line, and the fields, of each row of a table in CSV.

    Parameters
    ----------
    header : names of the columns, which must be the first row
    wanted : which flag needs what, for the message if the file can't be read

    Raises
    ------
    InputError
        If it can't be read, is not UTF-8 or CSV, or has another header or a row of another width.
    """
    try:
        with open_text(path) as file:
            rows = csv.reader(file, strict=True)
            if next(rows, []) != list(header):
                raise InputError(f"{path}: its first line is not {','.join(header)}; fix it")
            for row in filter(None, rows):
                if len(row) != len(header):
                    raise InputError(f"{path}:{rows.line_num}: is not {','.join(header)}; fix the line")
                yield rows.line_num, row
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; {wanted}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path}: is not CSV ({error}); fix it, or make it again") from None


def table_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table in CSV as `read_rows` reads it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def read_text(path: str, most: int) -> str:
    """A text of at most this many bytes.

    Raises
    ------
    ValueError
        If it is longer, or not UTF-8.
    OSError
        If it can't be read.
    """
    data = read_bytes(path, most + 1)
    if len(data) > most:
        raise ValueError(f"is larger than {most} bytes")
    try:
        return data.decode(ENCODING)
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None


def check_utf8(path: str, flag: str) -> None:
    """Refuse a path that is not UTF-8, which manifests and libraries can't store, before any work is done.

    Raises
    ------
    InputError
        With the path and its flag.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InputError(f"{path}: is not UTF-8, and {flag} must be; rename the file or folder") from None


def printable(text: str) -> str:
    """The text with replacement characters for invisible ones, such as line breaks and changes of direction.

    Names are untrusted: printed text must not move the cursor of a terminal or reverse a line.
    """
    return "".join(character if character.isprintable() or character in JOINERS else "\ufffd" for character in text)


def counted(count: int, one: str, many: str = "") -> str:
    """A number and its noun: `1 film`, `2 films`.

    Parameters
    ----------
    one, many : the noun; `many` left out: `one` with an s
    """
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def counted_people(count: int) -> str:
    """`1 person`, `2 people`."""
    return counted(count, "person", "people")


def counted_photographs(count: int) -> str:
    """`1 photograph or video`, `2 photographs and videos`."""
    return counted(count, "photograph or video", "photographs and videos")
