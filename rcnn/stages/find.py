"""A folder of people and some films to who is in view when: all stages in a row, with the tables of always."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field

from .. import files
from ..clips.in_place import is_in_place
from ..errors import InputError
from ..exports.appearances import write_file
from ..files.lock import LOCK, take_lock
from ..files.text import check_utf8
from ..networks.checkpoint import checkpoint_files
from ..tables import MANIFEST, StageReader
from ..tables.header import discard
from .appearances import appearances
from .detect import detect
from .feature import feature
from .find_set import SKIPPED_FILE, FilmSet, make_set, skipped_lines, write_skipped
from .find_summary import check_films, check_people, summary
from .forgotten import check_none_under_way
from .genfeat import genfeat
from .predict import predict
from .recipes import BEST
from .settings import (
    AppearancesSettings,
    DetectSettings,
    FeatureSettings,
    FindSettings,
    GenfeatSettings,
    PredictSettings,
    SubmitSettings,
    TrainSettings,
)
from .settings.places import TEST, TRAINVAL
from .submit import submit
from .train import train_mlp

ALL_BAD = 100.0  # per cent of clips that may be unreadable: each is named, and none ends the run


@dataclass(frozen=True)
class Places:
    """Where everything lies in an output; the names are those that run.sh gives."""

    root: str

    def __getitem__(self, name: str) -> str:
        return os.path.join(self.root, name)

    @property
    def dataset(self) -> str:
        return os.path.abspath(self["dataset"])

    @property
    def log(self) -> str:
        return self["log"]

    @property
    def stages(self) -> list[str]:
        """Directories of stages."""
        parts = [f"{stage}_{part}" for stage in ("det", "feat") for part in (TRAINVAL, TEST)]
        return [self[name] for name in (*parts, TRAINVAL, f"pred_{TEST}", "appearances")]

    @property
    def classifier(self) -> str:
        return self["iqiyi"]

    @property
    def results(self) -> list[str]:
        """What people look at."""
        return [self[name] for name in ("who.csv", "who.json", "report.html", "submission.txt")]


def find(settings: FindSettings) -> None:
    """Run everything that is not done yet, and print who was found.

    Raises
    ------
    InputError
        If there are no people, no films, or the output holds something else, was made with other settings, or is being
        written by another process.
    """
    started = time.monotonic()
    places = Places(settings.output)
    _check_output(places)
    with _held(places):
        if settings.overwrite:
            _discard(places)
        found = make_set(settings, places.dataset)
        for line in found.lines:
            print(line, flush=True)
        run = Run(settings, places, found)
        run()
    for line in (*summary(places["appearances"], found.labels), *run.notes):
        print(line)
    print(f"find: {time.monotonic() - started:.1f} s -> {places['report.html']}, {places['who.csv']}, who.json")
    print(
        f"next: open {places['report.html']} in a browser; the same command takes in new films and people; "
        f"python -m rcnn search --image PHOTO --features {places['feat_test']} looks for somebody else"
    )


@dataclass(frozen=True)
class Run:
    """The stages, in order."""

    settings: FindSettings
    places: Places
    found: FilmSet
    notes: list[str] = field(default_factory=list)  # about photographs of people

    def __call__(self) -> None:
        steps: list[tuple[str, Callable[[], None]]] = [
            ("faces in the photographs", lambda: self._detect(TRAINVAL)),
            ("vectors of the people", self._people),
            ("faces in the films", self._faces),
            ("vectors of the films", self._films),
            ("training set", self._genfeat),
            ("classifier", self._train),
            ("scores", self._predict),
            ("appearances", self._appearances),
            ("ranking and page", self._submit),
        ]
        files.make_dir(self.places.log)
        log = os.path.join(self.places.log, "find.log")
        with files.create(log) as raw, open(os.dup(raw.fileno()), "w", errors="backslashreplace", buffering=1) as text:
            for number, (title, step) in enumerate(steps, 1):
                print(f"find: {number} of {len(steps)}, {title}", flush=True)
                with redirect_stdout(text):
                    print(f"{number} of {len(steps)}, {title}", flush=True)
                    step()

    def _detect(self, part: str) -> None:
        own = self.settings
        detect(
            DetectSettings(
                model=own.quality_model,
                detector=own.detector,
                output=self.places[f"det_{part}"],
                dataset=self.places.dataset,
                stage=part,
                gpu=own.gpu,
                workers=own.workers,
                precision=own.precision,
                rate=own.rate,
                quality=own.quality,
                quality_threshold=own.quality_threshold,
                max_bad=ALL_BAD,
                renew=True,
                recipe=BEST,
            )
        )

    def _people(self) -> None:
        lines = check_people(self.places["det_trainval"], self.found.people, self.settings.people)
        self.notes.extend(f"find: {line}" for line in lines)
        self._feature(TRAINVAL)

    def _faces(self) -> None:
        for path in self.places.results:  # by now it is known that everything goes on with the same settings
            files.discard(path)
        self._detect(TEST)

    def _films(self) -> None:
        bad = check_films(self.places["det_test"], self.settings.clips)
        write_skipped(self.places.root, sorted([*self.found.skipped, *bad]))
        self.notes.extend(f"find: {line}" for line in skipped_lines(bad))
        self._feature(TEST)

    def _feature(self, part: str) -> None:
        own = self.settings
        feature(
            FeatureSettings(
                model=own.model,
                input=self.places[f"det_{part}"],
                output=self.places[f"feat_{part}"],
                gpu=own.gpu,
                workers=own.workers,
                precision=own.precision,
                renew=True,
                recipe=BEST,
            )
        )

    def _genfeat(self) -> None:
        inputs = (self.places["feat_trainval"],)
        genfeat(
            GenfeatSettings(
                inputs=inputs, output=self.places["trainval"], dataset=self.places.dataset, renew=True, recipe=BEST
            )
        )

    def _train(self) -> None:
        train_mlp(self._training)

    @property
    def _training(self) -> TrainSettings:
        return TrainSettings(
            data=self.places["trainval"],
            prefix=self.places.classifier,
            gpu=self.settings.first_gpu,
            renew=True,
            recipe=BEST,
        )

    def _predict(self) -> None:
        predict(
            PredictSettings(
                model=f"{self.places.classifier},{self._training.last_epoch}",
                inputs=(self.places["feat_test"],),
                output=self.places["pred_test"],
                gpu=self.settings.gpu,
                workers=self.settings.workers,
                renew=True,
                recipe=BEST,
            )
        )

    def _appearances(self) -> None:
        table = self.places["appearances"]
        wanted = AppearancesSettings(
            features=self.places["feat_test"],
            faces=self.places["det_test"],
            known=(self.places["feat_trainval"],),
            output=table,
            dataset=self.places.dataset,
            false_hits=self.settings.false_hits,
            overwrite=_asked_otherwise(table, false_hits=self.settings.false_hits),
            renew=True,
        )
        appearances(wanted)
        for name in ("who.csv", "who.json"):
            count = write_file(table, self.places[name], frozenset(self.settings.verdicts))
            print(f"appearances: {count} of {table} -> {self.places[name]}")

    def _submit(self) -> None:
        submit(
            SubmitSettings(
                inputs=(self.places["pred_test"],),
                output=self.places["submission.txt"],
                report=self.places["report.html"],
                appearances=self.places["appearances"],
                recipe=BEST,
            )
        )


def _asked_otherwise(path: str, **arguments: object) -> bool:
    """Whether a stage directory was made with other values of some arguments, which take no time to follow."""
    if not files.is_file(files.join(path, MANIFEST)):
        return False
    try:
        was = StageReader(path, ("appearances",)).arguments
    except InputError:
        return True
    return any(was.get(name) != value for name, value in arguments.items())


def _check_output(places: Places) -> None:
    """Refuse a place where something else lies."""
    check_utf8(places.root, "--output")
    if os.path.exists(places.root) and not os.path.isdir(places.root):
        raise InputError(f"--output {places.root}: is a file; give another name")
    if not os.path.isdir(places.root) or is_in_place(places.dataset):
        check_none_under_way(places.root)
        return
    ours = {LOCK, os.path.basename(places.log), os.path.basename(places.dataset), SKIPPED_FILE}
    foreign = sorted({*os.listdir(places.root)} - ours)
    if foreign or os.path.isdir(places.dataset):
        raise InputError(
            f"--output {places.root}: holds {(foreign or ['dataset'])[0]!r}, which no find made; give another folder"
        )


@contextmanager
def _held(places: Places) -> Iterator[None]:
    """One run at a time in an output."""
    try:
        files.make_dir(places.root)
        lock = take_lock(places[LOCK], places.root, "--output")
    except OSError as error:
        raise InputError(f"--output {places.root}: can't be written: {error.strerror or error}") from None
    try:
        yield
        lock.check()
    finally:
        lock.release()


def _discard(places: Places) -> None:
    """Make what an earlier run left count no more, but for the labels of people."""
    for path in places.stages:
        discard(path)
    prefix = places.classifier
    for path in (checkpoint_files(f"{prefix},{TrainSettings().last_epoch}")[1], f"{prefix}-training.params"):
        files.discard(path)
