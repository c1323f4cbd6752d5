"""The iQIYI-VID layout: the clips, their files, and the files of labels."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .. import files
from ..errors import InputError
from ..files.text import printable, read_lines
from .listed import CLIPS_FILE, TO_THE_END, lists_clips, read_listed
from .misplaced import check_place

TRAIN, VAL, TEST = "train", "val", "test"
STAGES = {"trainval": (TRAIN, VAL), "test": (TEST,)}
FOLDERS = {
    TRAIN: "IQIYI_VID_DATA_Part*/IQIYI_VID_TRAIN",
    VAL: "IQIYI_VID_DATA_Part*/IQIYI_VID_VAL",
    TEST: "IQIYI_VID_TEST",
}
NAMES_FILE = "gt_v2/IQIYI_VID.txt"
TRAIN_FILE = "gt_v2/train_v2.txt"
VAL_FILE = "gt_v2/val_v2.txt"
NOBODY_KNOWN = -1
LARGEST_LABEL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of the data set: a file, or a piece of one. For its label see `rcnn.clips.labels`.

    name : unique in the data set; the file's, if the clip is in a folder of the data set
    path : of the file
    split : train, val or test
    size, changed : bytes of the file, and time of its last change, ns since 1970; if requested
    start, end : seconds of the file; frames with start <= time < end belong to the clip; `TO_THE_END` for its end
    """

    name: str
    path: str
    split: str
    size: int = field(default=0, compare=False)
    changed: int = field(default=0, compare=False)
    start: float = 0.0
    end: float = TO_THE_END

    @property
    def fault(self) -> str:
        """Why no stage can read it, whatever it contains; else empty."""
        if any(character.isspace() for character in self.name):
            return "its name contains white space, which separates names in truth files and submissions; rename it"
        return ""


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Numbers and text of the lines that are not empty."""
    return read_lines(path, "--dataset must have the iQIYI-VID layout")


def parse_label(path: str, number: int, text: str, least: int = 1) -> int:
    """The label in line `number` of a file; raises InputError if it is not a whole number of `least` or more."""
    if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= LARGEST_LABEL:
        raise InputError(
            f"{path}:{number}: label {printable(text[:40])!r} is not a whole number of {least} or more; fix the line"
        )
    return int(text)


def read_names(path: str) -> frozenset[str]:
    """The valid clip file names in a file with one per line."""
    return frozenset(name for _, name in _lines(path))


def read_train_labels(path: str) -> dict[str, int]:
    """Label of each clip, from a file with lines `NAME LABEL`."""
    labels: dict[str, int] = {}
    for number, line in _lines(path):
        fields = line.split()
        if len(fields) != 2:
            raise InputError(f"{path}:{number}: has {len(fields)} fields, expected NAME LABEL; fix the line")
        if labels.setdefault(fields[0], parse_label(path, number, fields[1])) != int(fields[1]):
            raise InputError(
                f"{path}:{number}: {printable(fields[0])} is listed under {labels[fields[0]]} and under {fields[1]}; "
                "fix the file"
            )
    return labels


def read_ground_truth(path: str, one_label: bool = False) -> dict[int, tuple[str, ...]]:
    """Clips of each label, from a file with lines `LABEL NAME NAME ...` (val_v2.txt and the like).

    Parameters
    ----------
    one_label : whether a clip may have only one label, as in a truth; in a submission it may have several

    Raises
    ------
    InputError
        If it can't be read, a label is invalid, or a clip has two labels where only one is allowed.
    """
    clips: dict[int, dict[str, None]] = {}
    labels: dict[str, int] = {}
    for number, line in _lines(path):
        text, *names = line.split()
        label = parse_label(path, number, text)
        clips.setdefault(label, {}).update(dict.fromkeys(names))
        for name in names:
            if one_label and labels.setdefault(name, label) != label:
                raise InputError(
                    f"{path}:{number}: {printable(name)} is listed under {labels[name]} and under {label}; fix the file"
                )
    return {label: tuple(names) for label, names in clips.items()}


def read_labels(path: str) -> dict[str, int]:
    """Label of each clip, from a file with lines `LABEL NAME NAME ...`."""
    return {name: label for label, names in read_ground_truth(path, one_label=True).items() for name in names}


def part_of(name: str, parts: int) -> int:
    """Which of `parts` parts (from 0) a clip belongs to; the same on every machine and run."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % parts


def read_listed_names(root: str) -> frozenset[str]:
    """Names of all valid clips of a data set, whether their files exist or not."""
    if lists_clips(root):
        return frozenset(clip.name for clip in read_listed(root, FOLDERS))
    return read_names(files.join(root, NAMES_FILE))


def list_clips(root: str, stage: str, part: tuple[int, int] = (0, 1), marked: bool = False) -> list[Clip]:
    """The clips of a stage, sorted by name.

    Parameters
    ----------
    root : the data set's directory; it need not be complete
    stage : `trainval` or `test`
    part : (I, N), the I-th (0 to N-1) of N parts
    marked : whether to add their sizes and times, which takes a stat of each file

    Raises
    ------
    InputError
        If there is no data set, no clip of the stage, or two files have the same name.
    """
    check_place(root)
    listed = lists_clips(root)
    clips = _listed_clips(root, stage, part, marked) if listed else _clips_in_folders(root, stage, part, marked)
    if not clips and part[1] == 1:  # a part of a small data set may be empty
        if listed:
            raise InputError(f"{files.join(root, CLIPS_FILE)}: has no clip of {' or '.join(STAGES[stage])}")
        folders = " or ".join(FOLDERS[split] for split in STAGES[stage])
        raise InputError(
            f"{root}: no clip named in {NAMES_FILE} is in {folders}; unpack the data set there, "
            "or give --stage the existing part"
        )
    return [clips[name] for name in sorted(clips)]


def _clips_in_folders(root: str, stage: str, part: tuple[int, int], marked: bool) -> dict[str, Clip]:
    names = read_names(files.join(root, NAMES_FILE))
    clips: dict[str, Clip] = {}
    for split in STAGES[stage]:
        for folder in files.folders(root, FOLDERS[split]):
            found = files.marks(folder) if marked else dict.fromkeys(files.names(folder), (0, 0))
            for name, mark in found.items():
                if name not in names or part_of(name, part[1]) != part[0]:
                    continue
                path = files.join(folder, name)
                if name in clips:
                    raise InputError(f"{path}: the same name exists at {clips[name].path}; remove one")
                clips[name] = Clip(name, path, split, *mark)
    return clips


def _listed_clips(root: str, stage: str, part: tuple[int, int], marked: bool) -> dict[str, Clip]:
    clips: dict[str, Clip] = {}
    marks: dict[str, tuple[int, int]] = {}  # once per file, however many pieces it has
    for row in read_listed(root, FOLDERS):
        if row.split not in STAGES[stage] or part_of(row.name, part[1]) != part[0]:
            continue
        if row.name in clips:
            raise InputError(f"{files.join(root, CLIPS_FILE)}: {printable(row.name)} is listed twice; remove one")
        if marked and row.source not in marks:
            marks[row.source] = files.mark(row.source)
        clips[row.name] = Clip(row.name, row.source, row.split, *marks.get(row.source, (0, 0)), row.start, row.end)
    return clips


def source_of(clip: Clip, root: str) -> str:
    """The file of a clip, relative to the data set's directory if it is in there, else its path."""
    own = files.below(root)(clip.path)
    return clip.path if own is None else own
