"""From a folder of people and some films to who is in view when: all stages in a row, with their usual tables."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field

from .. import files
from ..clips.names import find_people
from ..errors import InputError
from ..exports.appearances import write_file
from ..faces.licences import check_licences
from ..faces.quality import unknown_lines
from ..installation import as_called
from ..networks.engine import check_devices
from ..people.answers import read_given
from ..tables import MANIFEST, StageReader
from .answered import has_answers
from .appearances import appearances
from .detect import detect
from .feature import feature
from .find_places import Places, check_output, discard_all
from .find_set import FilmSet, make_set, skipped_lines, write_skipped
from .find_summary import check_films, check_people, summary
from .forgotten import check_none_under_way
from .genfeat import genfeat
from .loaded import forget_networks
from .predict import predict
from .run_folder import held
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
from .settings.clips import OFF, ON
from .settings.places import TEST, TRAINVAL
from .submit import submit
from .train import train_mlp

ALL_BAD = 100.0  # percentage of clips that may be unreadable: each is named, and none ends the run


def find(settings: FindSettings) -> None:
    """Run every stage that is not complete, and print who was found.

    Raises
    ------
    InputError
        If there are no people, no films, or the output contains something else, was made with other settings, or is
        being written by another process.
    """
    started = time.monotonic()
    check_licences(
        settings.licence,
        {"--detector": settings.detector, "--quality-model": settings.quality_model, "--model": settings.model},
        quality="--quality-model",
    )
    check_devices(settings.gpu)
    places = Places(settings.output)
    check_output(places)
    check_none_under_way(places.root, "--output")
    with held(places.root, "--output"):
        if settings.overwrite:
            discard_all(places)
        answers = has_answers(places.root)
        given = read_given(answers)
        found = make_set(settings, places.dataset, given)
        for line in (*found.lines, *unknown_lines(settings.quality_model, settings.quality_threshold)):
            print(line, flush=True)
        run = Run(settings, places, found, answers)
        run()
    shown = {**find_people(None, places.dataset), **given.names}
    for line in (*summary(places["appearances"], found.labels, places.root, shown), *run.notes):
        print(line)
    if found.forgotten:
        print(as_called(f"find: {found.forgotten}"))
    print(f"find: {time.monotonic() - started:.1f} s -> {places['report.html']}, {places['who.csv']}, who.json")
    both = f"{places['feat_trainval']},{places['feat_test']}"
    print(
        as_called(
            f"next: open {places['report.html']} in a browser; the same command adds new films and people; "
            f"python -m rcnn search --image PHOTO --features {both} searches for someone else"
        )
    )


@dataclass(frozen=True)
class Run:
    """The stages, in order.

    answers : file of the answers given at the desk, if there is one
    """

    settings: FindSettings
    places: Places
    found: FilmSet
    answers: str | None = None
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
                licence=own.licence,
                rate=own.rate,
                quality=own.quality,
                quality_threshold=own.quality_threshold,
                max_bad=ALL_BAD,
                vectors=ON if own.model == own.quality_model else OFF,
                renew=True,
                recipe=self.settings.recipe,
            )
        )

    def _people(self) -> None:
        lines = check_people(self.places["det_trainval"], self.found.people, self.settings.people)
        self.notes.extend(f"find: {line}" for line in lines)
        self._feature(TRAINVAL)

    def _faces(self) -> None:
        for path in self.places.results:  # at this point all outputs are known to match the settings
            files.discard(path)
        self._detect(TEST)

    def _films(self) -> None:
        bad = check_films(self.places["det_test"], self.settings.clips)
        write_skipped(self.places.root, sorted([*self.found.skipped, *bad]))
        self.notes.extend(f"find: {line}" for line in skipped_lines(bad))
        self._feature(TEST)
        forget_networks()

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
                licence=own.licence,
                renew=True,
                recipe=self.settings.recipe,
            )
        )

    def _genfeat(self) -> None:
        genfeat(
            GenfeatSettings(
                inputs=(self.places["feat_trainval"],),
                output=self.places["trainval"],
                dataset=self.places.dataset,
                answers=self.answers,
                answered=(self.places["feat_test"],) if self.answers else None,
                renew=True,
                recipe=self.settings.recipe,
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
            recipe=self.settings.recipe,
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
                recipe=self.settings.recipe,
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
            answers=self.answers,
            overwrite=_asked_otherwise(table, false_hits=self.settings.false_hits),
            renew=True,
        )
        appearances(wanted)
        for name in ("who.csv", "who.json"):
            written = write_file(table, self.places[name], frozenset(self.settings.verdicts))
            print(f"appearances: {written.count} of {table} -> {written.where}")

    def _submit(self) -> None:
        submit(
            SubmitSettings(
                inputs=(self.places["pred_test"],),
                output=self.places["submission.txt"],
                report=self.places["report.html"],
                appearances=self.places["appearances"],
                recipe=self.settings.recipe,
            )
        )


def _asked_otherwise(path: str, **arguments: object) -> bool:
    """Whether a stage directory was made with other values of some arguments, which are quick to apply."""
    if not files.is_file(files.join(path, MANIFEST)):
        return False
    try:
        was = StageReader(path, ("appearances",)).arguments
    except InputError:
        return True
    return any(was.get(name) != value for name, value in arguments.items())
