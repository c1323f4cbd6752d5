"""A data set in the iQIYI-VID layout, made from a folder of photographs and videos of people.

Every choice depends on a hash of (seed, person, file name), so an item keeps its clip and its split whatever else the
folder contains; see `rcnn.clips.splits` for the two exceptions. A person keeps their label; see `rcnn.clips.given`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from ..clips.dataset import NOBODY_KNOWN, TEST, TRAIN, VAL
from ..clips.folder import LOOSE, NEITHER, NOT_CHOSEN, UNREADABLE, Item, People, Skipped, check_people, scan
from ..clips.given import give_labels, names_now, person_name, read_given, write_given
from ..clips.layout import FOLDERS, LISTS, STAGING, arrange, check_output, fresh, publish, write_lines
from ..clips.levels import below_people, check_not_above, folders_inside, notes
from ..clips.names import printable
from ..clips.sources import write_sources
from ..clips.splits import Shares, read_splits, split_items, write_splits
from ..clips.suppressed import forgotten_line, read_kept
from ..errors import InputError, UnreadableError
from ..files.text import counted, counted_people
from ..installation import as_called
from ..video.motion import make_clip
from ..video.opening import NO_VIDEO
from ..workers.mapping import mapper
from ..workers.progress import progress
from .made_items import Made, changes, check_arguments, clips_there, read_made, same_items, take_over
from .settings import GendataSettings

SKIPPED_FILE = "skipped.txt"

CHUNK = 4  # items in a worker's job
NAMED = 3  # skipped files that the summary names for each reason


@dataclass(frozen=True)
class Placed:
    """An item with its place in the data set."""

    item: Item
    split: str  # TRAIN, VAL or TEST
    label: int  # 1 or more, or NOBODY_KNOWN

    @property
    def name(self) -> str:
        """The clip's file name. All videos are named .mp4, whatever the container: readers look at the content."""
        return f"{Path(FOLDERS[self.split]).name}_{self.item.identity}.mp4"


@dataclass(frozen=True)
class Summary:
    """What `generate` made."""

    people: int
    strangers: int
    clips: dict[str, int]  # by split
    skipped: list[Skipped]
    untrained: list[str]  # people with nothing in train
    seconds: float

    def __str__(self) -> str:
        used = sum(self.clips.values())
        splits = ", ".join(f"{split} {self.clips.get(split, 0)}" for split in FOLDERS)
        lines = [
            f"{counted_people(self.people)}, {counted(self.strangers, 'stranger')}, {counted(used, 'clip')} "
            f"({splits}), {self.seconds:.1f} s ({used / self.seconds:.1f} clips/s)",
            f"{counted(used + len(self.skipped), 'file')}: {used} used, {len(self.skipped)} skipped"
            + (f"; {SKIPPED_FILE} in the output names them" if self.skipped else ""),
        ]
        for reason, count in Counter(skip.reason for skip in self.skipped).most_common():
            named = [printable(skip.file) for skip in self.skipped if skip.reason == reason][:NAMED]
            lines.append(f"  {reason}: {count} ({', '.join(named)}{', ...' if count > NAMED else ''})")
        if self.untrained:
            names = ", ".join(printable(person) for person in self.untrained)
            lines.append(
                f"no item in train: {names}. Their earlier training items are gone, and the other items keep their "
                "split; "
                "add photographs, or give another --output"
            )
        return "\n".join(lines)


def generate(settings: GendataSettings) -> Summary | None:
    """Write a data set in the iQIYI-VID layout into the output, made of the input's PERSON/FILE.

    An output that was made from the same inputs is kept, a line says so, and the result is None. One that was made with
    the same arguments from other files keeps the clips of unchanged files.

    Besides the real data set's files there are `gt_v2/test_v2.txt` (the truth about the test part, in the form of
    val_v2.txt), `gt_v2/names.txt` (`LABEL PERSON` a line), `gt_v2/labels.csv` (see `rcnn.clips.given`),
    `gt_v2/sources.txt` (see `rcnn.clips.sources`), `gt_v2/splits.json` (see `rcnn.clips.splits`), `gt_v2/made.json`
    (see `rcnn.stages.made_items`) and `skipped.txt` (`FILE<tab>REASON` a line, every file of the input that no clip was
    made of). gt_v2 appears last and atomically: a folder that has it is complete.

    Raises InputError if the input contains nothing usable, or the output contains something else or can't be written.
    """
    start = time.monotonic()
    source, output = settings.input.resolve(), settings.output.resolve()
    staging = output / STAGING
    shares = Shares(settings.seed, settings.val_share, settings.test_share)
    check_people(source)
    try:
        was = None if settings.overwrite else read_made(output)
        _check_output(source, output, settings.overwrite or was is not None or _is_half_made(output))
        kept = read_splits(output, shares)
        given = _given(output)
        everybody, skipped = scan(source)
        suppressed = read_kept(output)
        gone = suppressed.among(everybody, given)
        people = {person: mine for person, mine in everybody.items() if person not in gone}
        if gone:
            line = forgotten_line(gone, f"--input {source}", "RUN", "the same command")
            print(as_called(f"gendata.py: {line}"), flush=True)
        chosen = choose(people, settings)
        _check_level(people, source)
        _check_known(chosen[0], people, source, settings, skipped)
        items = sorted(item for group in chosen for mine in group.values() for item in mine)
        _check_identities(items)
        now = Made.of(settings, source, items, skipped)
        same: dict[str, Path] = {}
        if was is not None:
            check_arguments(output, was, now)
            there = clips_there(output)
            if was == replace(now, clips=was.clips) and there.keys() >= set(was.clips):
                print(f"gendata.py: {output} is complete and was made from the same inputs; it is kept", flush=True)
                return None
            same = same_items(was, now, there)
            print(f"gendata.py: {output}: {changes(was, now, len(same))}", flush=True)
        with fresh(staging):
            made, unreadable = _make_all(items, staging, settings, same)
            # Again, over the readable items: a person with too few of them is a stranger.
            known, strangers = choose(made, settings)
            skipped += unreadable
            _check_known(known, people, source, settings, skipped)
            labels = give_labels(given, known)
            names = names_now(labels, set(map(person_name, known)))
            placed = plan(known, strangers, settings, kept, labels)
            done = {clip.item.key for clip in placed} | {skip.file for skip in unreadable}
            skipped += _not_chosen(people, {**chosen[0], **chosen[1]}, done, settings)
            arrange(staging, placed, (clip.item.identity for clip in placed), names)
            write_splits(staging, shares)
            now.write(staging, (clip.item.identity for clip in placed))
            write_given(str(staging), labels)
            suppressed.write(str(staging))
            write_sources(staging, {clip.name: clip.item.path for clip in placed})
            skipped.sort()
            write_lines(staging / SKIPPED_FILE, (f"{' '.join(skip.file.split())}\t{skip}" for skip in skipped))
        publish(staging, output, [SKIPPED_FILE])
    except BrokenExecutor as error:
        raise InputError("a worker process died, perhaps for lack of memory; try --workers 1") from error
    except OSError as error:
        raise InputError(
            f"{error.filename or output}: {error.strerror or error}; the data set in {output} is not complete"
        ) from error
    clips = dict(Counter(clip.split for clip in placed))
    trained = {clip.item.person for clip in placed if clip.split == TRAIN}
    untrained = sorted(known.keys() - trained)
    return Summary(len(known), len(strangers), clips, skipped, untrained, time.monotonic() - start)


def choose(people: People, settings: GendataSettings) -> tuple[People, People]:
    """Known people (`min_items` or more) and strangers, each limited to the requested number, chosen by hash."""
    known: People = {}
    strangers: People = {}
    for person in sorted(people, key=lambda person: _hash(settings.seed, "person", person)):
        enough = len(people[person]) >= settings.min_items
        group, limit = (known, settings.people) if enough else (strangers, settings.strangers)
        if limit in (None, -1) or len(group) < limit:
            group[person] = people[person]
    return known, strangers


def plan(
    known: People,
    strangers: People,
    settings: GendataSettings,
    kept: Mapping[str, str] | None = None,
    labels: Mapping[str, int] | None = None,
) -> list[Placed]:
    """The split, label and clip name of every item, sorted by clip name.

    Parameters
    ----------
    kept : splits of items, by identity, that an earlier data set has, see `split_items`
    labels : of the known people by name; None for 1..n in the order of names
    """
    labels = give_labels({}, known) if labels is None else labels
    placed = []
    shares = Shares(settings.seed, settings.val_share, settings.test_share)
    mine = [{item.identity: _share(settings.seed, item) for item in items} for items in known.values()]
    splits = split_items(mine, kept or {}, shares)
    for person, items in known.items():
        placed += [Placed(item, splits[item.identity], labels[person_name(person)]) for item in items]
    val_part = settings.val_share / (settings.val_share + settings.test_share)
    for item in (item for items in strangers.values() for item in items):
        split = VAL if _share(settings.seed, item) < val_part else TEST
        placed.append(Placed(item, split, NOBODY_KNOWN))
    return sorted(placed, key=lambda clip: clip.name)


def _not_chosen(people: People, chosen: People, done: set[str], settings: GendataSettings) -> list[Skipped]:
    """The items of people whom --people and --strangers leave out.

    Parameters
    ----------
    chosen : whose items were tried
    done : items that were used, or skipped for another reason, by name
    """
    skipped = []
    for person, items in people.items():
        known = person not in chosen and len(items) >= settings.min_items
        limit = f"--people {settings.people}" if known else f"--strangers {settings.strangers}"
        skipped += [Skipped(item.key, NOT_CHOSEN, limit) for item in items if item.key not in done]
    return skipped


def _share(seed: int, item: Item) -> float:
    """The number, 0 to 1, that decides an item's split."""
    return _hash(seed, "split", item.key) / 2**64


def _hash(seed: int, purpose: str, key: str) -> int:
    """A number in 0..2**64-1; `purpose` keeps choices about the same item apart."""
    data = os.fsencode(f"{seed}\0{purpose}\0{key}")
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def _given(output: Path) -> dict[str, int]:
    """The labels assigned there, even if a run ended while it published."""
    return read_given(str(output)) or read_given(str(output / STAGING))


def _is_half_made(output: Path) -> bool:
    """Whether a run ended there while it published."""
    return (output / STAGING).exists() and not (output / LISTS).exists()


def _check_output(source: Path, output: Path, overwrite: bool) -> None:
    if output == source or output in source.parents:
        raise InputError(f"--output {output} contains the input; choose another folder")
    check_output(output, overwrite, "gendata.py")


def _check_level(people: People, source: Path) -> None:
    """Refuse a folder with a single person that seems to contain people; where there are several, only say so: a
    person's folder may contain one for each year."""
    inside = {person: folders_inside(item.file for item in items) for person, items in people.items()}
    if len(inside) == 1:
        check_not_above(source, "--input", inside)
    for line in notes(inside, "--input", {person: source / person for person in inside}):
        print(f"gendata.py: {line}", flush=True)


def _check_known(
    known: People, people: People, source: Path, settings: GendataSettings, skipped: Sequence[Skipped]
) -> None:
    if not known:
        reasons = Counter(skip.reason for skip in skipped)
        left_out = "".join(f"; {count} skipped ({reason})" for reason, count in reasons.most_common())
        if not people and any(skip.reason == LOOSE for skip in skipped):
            raise below_people(source, "--input")
        raise InputError(
            f"--input {source}: no person has {settings.min_items} photographs or videos{left_out}; they must "
            f"lie in {source}/PERSON/, and --min-items sets how many are enough"
        )


def _check_identities(items: list[Item]) -> None:
    seen: dict[str, Item] = {}
    for item in items:
        other = seen.setdefault(item.identity, item)
        if other is not item:
            raise InputError(f"{item.path} and {other.path} happen to get the same clip name; rename one")


def _make(item: Item, folder: Path, settings: GendataSettings) -> Skipped | None:
    """Make the clip of `item` as `folder`/IDENTITY; None, or why there is none."""
    seed = _hash(settings.seed, "motion", item.key)
    clip = folder / item.identity
    try:
        make_clip(item.path, clip, settings.size, seed, settings.copy)
        # with its file's time: detect.py then takes a clip that is rebuilt from the same file as unchanged
        if not clip.is_symlink():
            made = item.path.stat()
            os.utime(clip, ns=(made.st_mtime_ns, made.st_mtime_ns))
    except UnreadableError as error:
        if str(error) == NO_VIDEO:
            return Skipped(item.key, NEITHER)
        return Skipped(item.key, UNREADABLE, " ".join(str(error).split()))
    return None


def _make_all(
    items: list[Item], staging: Path, settings: GendataSettings, same: Mapping[str, Path]
) -> tuple[People, list[Skipped]]:
    """Make all clips in `staging`, except those of `same`; returns what was made, by person, and what was not."""
    job = partial(_make, folder=staging, settings=settings)
    skipped: dict[str, Skipped] = {}
    left = [item for item in items if item.identity not in same]
    for identity, clip in same.items():
        take_over(clip, staging / identity)
    with mapper(max(1, min(settings.workers, len(left))), CHUNK) as run:
        results = progress(run(job, left), what="gendata", unit="clip", total=len(left))
        for item, skip in zip(left, results, strict=True):
            if skip is not None:
                skipped[item.identity] = skip
    made: People = {}
    for item in items:
        if item.identity not in skipped:
            made.setdefault(item.person, []).append(item)
    return made, list(skipped.values())
