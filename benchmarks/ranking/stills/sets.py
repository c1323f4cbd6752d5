"""Data sets in the iQIYI-VID layout: people, splits and difficulties.

People are distributed over the seeds by a hash, so that seeds share neither people nor photographs.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from rcnn.clips.dataset import NAMES_FILE, NOBODY_KNOWN, TEST, TRAIN, TRAIN_FILE, VAL, VAL_FILE
from rcnn.clips.layout import FOLDERS, LISTS, arrange, fresh, publish, write_lines
from rcnn.workers.mapping import mapper

from .clips import BETWEEN, HARD, RANGES, make_clip

SEEDS = 5
PEOPLE = 60  # known people, from those with at least SHORTEST photographs
SHORTEST, LONGEST = 4, 10  # photographs per known person; others are left out
TEST_SHARE, VAL_SHARE = 0.3, 0.2
# clips of nobody known in val, in test
STRANGERS = {"clean": (60, 90), "degraded": (60, 90), BETWEEN: (100, 150), HARD: (100, 150)}
FEW = 2  # maximum training clips per person in the lists of `few`, which have no val clips of known people
FEW_FOLDER = "few"


@dataclass(frozen=True)
class Placed:
    """A photograph with its position in the data set."""

    photo: Path
    companion: Path | None
    split: str
    label: int

    @property
    def name(self) -> str:
        """The clip's file name, which does not reveal the person."""
        return f"{self.split}_{hashlib.sha256(str(self.photo.name).encode()).hexdigest()[:12]}.mp4"


def number(seed: int, purpose: str, key: str) -> int:
    """A hash of the arguments, 0..2**64-1, equal on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}/{key}".encode()).digest()[:8], "big")


def plan(faces: Path, level: str, seed: int) -> list[Placed]:
    """The assignment of people. Each photograph is in one clip; strangers of val, strangers of test and companions are
    disjoint.

    Parameters
    ----------
    seed : 0 to `SEEDS` - 1
    """
    people = {folder.name: sorted(folder.glob("*.jpg")) for folder in sorted(faces.iterdir()) if folder.is_dir()}
    by_chance = sorted(people, key=lambda person: number(0, "person", person))
    known = [person for person in by_chance if len(people[person]) >= SHORTEST][seed::SEEDS][:PEOPLE]
    others = [person for person in by_chance if len(people[person]) < SHORTEST][seed::SEEDS]
    in_val, in_test = STRANGERS[level]
    companions = [people[person][0] for person in others[in_val + in_test :]]
    where = [(person, VAL, NOBODY_KNOWN) for person in others[:in_val]]
    where += [(person, TEST, NOBODY_KNOWN) for person in others[in_val : in_val + in_test]]
    chosen = [(people[person][0], split, label) for person, split, label in where]
    for label, person in enumerate(sorted(known), start=1):
        photos = sorted(people[person], key=lambda photo: number(seed, "photo", photo.name))[:LONGEST]
        test = round(TEST_SHARE * len(photos))
        val = round(VAL_SHARE * len(photos))
        for index, photo in enumerate(photos):
            chosen.append((photo, TEST if index < test else VAL if index < test + val else TRAIN, label))
    share = RANGES[level].companion
    placed = []
    for photo, split, label in chosen:
        beside = number(seed, "beside", photo.name) < share * 2**64
        companion = companions[number(seed, "who", photo.name) % len(companions)] if beside else None
        placed.append(Placed(photo, companion, split, label))
    return sorted(placed, key=lambda clip: clip.name)


def make_set(faces: Path, output: Path, level: str, seed: int, workers: int) -> None:
    """Write a data set, unless it exists. `output`/few is the same with FEW training clips per person."""
    if (output / FEW_FOLDER / LISTS).exists():
        return
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    clips = plan(faces, level, seed)
    staging = output / ".making"
    with fresh(staging), mapper(workers, 4) as run:
        list(run(_make, [(clip, staging, level, seed) for clip in clips]))
        labels = {clip.label: clip.photo.parent.name for clip in clips if clip.label != NOBODY_KNOWN}
        arrange(staging, clips, (clip.name for clip in clips), labels)
        publish(staging, output)
    _make_few(output, clips)


def _make(job: tuple[Placed, Path, str, int]) -> None:
    clip, folder, level, seed = job
    make_clip(folder / clip.name, clip.photo, clip.companion, level, number(seed, "motion", clip.photo.name))


def few_of(clips: list[Placed]) -> list[Placed]:
    """FEW training clips per person, all test clips, and the strangers of val."""
    kept: dict[int, int] = {}
    result = []
    for clip in clips:
        if clip.split == TRAIN:
            kept[clip.label] = kept.get(clip.label, 0) + 1
            if kept[clip.label] > FEW:
                continue
        if clip.split == VAL and clip.label != NOBODY_KNOWN:
            continue
        result.append(clip)
    return result


def _make_few(output: Path, clips: list[Placed]) -> None:
    few = output / FEW_FOLDER
    shutil.rmtree(few, ignore_errors=True)
    few.mkdir()
    for folder in sorted({folder.split("/")[0] for folder in FOLDERS.values()}):
        (few / folder).symlink_to(Path("..") / folder)
    shutil.copytree(output / LISTS, few / f"{LISTS}.part")
    kept = few_of(clips)
    write_lines(few / f"{LISTS}.part" / Path(NAMES_FILE).name, (clip.name for clip in kept))
    write_lines(few / f"{LISTS}.part" / Path(VAL_FILE).name, ())
    lines = (f"{clip.name} {clip.label}" for clip in kept if clip.split == TRAIN)
    write_lines(few / f"{LISTS}.part" / Path(TRAIN_FILE).name, lines)
    (few / f"{LISTS}.part").rename(few / LISTS)
