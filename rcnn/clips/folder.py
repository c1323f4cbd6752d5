"""The contents of a folder of people: items to make clips of, and skipped files, with the reason."""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .layout import LISTS
from .outputs import ENDINGS, OUTPUT, is_output

HIDDEN = "is hidden"
LOOSE = "is in no person's folder"
LINK_OUT = "is a link out of the folder"
LINK_TO_FOLDER = "is a link to a folder"
LINK_TO_NOTHING = "is a link to nothing"
SPECIAL = "is not an ordinary file"
EMPTY = "is empty"
NEITHER = "is neither a photograph nor a video"
UNREADABLE = "can't be read"
NOT_CHOSEN = "its person was not chosen"

ID_DIGITS = 12  # hexadecimal digits of a clip's name: two of 100,000 items collide in one of 50,000 data sets
HEAD_BYTES = 4096  # of a file, to tell whether it is a text
TEXT = bytes({*range(32, 256), *b"\t\n\v\f\r\x1b"} - {127})  # all but control characters
# Of PDF, ZIP (and office documents), OLE (Thumbs.db), gzip and SQLite. Such files often accompany photographs; without
# this they would count as items until a decoder refuses them, and make people known who have too few.
OTHER_HEADS = (b"%PDF", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"SQLite format 3")
TEXT_HEADS = (b"P1", b"P2", b"P3", b"YUV4MPEG2")  # of pictures and videos that may start with plain text

People = dict[str, list["Item"]]


@dataclass(frozen=True, order=True)
class Item:
    """A file of a person that may be a photograph or a video."""

    person: str  # name of the folder, in NFC
    file: str  # path in it, with / between folders
    path: Path  # absolute

    @property
    def key(self) -> str:
        """Person and file in NFC: the same for a folder copied from a Mac, which writes names in NFD."""
        return _composed(f"{self.person}/{self.file}")

    @property
    def identity(self) -> str:
        """The end of the clip's name: it never changes, and does not reveal the person."""
        return hashlib.sha256(os.fsencode(self.key)).hexdigest()[:ID_DIGITS]


@dataclass(frozen=True, order=True)
class Skipped:
    """A file that no clip is made of."""

    file: str  # path in the folder of people
    reason: str  # one of the constants above
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


def check_people(source: Path, flag: str = "--input") -> None:
    """Refuse a folder of people that does not exist, or is a data set.

    Raises
    ------
    InputError
        Names the flag.
    """
    if not source.is_dir():
        what = "is a file" if source.is_file() else "no such folder"
        raise InputError(f"{flag} {source}: {what}; give a folder that contains a folder for each person")
    if (source / LISTS).is_dir():
        raise InputError(
            f"{flag} {source}: is a data set already; give a folder of PERSON/*.jpg, or continue with it: "
            f"./run.sh --dataset {shlex.quote(str(source))}"
        )


def scan(
    source: Path, flag: str = "--input", loose: bool = False, apart: Sequence[Path] = ()
) -> tuple[People, list[Skipped]]:
    """The items of each person, in `source`/PERSON and its subfolders, and every other file; both sorted.

    A folder of a person may be a link; other links are followed only to files in `source` or in the person's folder.

    Parameters
    ----------
    flag : option that gives the folder, for messages
    loose : whether `source`/PERSON.jpg is a photograph of that person
    apart : files and folders in it to ignore, absolute

    Raises
    ------
    InputError
        If there is no such folder, a person's name has a line break, or two folders have one name, unless `loose`.
    """
    check_people(source, flag)
    people: People = {}
    skipped: list[Skipped] = []
    seen: dict[str, str] = {}  # name of each person's folder
    for entry in sorted(source.iterdir()):
        folder = entry.is_dir()
        if any(entry.absolute() == place for place in apart):
            continue
        if not folder and not loose:
            skipped.append(_loose(entry))
            continue
        if entry.name != " ".join(entry.name.splitlines()):
            raise InputError(f"{flag} {source}: {entry.name!r} has a line break in its name; rename it")
        written = entry.name if folder else entry.stem
        person = _composed(written)
        other = seen.setdefault(person, written)
        if other != written and not loose:
            raise InputError(
                f"{flag} {source}: {other!a} and {written!a} are the same name, written in NFC and in NFD; "
                "put their files into one folder"
            )
        inside = (source.resolve(), entry.resolve()) if folder else (source.resolve(),)
        for path in _files(entry, skipped, Path(entry.name), apart) if folder else (entry,):
            item = Item(person, path.relative_to(entry if folder else source).as_posix(), path.absolute())
            key = item.key if folder else entry.name
            reason = _hidden(key) or _unusable(path, inside)
            if reason is None:
                people.setdefault(person, []).append(item)
            else:
                skipped.append(Skipped(key, *reason))
    return {person: sorted(items) for person, items in people.items()}, sorted(skipped)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _loose(path: Path) -> Skipped:
    if path.is_symlink() and not path.exists():
        return Skipped(path.name, LINK_TO_NOTHING)
    return Skipped(path.name, *(_hidden(path.name) or (LOOSE,)))


def _hidden(key: str) -> tuple[str, ...] | None:
    return (HIDDEN,) if any(part.startswith(".") for part in key.split("/")) else None


def _files(folder: Path, skipped: list[Skipped], name: Path, apart: Sequence[Path] = ()) -> Iterator[Path]:
    """All entries below a folder that are not folders, and links to folders; unreadable folders are skipped by name."""
    folders = [folder]
    while folders:  # os.walk recurses for each level
        here = folders.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            where = name / here.relative_to(folder)
            skipped.append(Skipped(where.as_posix(), UNREADABLE, error.strerror or str(error)))
            continue
        if is_output(str(here), {entry.name for entry in entries}):
            skipped.append(Skipped((name / here.relative_to(folder)).as_posix(), OUTPUT))
            continue
        for entry in entries:
            if apart and (here / entry.name).absolute() in apart:
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(here / entry.name)
            else:
                yield here / entry.name


def _unusable(path: Path, inside: tuple[Path, ...]) -> tuple[str, ...] | None:
    """Why an entry is certainly neither a photograph nor a video: reason and detail."""
    try:
        if path.is_symlink():
            if not path.exists():
                return (LINK_TO_NOTHING,)
            if path.is_dir():
                return (LINK_TO_FOLDER,)
            if not any(path.resolve().is_relative_to(folder) for folder in inside):
                return (LINK_OUT,)
        if not stat.S_ISREG(path.stat().st_mode):
            return (SPECIAL,)
        if path.name.endswith(ENDINGS):
            return (NEITHER,)
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        return UNREADABLE, error.strerror or str(error)
    if not head:
        return (EMPTY,)
    return (NEITHER,) if is_text(head) or head.startswith(OTHER_HEADS) else None


def is_text(head: bytes) -> bool:
    """Whether a file that starts so is a text: in ASCII, UTF-8 or an older encoding, not in UTF-16."""
    return not head.startswith(TEXT_HEADS) and not head.translate(None, delete=TEXT)
