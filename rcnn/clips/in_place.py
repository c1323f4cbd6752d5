"""A data set of files that stay where they are: clips are listed, in pieces, and people keep their labels.

It is rebuilt from the existing files each time, and appears atomically. People's names and the list of known files are
taken over from the previous one:

- `gt_v2/labels.csv`, see `rcnn.clips.given`.
- `gt_v2/planned.csv`, `source,size,changed`: the files that the set was made of. The pieces of unchanged files are
  taken from `gt_v2/clips.csv`. Clips of other files were added by others, and are kept.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import files
from ..errors import InputError
from ..files.text import read_rows, table_bytes
from .dataset import FOLDERS, TEST, TRAIN, TRAIN_FILE, VAL_FILE, read_train_labels
from .folder import ID_DIGITS
from .gather import SourceFile
from .given import free_name, give_labels, names_now, read_given, write_given
from .layout import LISTS, PEOPLE_FILE, STAGING, fresh, write_lines
from .listed import DIGITS, ListedClip, lists_clips, read_listed, write_listed
from .lists import exchange, recover

PLANNED_FILE = f"{LISTS}/planned.csv"
PLANNED_HEADER = ("source", "size", "changed")
WANTED = "it belongs to the data set; remove the folder to rebuild it"

SLUG_LETTERS = (
    40  # characters of a file's name at the start of its clips' names: at most 160 bytes of the 255 of a name
)
TIME_DIGITS = 9  # of milliseconds, so that the pieces of 11 days sort in order
PIECE_OF_ALL = "clip"  # of a file whose name has no letter

Pieces = tuple[tuple[float, float], ...]  # start and end of each, seconds; see `ListedClip`


@dataclass
class Earlier:
    """The contents of an earlier data set.

    labels : by every name that a person ever had
    plans : the pieces of each file, with its size and time
    films : paths of those files that are films, not files of people
    others : clips that this module did not list, with their labels, 0 for none
    """

    labels: dict[str, int] = field(default_factory=dict)
    plans: dict[SourceFile, tuple[SourceFile, Pieces]] = field(default_factory=dict)
    films: set[str] = field(default_factory=set)
    others: dict[ListedClip, int] = field(default_factory=dict)

    def name(self, names: Mapping[int, str]) -> None:
        """Show people under other names, see `free_name`; their earlier names still refer to them."""
        for label, name in names.items():
            name = free_name(name, label, self.labels)
            self.labels = {name: label, **{known: one for known, one in self.labels.items() if known != name}}

    def pieces(self, file: SourceFile) -> Pieces | None:
        """The pieces of an unchanged file; None if it is new or has changed."""
        was, pieces = self.plans.get(file, (None, ()))
        same = was is not None and (was.size, was.changed) == (file.size, file.changed)
        return pieces if same else None


def is_in_place(root: str) -> bool:
    """Whether a folder contains such a data set, or the rest of an interrupted one."""
    return os.path.isfile(os.path.join(root, PLANNED_FILE)) or os.path.isdir(os.path.join(root, STAGING))


def read_earlier(root: str) -> Earlier:
    """Read the data set in a folder; empty if there is none.

    Raises
    ------
    InputError
        If one of its files can't be read.
    """
    recover(Path(root))
    planned, listed = os.path.join(root, PLANNED_FILE), lists_clips(root)
    if not os.path.isfile(planned) or not listed:
        return Earlier()
    marks = {}
    for number, (source, *numbers) in read_rows(planned, PLANNED_HEADER, WANTED):
        try:
            marks[source] = SourceFile(source, *map(int, numbers))
        except ValueError:
            raise InputError(f"{planned}:{number}: is not {','.join(PLANNED_HEADER)}; {WANTED}") from None
    known = read_train_labels(os.path.join(root, TRAIN_FILE))
    pieces: dict[str, list[tuple[float, float]]] = {}
    films, others = set(), {}
    for clip in read_listed(root, FOLDERS):
        if clip.split == TEST:
            films.add(clip.source)
        if clip.source in marks:
            pieces.setdefault(clip.source, []).append((clip.start, clip.end))
        else:
            others[clip] = known.get(clip.name, 0)
    plans = {marks[source]: (marks[source], tuple(sorted(found))) for source, found in pieces.items()}
    return Earlier(read_given(root), plans, films & marks.keys(), others)


def clip_name(path: str, start: float) -> str:
    """The name of a piece of a file: readable, stable, and sorting in the order of the pieces."""
    stem = os.path.splitext(files.base_name(path))[0]
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:ID_DIGITS]
    return f"{slug(stem)}_{digest}_{round(start * 1000):0{TIME_DIGITS}d}"


def slug(text: str) -> str:
    """The letters, marks and digits of a text, of any script, with hyphens for everything between."""
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in composed)
    return "-".join(kept.split())[:SLUG_LETTERS].strip("-") or PIECE_OF_ALL


def write_in_place(
    root: str,
    people: Mapping[str, Sequence[SourceFile]],
    films: Iterable[SourceFile],
    plans: Mapping[SourceFile, Pieces],
    earlier: Earlier,
    named: Collection[int] = (),
) -> bool:
    """Write the data set of some people and films; returns whether anything has changed.

    Parameters
    ----------
    root : where it goes, on disk
    people : files of each person, for train; a person without files has a label, too
    films : files for test
    plans : of each of these files; a file without a plan is left out
    earlier : the previous data set
    named : labels of people without files, known in `earlier`
    """
    labels = give_labels(earlier.labels, people)
    clips: dict[ListedClip, int] = dict(earlier.others)
    sources: dict[SourceFile, None] = {}
    for person, mine in people.items():
        for file in mine:
            clips.update(dict.fromkeys(_clips(file, TRAIN, plans), labels[person]))
            sources.setdefault(file)
    taken = {clip.source for clip in clips}
    for file in films:
        if file.path not in taken:  # a file can't be both
            clips.update(dict.fromkeys(_clips(file, TEST, plans), 0))
            sources.setdefault(file)
    output = Path(root)
    staging = output / STAGING
    files.make_dir(root)
    with fresh(staging):
        files.make_dir(str(staging / LISTS))
        write_listed(str(staging), clips)
        write_given(str(staging), labels)
        planned = [(file.path, file.size, file.changed) for file in sorted(sources) if file in plans]
        files.write_bytes(str(staging / PLANNED_FILE), table_bytes(PLANNED_HEADER, planned))
        train = sorted((clip.name, label) for clip, label in clips.items() if clip.split == TRAIN and label)
        write_lines(staging / TRAIN_FILE, (f"{name} {label}" for name, label in train))
        write_lines(staging / VAL_FILE, ())
        present = {*named, *(label for _, label in train)}
        names = names_now(labels, {name for name, label in labels.items() if label in present})
        write_lines(staging / PEOPLE_FILE, (f"{label} {names[label]}" for label in sorted(names)))
        changed = not _same(staging / LISTS, output / LISTS)
        if changed:
            _carry_over(output / LISTS, staging / LISTS)
    if changed:
        exchange(output)
    else:
        shutil.rmtree(staging)
    return changed


def _clips(file: SourceFile, split: str, plans: Mapping[SourceFile, Pieces]) -> list[ListedClip]:
    return [
        ListedClip(clip_name(file.path, start), split, file.path, round(start, DIGITS), round(end, DIGITS))
        for start, end in plans.get(file, ())
    ]


def _same(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    return all((other / name).is_file() and (other / name).read_bytes() == (one / name).read_bytes() for name in names)


def _carry_over(before: Path, now: Path) -> None:
    """Take over files added by others, such as the truth about the films."""
    for path in sorted(before.iterdir()) if before.is_dir() else ():
        if path.is_file() and not (now / path.name).exists():
            shutil.copy2(path, now / path.name)
