"""A data set of files that stay where they lie: clips are listed, in pieces, and people keep their labels.

It is rebuilt from what there is each time, and appears whole. What a person was called and which files were looked at
is taken over from the one before:

- `gt_v2/labels.csv`, see `rcnn.clips.given`.
- `gt_v2/planned.csv`, `source,size,changed`: the files that the set was made of, as they were. The pieces of those that
  are the same are taken from `gt_v2/clips.csv`. Clips of other files were put there by others, and stay.
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
WANTED = "it belongs to the data set; remove the folder to make it anew"

SLUG_LETTERS = 40  # of a file's name that its clips begin with: 160 bytes at most, of the 255 of a name
TIME_DIGITS = 9  # of milliseconds, so that the pieces of 11 days sort as they follow each other
PIECE_OF_ALL = "clip"  # of a file of whose name no letter is left

Pieces = tuple[tuple[float, float], ...]  # start and end of each, seconds; see `ListedClip`


@dataclass
class Earlier:
    """What an earlier data set says.

    labels : by every name that a person ever had
    plans : the pieces of each file, with the file as it was
    films : paths of those files that are films, and of nobody's
    others : clips that this module did not list, with their labels, 0 for none
    """

    labels: dict[str, int] = field(default_factory=dict)
    plans: dict[SourceFile, tuple[SourceFile, Pieces]] = field(default_factory=dict)
    films: set[str] = field(default_factory=set)
    others: dict[ListedClip, int] = field(default_factory=dict)

    def name(self, names: Mapping[int, str]) -> None:
        """Let people be shown under other names, see `free_name`; those of before still lead to them."""
        for label, name in names.items():
            name = free_name(name, label, self.labels)
            self.labels = {name: label, **{known: one for known, one in self.labels.items() if known != name}}

    def pieces(self, file: SourceFile) -> Pieces | None:
        """Those of a file that has not changed since; None where it has, or is new."""
        was, pieces = self.plans.get(file, (None, ()))
        same = was is not None and (was.size, was.changed) == (file.size, file.changed)
        return pieces if same else None


def is_in_place(root: str) -> bool:
    """Whether a folder holds such a data set, or what a stop left of one."""
    return os.path.isfile(os.path.join(root, PLANNED_FILE)) or os.path.isdir(os.path.join(root, STAGING))


def read_earlier(root: str) -> Earlier:
    """What the data set in a folder says; nothing where there is none.

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
    """The name of a piece of a file: readable, the same for ever, and in the order of the pieces."""
    stem = os.path.splitext(files.base_name(path))[0]
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:ID_DIGITS]
    return f"{slug(stem)}_{digest}_{round(start * 1000):0{TIME_DIGITS}d}"


def slug(text: str) -> str:
    """The letters, marks and digits of a text, of any script, and a hyphen for what stands between."""
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
    """Write the data set of some people and films; says whether anything is different from what was there.

    Parameters
    ----------
    root : where it goes, on the disk
    people : files of each person, who are in train; a person without one has a label all the same
    films : files of test
    plans : of each of these files; one that has none here is left out
    earlier : what was there
    named : labels of people without files, whom `earlier` knows
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
        if file.path not in taken:  # one file can't be both
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
    """Take over the files that others put beside ours, such as the truth about the films."""
    for path in sorted(before.iterdir()) if before.is_dir() else ():
        if path.is_file() and not (now / path.name).exists():
            shutil.copy2(path, now / path.name)
