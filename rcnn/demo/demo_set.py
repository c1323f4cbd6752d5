"""A data set of people who do not exist, in the iQIYI-VID layout: known people, strangers, and scenes of nobody."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from ..clips.dataset import NOBODY_KNOWN, TEST, TRAIN, VAL
from ..clips.layout import FOLDERS, STAGING, arrange, check_output, fresh, publish
from ..errors import InputError
from ..video.motion import write_video
from ..workers.mapping import mapper
from ..workers.progress import progress
from .film import SIZE, draw_take, film_frames
from .person import DrawnPerson, PeopleModel, load_people
from .settings import MOST, DemoOptions

MAKER = "rcnn demo"
VAL_SHARE = TEST_SHARE = 0.25  # of a known person's clips, rounded; at least one is for the test, the rest to train
STRANGER_SPLITS = (VAL, TEST)  # a clip of each stranger in each
KNOWN, STRANGER = "person", "stranger"
ID_DIGITS = 12  # hexadecimal digits of a clip's name
OTHERS = MOST  # added to the number of a stranger, so that the face differs from all known people's
# People of the model in model/ whom benchmarks/people.py found as similar to a photograph as kin (a cosine of 0.45
# or more): seed and number, and the additional number with which they are drawn instead
REDRAWN = {(0, OTHERS + 2): 1}


@dataclass(frozen=True)
class DemoClip:
    """A clip to be made.

    person : number of the person, OTHERS and up for strangers; None for a scene without people
    take : its number among the person's clips
    split : train, val or test
    label : 1..n, or NOBODY_KNOWN
    name : file name, which does not reveal the person
    """

    person: int | None
    take: int
    split: str
    label: int
    name: str


@dataclass(frozen=True)
class DemoSummary:
    """What was made."""

    people: int
    strangers: int
    nobody: int
    clips: dict[str, int]  # by split
    seconds: float

    def __str__(self) -> str:
        count = sum(self.clips.values())
        splits = ", ".join(f"{split} {self.clips.get(split, 0)}" for split in FOLDERS)
        return (
            f"{self.people} people, {self.strangers} strangers, {self.nobody} clips of nobody; "
            f"{count} clips ({splits}), {self.seconds:.1f} s ({count / self.seconds:.1f} clips/s)"
        )


def plan_demo(options: DemoOptions) -> list[DemoClip]:
    """All clips, those of a person together."""
    test = max(1, round(options.clips * TEST_SHARE))
    val = min(round(options.clips * VAL_SHARE), options.clips - test - 1)
    splits = [TRAIN] * (options.clips - test - val) + [VAL] * val + [TEST] * test
    clips = [
        _clip(options.seed, person, take, split, person + 1)
        for person in range(options.people)
        for take, split in enumerate(splits)
    ]
    for number in range(options.strangers):
        for take, split in enumerate(STRANGER_SPLITS):
            clips.append(_clip(options.seed, OTHERS + number, take, split, NOBODY_KNOWN))
    for take in range(options.nobody):
        clips.append(_clip(options.seed, None, take, STRANGER_SPLITS[take % 2], NOBODY_KNOWN))
    return clips


def _clip(seed: int, person: int | None, take: int, split: str, label: int) -> DemoClip:
    identity = hashlib.sha256(f"{seed}\0{person}\0{take}".encode()).hexdigest()[:ID_DIGITS]
    return DemoClip(person, take, split, label, f"{Path(FOLDERS[split]).name}_{identity}.mp4")


def write_demo(options: DemoOptions) -> DemoSummary:
    """Write the data set into `options.output`; gt_v2 appears last and atomically.

    Raises
    ------
    InputError
        If the model can't be read, or the output contains something else or can't be written.
    """
    start = time.monotonic()
    output = options.output.resolve()
    staging = output / STAGING
    clips = plan_demo(options)
    try:
        check_output(output, options.overwrite, MAKER)
        _model(options.model)  # errors in it are reported before anything is written
        with fresh(staging):
            job = partial(make_demo_clip, folder=staging, seed=options.seed, model=options.model)
            # a chunk is a person's clips, so that no two processes draw the same face
            with mapper(min(options.workers, len(clips)), options.clips) as run:
                for _ in progress(run(job, clips), what="demo", unit="clip", total=len(clips)):
                    pass
            names = {number: f"{KNOWN}{number:03d}" for number in range(1, options.people + 1)}
            clips.sort(key=lambda clip: clip.name)
            arrange(staging, clips, (clip.name for clip in clips), names)
        publish(staging, output)
    except BrokenExecutor as error:
        raise InputError("a worker process died, perhaps for lack of memory; try --workers 1") from error
    except OSError as error:
        raise InputError(
            f"{error.filename or output}: {error.strerror or error}; the data set in {output} is not complete"
        ) from error
    by_split = dict(Counter(clip.split for clip in clips))
    return DemoSummary(options.people, options.strangers, options.nobody, by_split, time.monotonic() - start)


def make_demo_clip(clip: DemoClip, folder: Path, seed: int, model: str) -> None:
    """Make a clip as `folder`/NAME."""
    person = None if clip.person is None else _person(model, seed, clip.person)
    take = draw_take(seed, OTHERS * 2 if clip.person is None else clip.person, clip.take)
    write_video(folder / clip.name, film_frames(person, take), SIZE, take.crf)


@lru_cache(maxsize=1)
def _model(model: str) -> PeopleModel:
    return load_people(model)


@lru_cache(maxsize=4)
def _person(model: str, seed: int, number: int) -> DrawnPerson:
    again = (REDRAWN[seed, number],) if (seed, number) in REDRAWN else ()
    return _model(model).person(seed, number, *again)
