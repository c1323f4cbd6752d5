"""A data set in the iQIYI-VID layout, made from a folder of photographs and videos of people.

Every choice hangs on a hash of (seed, person, file name), so an item keeps its clip, and a person's items
keep their split, whatever else the folder holds.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
from tqdm import tqdm

from . import dataset
from .dataset import NOBODY_KNOWN, TEST, TRAIN, VAL
from .errors import InputError
from .motion import PHOTOS, VIDEOS, UnreadableError, make_clip

FOLDERS = {split: folder.replace("*", "1") for split, folder in dataset.FOLDERS.items()}  # all in Part1
LISTS = os.path.dirname(dataset.NAMES_FILE)
TEST_FILE = f"{LISTS}/test_v2.txt"
PEOPLE_FILE = f"{LISTS}/names.txt"
SKIPPED_FILE = "skipped.txt"
STAGING = ".making"  # what is not finished lies here, in the output folder, so that a rename publishes it

ID_DIGITS = 12  # hexadecimal digits of a clip's name: two of 100,000 items meet once in 50,000 data sets
SIDES = range(64, 4097, 2)  # pixels; H.264 with halved colour needs even sides
CHUNK = 4  # items handed to a worker at once

People = dict[str, list["Item"]]


@dataclass(frozen=True, order=True)
class Item:
    """A photograph or a video of a person."""

    person: str  # name of the folder
    file: str  # name of the file in it
    path: Path  # absolute

    @property
    def key(self) -> str:
        return f"{self.person}/{self.file}"

    @property
    def identity(self) -> str:
        """What the clip's name ends in: the same for ever, and silent about the person."""
        return hashlib.sha256(os.fsencode(self.key)).hexdigest()[:ID_DIGITS]


@dataclass(frozen=True)
class Options:
    """What the user may change. Raises InputError, naming the flag, for what makes no sense."""

    seed: int
    min_items: int  # a person with fewer items is a stranger
    people: int | None  # at most so many known people; None or -1: all
    strangers: int | None  # at most so many strangers; None or -1: all
    val_share: float  # share of a known person's items that goes into the validation part
    test_share: float
    size: tuple[int, int]  # width and height of the clips made from photographs, pixels
    copy: bool  # copy videos instead of linking to them
    overwrite: bool
    workers: int  # processes

    def __post_init__(self) -> None:
        shares = self.val_share + self.test_share
        size = ",".join(str(side) for side in self.size)
        people_right = self.people in (None, -1) or self.people >= 1
        for flag, value, right, wanted in (
            ("--min-items", self.min_items, self.min_items >= 2, "2 or more: one to train, one to test"),
            ("--people", self.people, people_right, "1 or more, or -1 for all"),
            ("--strangers", self.strangers, (self.strangers or 0) >= -1, "0 or more, or -1 for all"),
            ("--val-share", self.val_share, 0 <= self.val_share < 1, "0 or more and less than 1"),
            ("--test-share", self.test_share, 0 < self.test_share < 1, "more than 0 and less than 1"),
            ("--val-share and --test-share together", shares, shares < 1, "less than 1: training needs some"),
            ("--size", size, all(side in SIDES for side in self.size), "even numbers from 64 to 4096"),
            ("--workers", self.workers, self.workers >= 1, "1 or more"),
        ):
            if not right:
                raise InputError(f"{flag} {value}: must be {wanted}")


@dataclass(frozen=True)
class Placed:
    """An item with its place in the data set."""

    item: Item
    split: str  # TRAIN, VAL or TEST
    label: int  # 1..n, or NOBODY_KNOWN

    @property
    def name(self) -> str:
        """The clip's file name. Videos of any container are named mp4: readers look at the content."""
        return f"{Path(FOLDERS[self.split]).name}_{self.item.identity}.mp4"


@dataclass(frozen=True)
class Summary:
    """What `generate` made."""

    people: int
    strangers: int
    clips: dict[str, int]  # by split
    unreadable: int
    seconds: float

    def __str__(self) -> str:
        count = sum(self.clips.values())
        splits = ", ".join(f"{split} {self.clips.get(split, 0)}" for split in FOLDERS)
        return (
            f"{self.people} people, {self.strangers} strangers, {count} clips ({splits}), "
            f"{self.unreadable} unreadable, {self.seconds:.1f} s ({count / self.seconds:.1f} clips/s)"
        )


def generate(source: Path, output: Path, options: Options) -> Summary:
    """Write a data set in the iQIYI-VID layout into `output`, made from `source`/PERSON/FILE.

    Besides the real data set's files there are `gt_v2/test_v2.txt` (the truth about the test part, in the
    form of val_v2.txt), `gt_v2/names.txt` (`LABEL PERSON` a line) and `skipped.txt` (`PERSON/FILE<tab>REASON`
    a line). gt_v2 appears last and at once: a folder that has it is complete.

    Raises InputError where `source` holds nothing usable, or `output` holds something else or cannot be
    written.
    """
    start = time.monotonic()
    source, output = source.resolve(), output.resolve()
    staging = output / STAGING
    try:
        _check_output(source, output, options.overwrite)
        chosen = choose(scan(source), options)
        _check_known(chosen[0], source, options, unreadable=0)
        items = sorted(item for group in chosen for mine in group.values() for item in mine)
        _check_identities(items)
        with _fresh(staging):
            made, skipped = _make_all(items, staging, options)
            # Again, over what could be read: a person of whom too little is left is a stranger.
            known, strangers = choose(made, options)
            _check_known(known, source, options, unreadable=len(skipped))
            placed = plan(known, strangers, options)
            _arrange(staging, placed, sorted(known), skipped)
        _publish(staging, output)
    except BrokenExecutor as error:
        raise InputError("a worker process died, perhaps of too little memory; try --workers 1") from error
    except OSError as error:
        raise InputError(
            f"{error.filename or output}: {error.strerror or error}; the data set in {output} is not complete"
        ) from error
    clips = dict(Counter(clip.split for clip in placed))
    return Summary(len(known), len(strangers), clips, len(skipped), time.monotonic() - start)


def scan(source: Path) -> People:
    """The photographs and videos in `source`/PERSON, sorted by name; hidden ones are passed over."""
    if not source.is_dir():
        raise InputError(f"--input {source}: no such folder; it must hold a folder for each person")
    people: People = {}
    for folder in sorted(source.iterdir()):
        if folder.name.startswith(".") or not folder.is_dir():
            continue
        if folder.name != " ".join(folder.name.splitlines()):
            raise InputError(f"--input {source}: {folder.name!r} has a line break in its name; rename it")
        people[folder.name] = [
            Item(folder.name, path.name, path.absolute())
            for path in sorted(folder.iterdir())
            if not path.name.startswith(".") and path.suffix.lower() in PHOTOS | VIDEOS and path.is_file()
        ]
    return {person: items for person, items in people.items() if items}


def choose(people: People, options: Options) -> tuple[People, People]:
    """Known people (`min_items` or more) and strangers, each cut to the number wanted, chosen by hash."""
    known: People = {}
    strangers: People = {}
    for person in sorted(people, key=lambda person: _hash(options.seed, "person", person)):
        enough = len(people[person]) >= options.min_items
        group, limit = (known, options.people) if enough else (strangers, options.strangers)
        if limit in (None, -1) or len(group) < limit:
            group[person] = people[person]
    return known, strangers


def plan(known: People, strangers: People, options: Options) -> list[Placed]:
    """A place for every item, sorted by clip name; labels are 1..n in the order of the people's names."""
    placed = []
    for label, person in enumerate(sorted(known), start=1):
        ranked = sorted(known[person], key=lambda item: _hash(options.seed, "split", item.key))
        splits = _splits(len(ranked), options.val_share, options.test_share)
        placed += [Placed(item, split, label) for item, split in zip(ranked, splits, strict=True)]
    val_part = options.val_share / (options.val_share + options.test_share)
    for item in (item for items in strangers.values() for item in items):
        in_val = _hash(options.seed, "split", item.key) < val_part * 2**64
        placed.append(Placed(item, VAL if in_val else TEST, NOBODY_KNOWN))
    return sorted(placed, key=lambda clip: clip.name)


def _hash(seed: int, purpose: str, key: str) -> int:
    """A number in 0..2**64-1; `purpose` keeps choices about the same item apart."""
    data = os.fsencode(f"{seed}\0{purpose}\0{key}")
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def _splits(count: int, val_share: float, test_share: float) -> list[str]:
    """`count` splits, at least one test and one train; the running sums are rounded, so all shares hold."""
    test = min(max(1, math.floor(count * test_share + 0.5)), count - 1)
    held_out = min(max(test, math.floor(count * (test_share + val_share) + 0.5)), count - 1)
    return [TEST] * test + [VAL] * (held_out - test) + [TRAIN] * (count - held_out)


def _check_output(source: Path, output: Path, overwrite: bool) -> None:
    if output == source or output in source.parents:
        raise InputError(f"--output {output} holds the input; choose another folder")
    if not output.exists() or not any(output.iterdir()):
        return
    if not overwrite:
        raise InputError(f"--output {output} is not empty; choose another, or replace it with --overwrite")
    # The real data set has no names.txt, and 500,000 clips are long to download
    if not (output / PEOPLE_FILE).exists() and not (output / STAGING).exists():
        raise InputError(f"--output {output} holds what gendata.py did not make; choose another folder")


def _check_known(known: People, source: Path, options: Options, unreadable: int) -> None:
    if not known:
        damaged = f" ({unreadable} unreadable)" if unreadable else ""
        raise InputError(
            f"--input {source}: no person has {options.min_items} photographs or videos{damaged}; they must "
            f"lie in {source}/PERSON/, and --min-items sets how many are enough"
        )


def _check_identities(items: list[Item]) -> None:
    seen: dict[str, Item] = {}
    for item in items:
        other = seen.setdefault(item.identity, item)
        if other is not item:
            raise InputError(f"{item.path} and {other.path} get the same clip name by chance; rename one")


def _make(item: Item, folder: Path, options: Options) -> tuple[Item, str | None]:
    """Make the clip of `item` as `folder`/IDENTITY; returns the item with None, or why it cannot be read."""
    seed = _hash(options.seed, "motion", item.key)
    try:
        make_clip(item.path, folder / item.identity, options.size, seed, options.copy)
    except UnreadableError as error:
        return item, " ".join(str(error).split())
    return item, None


@contextmanager
def _fresh(staging: Path) -> Iterator[None]:
    """An empty `staging` folder, gone again if nothing comes of it."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _make_all(items: list[Item], staging: Path, options: Options) -> tuple[People, list[tuple[Item, str]]]:
    """Make all clips in `staging`; returns what was made, by person, and what was not, with the reason."""
    job = partial(_make, folder=staging, options=options)
    made: People = {}
    skipped = []
    with _mapper(min(options.workers, len(items))) as run:
        for item, reason in tqdm(run(job, items), total=len(items), unit="clip", disable=None):
            if reason is None:
                made.setdefault(item.person, []).append(item)
            else:
                skipped.append((item, reason))
    return made, skipped


@contextmanager
def _mapper(workers: int) -> Iterator[Callable[..., Iterator[tuple[Item, str | None]]]]:
    """A `map` over so many processes that keeps the order; one worker needs no process."""
    if workers == 1:
        yield map
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        yield partial(pool.map, chunksize=CHUNK)
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    cv2.setNumThreads(1)  # a process a core is enough


def _arrange(staging: Path, placed: list[Placed], people: list[str], skipped: list[tuple[Item, str]]) -> None:
    """Turn the clips in `staging` into the layout of the data set, and write its text files."""
    for folder in (*FOLDERS.values(), LISTS):
        (staging / folder).mkdir(parents=True)
    for clip in placed:
        (staging / clip.item.identity).rename(staging / FOLDERS[clip.split] / clip.name)
    texts = {
        dataset.NAMES_FILE: [clip.name for clip in placed],
        dataset.TRAIN_FILE: [f"{clip.name} {clip.label}" for clip in placed if clip.split == TRAIN],
        dataset.VAL_FILE: _truth(placed, VAL),
        TEST_FILE: _truth(placed, TEST),
        PEOPLE_FILE: [f"{label} {person}" for label, person in enumerate(people, start=1)],
        SKIPPED_FILE: [f"{' '.join(item.key.split())}\t{reason}" for item, reason in skipped],
    }
    for file, lines in texts.items():
        # A file name need not be UTF-8, but these texts are
        (staging / file).write_bytes("".join(f"{line}\n" for line in lines).encode(errors="replace"))


def _truth(placed: list[Placed], split: str) -> list[str]:
    """`LABEL NAME NAME ...` for each label that has clips in `split`."""
    names: dict[int, list[str]] = {}
    for clip in placed:
        if clip.split == split and clip.label != NOBODY_KNOWN:
            names.setdefault(clip.label, []).append(clip.name)
    return [f"{label} {' '.join(names[label])}" for label in sorted(names)]


def _publish(staging: Path, output: Path) -> None:
    """Move the finished data set into its place; gt_v2 goes first and comes last."""
    folders = sorted({folder.split("/")[0] for folder in FOLDERS.values()})
    for folder in (LISTS, *folders):
        if (output / folder).exists():
            shutil.rmtree(output / folder)
    for name in (SKIPPED_FILE, *folders, LISTS):
        os.replace(staging / name, output / name)
    shutil.rmtree(staging)  # holds what the second `choose` left out
