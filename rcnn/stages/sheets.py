"""A directory of contact sheets, and the record by which a later run recognises them.

The record is `preview.sha256`: sha256 and STATE/CLIP.jpg of each sheet a line, as `sha256sum -c` reads them. Faces of
people who have left the data set must not stay, so a run removes the sheets of the previous run; a file that is not in
the record, or has different bytes, is the user's and stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from types import TracebackType

from .. import files
from ..errors import InputError
from ..files.lock import LOCK, Lock
from ..files.text import printable, read_lines
from ..tables import NO_FACE, OK, UNREADABLE

RECORD = "preview.sha256"
FOLDERS = tuple(state.replace(" ", "-") for state in (OK, NO_FACE, UNREADABLE))
LINE = re.compile(rf"([0-9a-f]{{64}})  ((?:{'|'.join(FOLDERS)})/[^/\0]+\.jpg)")
NAME_BYTES = 200  # of a sheet's file name


def sheet_name(clip: str, state: str) -> str:
    """`STATE/CLIP.jpg`, without invisible characters."""
    name = printable(os.path.basename(clip)).encode()[:NAME_BYTES].decode(errors="ignore")
    return f"{state.replace(' ', '-')}/{name}.jpg"


class Sheets:
    """Writes the sheets of one run; use as a context manager. Those of the previous run are removed first.

    Parameters
    ----------
    folder : on disk; created if it does not exist

    Raises
    ------
    InputError
        If it can't be written, another process writes there, or it contains a link.
    """

    def __init__(self, folder: str) -> None:
        self.folder = files.plain(folder)
        self._written: set[str] = set()
        with self._failing():
            files.make_dir(self.folder)
            files.check_no_links(self.folder)
            self._lock = Lock(os.path.join(self.folder, LOCK), self.folder, "--output")
            try:
                self._remove_earlier()
                self._record = files.create(self._path(RECORD))
            except BaseException:
                self._lock.release()
                raise

    def __enter__(self) -> Sheets:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        try:
            with self._failing():
                self._record.close()
            if kind is None:
                self._lock.check()
        finally:
            self._lock.release()

    def add(self, name: str, data: bytes) -> None:
        """Write a sheet, whole or not at all.

        Parameters
        ----------
        name : as returned by `sheet_name`

        Raises
        ------
        InputError
            If it can't be written, or a file of the user has its name.
        """
        path = self._path(name)
        self._lock.check()
        with self._failing():
            files.make_inner_dir(os.path.dirname(path))
            if name not in self._written and _is_of_others(path):
                raise InputError(f"{path}: was not written by a recorded preview; remove it, or give another folder")
            # the line first: a sheet without one would stay for ever
            self._record.write(f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode())
            self._record.flush()
            files.write_bytes(path, data)
        self._written.add(name)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _remove_earlier(self) -> None:
        remove_sheets(self.folder)
        foreign = sorted(name for folder in FOLDERS for name in _inside(self.folder, folder))
        if foreign:
            print(
                f"{self.folder}: {len(foreign)} files that no recorded preview wrote are kept, for example "
                f"{foreign[0]!r}"
            )

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self.folder}: can't be written: {error.strerror or error}; fix that, or give another folder"
            ) from None


def remove_sheets(folder: str) -> None:
    """Remove the sheets in a directory's record that have not been changed."""
    record = os.path.join(folder, RECORD)
    lines = read_lines(record, "preview") if os.path.exists(record) else ()
    for found in filter(None, (LINE.fullmatch(line) for _, line in lines)):
        path = os.path.join(folder, found[2])
        files.check_no_link(os.path.dirname(path))
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISREG(os.lstat(path).st_mode) and files.sha256(path) == found[1]:
                os.remove(path)
    for inner in FOLDERS:
        with contextlib.suppress(OSError):  # not empty
            os.rmdir(os.path.join(folder, inner))


def _is_of_others(path: str) -> bool:
    """Whether a file would be lost; one with a second hard link would not."""
    return os.path.isfile(path) and not os.path.islink(path) and os.stat(path).st_nlink == 1


def _inside(folder: str, state: str) -> list[str]:
    path = os.path.join(folder, state)
    return [f"{state}/{name}" for name in os.listdir(path)] if os.path.isdir(path) else []
