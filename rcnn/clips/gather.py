"""From command-line arguments to files that may be films: folders, globs, prefixes of a store, lists of paths."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field

from .. import files
from ..errors import InputError
from ..files.text import read_lines
from .folder import (
    EMPTY,
    HEAD_BYTES,
    HIDDEN,
    LINK_TO_NOTHING,
    NEITHER,
    OTHER_HEADS,
    SPECIAL,
    TEXT,
    UNREADABLE,
    Skipped,
    is_text,
)
from .outputs import ENDINGS, OUTPUT, is_output, outputs_among

FLAG = "--clips"
VIDEO_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".flv", ".mpg", ".mpeg", ".mts", ".3gp")
LIST_ENDING = ".txt"  # of a text of paths, even if its first letters are those of a picture format
NOT_THERE = "does not exist"
NOT_UTF8 = "has a path that is not UTF-8"
TWICE = "is the same file as another"

Place = tuple[int, int]  # device and inode: the identity of a file, whatever its names


@dataclass(frozen=True, order=True)
class SourceFile:
    """A file that may be a film or a photograph.

    path : absolute, or a URL
    size, changed : bytes, and time of the last change, ns since 1970
    """

    path: str
    size: int = field(default=0, compare=False)
    changed: int = field(default=0, compare=False)


@dataclass
class Gathered:
    """The files given by some arguments.

    found : sorted by path, each file once
    skipped : all other files
    apart : the ignored folders that the arguments include
    """

    found: list[SourceFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)


def gather(arguments: Sequence[str], apart: Sequence[str] = ()) -> Gathered:
    """The files given by the arguments.

    An argument is a file, a folder with everything in it, a glob, `s3://BUCKET/PREFIX` or `gs://BUCKET/PREFIX`, or a
    text with one of these per line, where paths are relative to the text. Names that start with a dot and outputs of
    runs are left out, unless an argument names them. Links are followed; no folder is read twice, and no file counts
    twice.

    Parameters
    ----------
    apart : folders to ignore, even if an argument includes them

    Raises
    ------
    InputError
        If an argument matches nothing, or a text can't be read.
    """
    walk = _Walk(apart)
    for argument in arguments:
        for path in _matches(argument):
            if not files.is_url(path) and _is_list(path):
                for number, line in read_lines(path, f"{FLAG} needs a folder, a film or a text of paths", whole=True):
                    walk.line(line, path, number)
            else:
                walk.path(path, named=path == files.plain(argument))
    return walk.result()


def _matches(argument: str) -> list[str]:
    """The paths that an argument names; an existing path is used as it is, even if it contains glob characters."""
    if files.is_url(argument):
        return [argument]
    path = files.plain(argument)
    if os.path.exists(path):
        return [path]
    found = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []
    if not found:
        raise InputError(
            f"{FLAG} {argument}: there is no such file or folder; give films, folders of them, or a text of their paths"
        )
    return found


def _is_list(path: str) -> bool:
    """Whether a file is a text of paths, not a picture or video that starts with letters."""
    if path.lower().endswith(VIDEO_ENDINGS) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    named = path.lower().endswith(LIST_ENDING) and not head.translate(None, delete=TEXT)
    return bool(head) and (named or is_text(head))


class _Walk:
    """Walks files and folders, and remembers those already visited."""

    def __init__(self, apart: Sequence[str]) -> None:
        self._apart = {os.path.realpath(files.plain(folder)): folder for folder in apart if not files.is_url(folder)}
        self._files: dict[Place | str, SourceFile] = {}
        self._folders: set[Place] = set()
        self._skipped: dict[str, Skipped] = {}
        self._met: dict[str, None] = {}  # of the folders to ignore

    def result(self) -> Gathered:
        found = sorted(self._files.values())
        taken = {item.path for item in found}
        skipped = sorted(skip for path, skip in self._skipped.items() if path not in taken)
        return Gathered(found, skipped, list(self._met))

    def line(self, line: str, text: str, number: int) -> None:
        """The path in a line of a text. Paths may start or end with white space, but in lines that is mostly a
        mistake."""
        folder = os.path.dirname(os.path.abspath(text))
        try:
            for form in (line, line.strip()):
                path = form if files.is_url(form) else os.path.join(folder, files.plain(form))
                if files.is_url(path) or os.path.lexists(path):
                    break
            for match in _matches(path):
                self.path(match)
        except InputError:
            self._skip(f"{text}:{number}: {line.strip()}", NOT_THERE)

    def path(self, path: str, named: bool = False) -> None:
        """A file, everything in a folder, or everything below a prefix of a store.

        Parameters
        ----------
        named : whether an argument is exactly this path, so that a folder is read even if it is an output of a run
        """
        if files.is_url(path):
            self._store(path)
            return
        paths = [os.path.abspath(path)]
        first = True
        while paths:
            here = paths.pop()
            folder = os.path.isdir(here)
            if (first or folder or os.path.islink(here)) and self._is_apart(here):
                continue
            if folder:
                paths += self._entries(here, named and first)
            else:
                self._file(here)
            first = False

    def _store(self, prefix: str) -> None:
        found = files.objects(prefix)
        if not found:
            raise InputError(f"{FLAG} {prefix}: there is nothing; give a prefix with films below it")
        outputs = outputs_among([files.relative(path, prefix) for path in found])
        for path, (size, changed) in found.items():
            name = files.relative(path, prefix)
            output = next((folder for folder in outputs if name.startswith(f"{folder}/")), None)
            if output is not None:
                self._skip(files.join(prefix, output), OUTPUT)
            elif any(part.startswith(".") for part in name.split("/")):
                self._skip(path, HIDDEN)
            elif not size:
                self._skip(path, EMPTY)
            elif files.base_name(path).endswith(ENDINGS):
                self._skip(path, NEITHER)
            else:
                self._files.setdefault(path, SourceFile(path, size, changed))

    def _is_apart(self, path: str) -> bool:
        real = os.path.realpath(path)
        place = next((place for place in self._apart if real == place or real.startswith(f"{place}/")), None)
        if place is not None:
            self._met.setdefault(self._apart[place])
        return place is not None

    def _entries(self, folder: str, named: bool) -> list[str]:
        """The contents of a folder that was not read before."""
        try:
            state = os.stat(folder)
            place = (state.st_dev, state.st_ino)
            names = [] if place in self._folders else sorted(os.listdir(folder))
        except OSError as error:
            self._skip(folder, UNREADABLE, error.strerror or str(error))
            return []
        if not named and is_output(folder, names):
            self._skip(folder, OUTPUT)
            return []
        self._folders.add(place)
        for name in names:
            if name.startswith("."):
                self._skip(os.path.join(folder, name), HIDDEN)
        return [os.path.join(folder, name) for name in names if not name.startswith(".")]

    def _file(self, path: str) -> None:
        try:
            state = os.stat(path)
            if not stat.S_ISREG(state.st_mode):
                return self._skip(path, SPECIAL)
            with open(path, "rb") as file:
                head = file.read(HEAD_BYTES)
        except FileNotFoundError:
            return self._skip(path, LINK_TO_NOTHING)
        except OSError as error:
            return self._skip(path, UNREADABLE, error.strerror or str(error))
        if not is_utf8(path):
            return self._skip(path, NOT_UTF8)
        if not head:
            return self._skip(path, EMPTY)
        if path.endswith(ENDINGS) or is_text(head) or head.startswith(OTHER_HEADS):
            return self._skip(path, NEITHER)
        place = (state.st_dev, state.st_ino)
        item = SourceFile(path, state.st_size, state.st_mtime_ns)
        other = self._files.get(place)
        if other is not None and other.path != path:
            item, other = min(item, other), max(item, other)
            self._skip(other.path, TWICE, item.path)
        self._files[place] = item
        return None

    def _skip(self, path: str, reason: str, detail: str = "") -> None:
        self._skipped[path] = Skipped(path, reason, detail)


def is_utf8(path: str) -> bool:
    """Whether a path can be written to a text, as UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
