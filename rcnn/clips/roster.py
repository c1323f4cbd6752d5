"""The people of a data set that we may change, their labels and their clips; and changes to these.

We may change what `python -m rcnn find` or `gendata.py` made: it has `gt_v2/names.txt`. A change returns a new roster,
and `write` replaces the lists of the data set with its own, atomically.
"""

from __future__ import annotations

import csv
import difflib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import files
from ..errors import InputError
from ..files.json import read_json
from ..files.text import printable, read_lines, table_bytes
from .dataset import (
    FOLDERS,
    NAMES_FILE,
    TEST,
    TRAIN,
    TRAIN_FILE,
    VAL,
    VAL_FILE,
    read_ground_truth,
    read_labels,
    read_train_labels,
)
from .given import HEADER as LABELS_HEADER
from .given import LABELS_FILE, free_name, read_given
from .in_place import PLANNED_FILE, PLANNED_HEADER
from .layout import LISTS, PEOPLE_FILE, TEST_FILE
from .listed import CLIPS_FILE, ListedClip, listed_bytes, lists_clips, read_listed
from .lists import recover, replace_lists
from .names import read_people
from .sources import SOURCES_FILE, read_sources

MADE_FILE = f"{LISTS}/made.json"  # of gendata.py, see `rcnn.stages.made_items`
NEAR = 3  # suggested names in a message
SHOWN_NAMES = 5  # in a message, if none is similar

Row = tuple[int, str]  # a label and one of its names; no name: the person was forgotten


@dataclass(frozen=True)
class Roster:
    """The people of a data set.

    root : of the data set, on disk
    given : assigned labels with their names, of which the first of a label is shown; without a name, the largest label
        that is no longer used
    labels : of each clip of train and val that shows a known person, by split and name of the clip
    truth : clips of test of each label
    listed : the clips, if the data set lists them; None if they are in its folders
    sources : the file of each clip, by name, if known
    named : labels of people without photographs, named at the desk
    """

    root: str
    given: tuple[Row, ...]
    labels: Mapping[str, Mapping[str, int]]
    truth: Mapping[int, tuple[str, ...]]
    listed: tuple[ListedClip, ...] | None
    sources: Mapping[str, str]
    named: frozenset[int] = frozenset()

    @property
    def names(self) -> dict[str, int]:
        """The label of every name."""
        return {name: label for label, name in self.given if name}

    @property
    def people(self) -> dict[int, str]:
        """The name shown for each label that has one, in the order of the labels."""
        shown: dict[int, str] = {}
        for label, name in self.given:
            if name:
                shown.setdefault(label, name)
        return dict(sorted(shown.items()))

    @property
    def clip_names(self) -> Iterator[str]:
        """The clips of all people."""
        yield from (name for known in self.labels.values() for name in known)
        yield from (name for names in self.truth.values() for name in names)

    def clips(self, label: int) -> list[str]:
        """The clips made of a person's files, sorted. If clips are listed, those of test are films."""
        own = [name for known in self.labels.values() for name, whose in known.items() if whose == label]
        return sorted([*own, *(self.truth.get(label, ()) if self.listed is None else ())])

    def places(self, clips: Iterable[str]) -> list[str]:
        """The files of some clips in the folders of a data set."""
        folders = [folder for pattern in FOLDERS.values() for folder in files.folders(self.root, pattern)]
        plain = [clip for clip in clips if "/" not in clip]  # lists may come from strangers
        found = (os.path.join(folder, clip) for clip in plain for folder in folders)
        return [path for path in found if os.path.lexists(path)]

    def find(self, name: str) -> int:
        """The label of a name.

        Raises
        ------
        InputError
            If nobody has it; suggests similar names.
        """
        if name in self.names:
            return self.names[name]
        known = sorted(self.names)
        folded = {known_name.casefold(): known_name for known_name in known}
        inside = [match for match in folded if name and name.casefold() in match]
        like = difflib.get_close_matches(name.casefold(), folded, NEAR)
        near = [folded[match] for match in dict.fromkeys([*like, *inside])][:NEAR]
        some = f"it has {', '.join(known[:SHOWN_NAMES])}{', ...' if len(known) > SHOWN_NAMES else ''}"
        hint = f"did you mean {' or '.join(near)}?" if near else some if known else "it has nobody"
        raise InputError(f"{printable(name)!r}: nobody in {self.root} has this name; {printable(hint)}")

    def with_photographs(self, name: str, clips: Sequence[ListedClip]) -> Roster:
        """A roster with more clips of train for a person, who gets the next label if the name is new."""
        label = self.names.get(name, max((known for known, _ in self.given), default=0) + 1)
        given = self.given if name in self.names else (*self.given, (label, name))
        train = {**self.labels[TRAIN], **{clip.name: label for clip in clips}}
        listed = None if self.listed is None else (*self.listed, *clips)
        sources = {**self.sources, **{clip.name: clip.source for clip in clips}}
        return replace(self, given=given, labels={**self.labels, TRAIN: train}, listed=listed, sources=sources)

    def enlisted(self, people: Mapping[int, str], renamed: Mapping[int, str]) -> Roster:
        """A roster with the names given at the desk, see `free_name`.

        Parameters
        ----------
        people : those without photographs, by label
        renamed : others, with their new names
        """
        own = {label for known in self.labels.values() for label in known.values()}
        after = self if self.listed is None else replace(self, named=self.named | ({*people} - own))
        for label, name in {**renamed, **people}.items():
            name = free_name(name, label, after.names)
            if after.people.get(label) != name:
                after = after.renamed(label, name)
        return after

    def merged(self, stays: int, goes: int) -> Roster:
        """A roster in which all names and clips of a label belong to another one; the label itself stays assigned."""
        order = sorted(self.given, key=lambda row: row[0] == goes)  # so that the remaining person's name is shown
        given = _retired(((stays if label == goes else label, name) for label, name in order), goes)
        labels = {
            split: {clip: stays if label == goes else label for clip, label in known.items()}
            for split, known in self.labels.items()
        }
        truth = {label: names for label, names in self.truth.items() if label != goes}
        if goes in self.truth:
            truth[stays] = tuple(dict.fromkeys([*truth.get(stays, ()), *self.truth[goes]]))
        return replace(self, given=given, labels=labels, truth=truth, named=self.named - {goes})

    def renamed(self, label: int, name: str) -> Roster:
        """A roster in which a label is shown under a name; the earlier names still refer to it."""
        return replace(self, given=((label, name), *(row for row in self.given if row != (label, name))))

    def without(self, label: int) -> Roster:
        """A roster without a person, whose label stays assigned."""
        gone = set(self.clips(label))
        given = _retired((row for row in self.given if row[0] != label), label)
        labels = {
            split: {clip: known for clip, known in mine.items() if known != label}
            for split, mine in self.labels.items()
        }
        left = {known: tuple(name for name in names if name not in gone) for known, names in self.truth.items()}
        truth = {known: names for known, names in left.items() if names and known != label}
        listed = None if self.listed is None else tuple(clip for clip in self.listed if clip.name not in gone)
        sources = {clip: source for clip, source in self.sources.items() if clip not in gone}
        named = self.named - {label}
        return replace(self, given=given, labels=labels, truth=truth, listed=listed, sources=sources, named=named)

    def write(self, before: Roster) -> None:
        """Replace the lists of `before` with these, atomically.

        Raises
        ------
        InputError
            If they can't be written.
        """
        came = [name for name in self.labels[TRAIN] if name not in before.labels[TRAIN]]
        gone = {*before.clip_names} - {*self.clip_names}
        try:
            replace_lists(self.root, self._texts(came, gone, set(self.sources.values())))
        except OSError as error:
            raise InputError(f"{error.filename or self.root}: can't be written: {error.strerror or error}") from None

    def _texts(self, came: Sequence[str], gone: Collection[str], used: Collection[str]) -> dict[str, bytes]:
        rows = sorted(self.given, key=lambda row: row[0])
        shown = self.named.union(*(known.values() for known in self.labels.values()))
        if self.listed is None:
            shown = frozenset(self.people)
        texts = {
            LABELS_FILE: table_bytes(LABELS_HEADER, rows),
            PEOPLE_FILE: _lines(f"{label} {name}" for label, name in self.people.items() if label in shown),
            TRAIN_FILE: _lines(f"{clip} {label}" for clip, label in self._in_order(TRAIN)),
            VAL_FILE: _lines(_truth(self.labels[VAL])),
        }
        if os.path.isfile(os.path.join(self.root, TEST_FILE)):
            texts[TEST_FILE] = _lines(f"{label} {' '.join(self.truth[label])}" for label in sorted(self.truth))
        if self.listed is not None:
            texts[CLIPS_FILE] = listed_bytes(self.listed)
            planned = _kept_rows(os.path.join(self.root, PLANNED_FILE), used)
            if planned is not None:
                texts[PLANNED_FILE] = table_bytes(PLANNED_HEADER, planned)
            return texts
        every = [name for _, name in read_lines(os.path.join(self.root, NAMES_FILE), "it belongs to the data set")]
        texts[NAMES_FILE] = _lines([*(name for name in every if name not in gone), *came])
        made = _made_without(os.path.join(self.root, MADE_FILE), gone)
        if made is not None:
            texts[MADE_FILE] = made
        if self.sources:
            texts[SOURCES_FILE] = _lines(f"{clip}\t{source}" for clip, source in sorted(self.sources.items()))
        return texts

    def _in_order(self, split: str) -> Iterable[tuple[str, int]]:
        """Sorted as by `find`, or in the order of the file."""
        return sorted(self.labels[split].items()) if self.listed is not None else self.labels[split].items()


def read_roster(root: str) -> Roster:
    """The people of a data set; an interrupted change is undone first.

    Raises
    ------
    InputError
        If we may not change it, or one of its lists can't be read.
    """
    recover(Path(root))
    people = os.path.join(root, PEOPLE_FILE)
    if not os.path.isfile(people):
        raise InputError(
            f"{root}: has no {PEOPLE_FILE}, so it was not made by gendata.py or python -m rcnn find, and its lists are "
            "not changed; edit them as docs/privacy.md says, then give ./run.sh again"
        )
    given = tuple((label, name) for name, label in read_given(root).items())
    train, val, test = (os.path.join(root, name) for name in (TRAIN_FILE, VAL_FILE, TEST_FILE))
    labels = {
        TRAIN: read_train_labels(train) if os.path.isfile(train) else {},
        VAL: read_labels(val) if os.path.isfile(val) else {},
    }
    truth = read_ground_truth(test) if os.path.isfile(test) else {}
    listed = tuple(read_listed(root, (TRAIN, VAL, TEST))) if lists_clips(root) else None
    if listed is not None:
        sources = {clip.name: clip.source for clip in listed}
    else:
        path = os.path.join(root, SOURCES_FILE)
        sources = read_sources(path) if os.path.isfile(path) else {}
    own = {label for known in labels.values() for label in known.values()}
    named = frozenset(read_people(people)) - own if listed is not None else frozenset()
    return Roster(root, given, labels, truth, listed, sources, named)


def _retired(given: Iterable[Row], label: int) -> tuple[Row, ...]:
    """The rows of labels after some are no longer used: the largest such label is kept, without a name, and the next
    person gets a larger one."""
    rows = list(given)
    last = max(label, *(known for known, name in rows if not name), 0)
    return ((last, ""), *(row for row in rows if row[1]))


def _truth(labels: Mapping[str, int]) -> Iterable[str]:
    names: dict[int, list[str]] = {}
    for name, label in labels.items():
        names.setdefault(label, []).append(name)
    return (f"{label} {' '.join(names[label])}" for label in sorted(names))


def _kept_rows(path: str, sources: Collection[str]) -> list[list[str]] | None:
    """The rows of the table of files that are still used; None if there is no such table."""
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8", newline="") as file:
        return [row for row in list(csv.reader(file))[1:] if row and row[0] in sources]


def _made_without(path: str, clips: Collection[str]) -> bytes | None:
    """The record of gendata.py without some clips, by the end of their names; None if there is none."""
    try:
        record = read_json(path)
        gone = {os.path.splitext(clip)[0].rpartition("_")[2] for clip in clips}
        record["items"] = {item: mark for item, mark in record["items"].items() if item not in gone}
        record["clips"] = [item for item in record["clips"] if item not in gone]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None  # gendata.py ignores it, too
    return f"{json.dumps(record, indent=2, ensure_ascii=False)}\n".encode()


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace")
