"""A data set in the iQIYI-VID layout, made from a folder of photographs and videos of people.

Every choice hangs on a hash of (seed, person, file name), so an item keeps its clip, and a person's items
keep their split, whatever else the folder holds.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections import Counter
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ..clips.dataset import NOBODY_KNOWN, TEST, TRAIN, VAL
from ..clips.layout import FOLDERS, STAGING, arrange, check_output, fresh, publish, write_lines
from ..errors import InputError, UnreadableError
from ..video.motion import VIDEOS, make_clip
from ..video.photographs import PHOTOS
from ..workers.mapping import mapper
from .settings import GendataSettings

SKIPPED_FILE = "skipped.txt"

ID_DIGITS = 12  # hexadecimal digits of a clip's name: two of 100,000 items meet once in 50,000 data sets
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


def generate(settings: GendataSettings) -> Summary:
    """Write a data set in the iQIYI-VID layout into the output, made of the input's PERSON/FILE.

    Besides the real data set's files there are `gt_v2/test_v2.txt` (the truth about the test part, in the
    form of val_v2.txt), `gt_v2/names.txt` (`LABEL PERSON` a line) and `skipped.txt` (`PERSON/FILE<tab>REASON`
    a line). gt_v2 appears last and at once: a folder that has it is complete.

    Raises InputError where the input holds nothing usable, or the output holds something else or cannot be
    written.
    """
    start = time.monotonic()
    source, output = settings.input.resolve(), settings.output.resolve()
    staging = output / STAGING
    try:
        _check_output(source, output, settings.overwrite)
        chosen = choose(scan(source), settings)
        _check_known(chosen[0], source, settings, unreadable=0)
        items = sorted(item for group in chosen for mine in group.values() for item in mine)
        _check_identities(items)
        with fresh(staging):
            made, skipped = _make_all(items, staging, settings)
            # Again, over what could be read: a person of whom too little is left is a stranger.
            known, strangers = choose(made, settings)
            _check_known(known, source, settings, unreadable=len(skipped))
            placed = plan(known, strangers, settings)
            arrange(staging, placed, (clip.item.identity for clip in placed), sorted(known))
            write_lines(staging / SKIPPED_FILE, (f"{' '.join(item.key.split())}\t{reason}" for item, reason in skipped))
        publish(staging, output, [SKIPPED_FILE])
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


def choose(people: People, settings: GendataSettings) -> tuple[People, People]:
    """Known people (`min_items` or more) and strangers, each cut to the number wanted, chosen by hash."""
    known: People = {}
    strangers: People = {}
    for person in sorted(people, key=lambda person: _hash(settings.seed, "person", person)):
        enough = len(people[person]) >= settings.min_items
        group, limit = (known, settings.people) if enough else (strangers, settings.strangers)
        if limit in (None, -1) or len(group) < limit:
            group[person] = people[person]
    return known, strangers


def plan(known: People, strangers: People, settings: GendataSettings) -> list[Placed]:
    """A place for every item, sorted by clip name; labels are 1..n in the order of the people's names."""
    placed = []
    for label, person in enumerate(sorted(known), start=1):
        ranked = sorted(known[person], key=lambda item: _hash(settings.seed, "split", item.key))
        splits = _splits(len(ranked), settings.val_share, settings.test_share)
        placed += [Placed(item, split, label) for item, split in zip(ranked, splits, strict=True)]
    val_part = settings.val_share / (settings.val_share + settings.test_share)
    for item in (item for items in strangers.values() for item in items):
        in_val = _hash(settings.seed, "split", item.key) < val_part * 2**64
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
    check_output(output, overwrite, "gendata.py")


def _check_known(known: People, source: Path, settings: GendataSettings, unreadable: int) -> None:
    if not known:
        damaged = f" ({unreadable} unreadable)" if unreadable else ""
        raise InputError(
            f"--input {source}: no person has {settings.min_items} photographs or videos{damaged}; they must "
            f"lie in {source}/PERSON/, and --min-items sets how many are enough"
        )


def _check_identities(items: list[Item]) -> None:
    seen: dict[str, Item] = {}
    for item in items:
        other = seen.setdefault(item.identity, item)
        if other is not item:
            raise InputError(f"{item.path} and {other.path} get the same clip name by chance; rename one")


def _make(item: Item, folder: Path, settings: GendataSettings) -> tuple[Item, str | None]:
    """Make the clip of `item` as `folder`/IDENTITY; returns the item with None, or why it cannot be read."""
    seed = _hash(settings.seed, "motion", item.key)
    try:
        make_clip(item.path, folder / item.identity, settings.size, seed, settings.copy)
    except UnreadableError as error:
        return item, " ".join(str(error).split())
    return item, None


def _make_all(items: list[Item], staging: Path, settings: GendataSettings) -> tuple[People, list[tuple[Item, str]]]:
    """Make all clips in `staging`; returns what was made, by person, and what was not, with the reason."""
    job = partial(_make, folder=staging, settings=settings)
    made: People = {}
    skipped = []
    with mapper(min(settings.workers, len(items)), CHUNK) as run:
        for item, reason in tqdm(run(job, items), total=len(items), unit="clip", disable=None):
            if reason is None:
                made.setdefault(item.person, []).append(item)
            else:
                skipped.append((item, reason))
    return made, skipped
