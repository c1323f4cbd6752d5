"""Photographs that become clips of a data set: where each goes, whether it shows a face, and how it gets there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import files
from ..clips.dataset import TRAIN, Clip
from ..clips.folder import ID_DIGITS
from ..clips.in_place import clip_name
from ..clips.layout import FOLDERS
from ..clips.listed import TO_THE_END, ListedClip
from ..clips.roster import Roster
from ..errors import InputError, UnreadableError
from ..files import write_bytes
from ..files.text import printable
from ..networks.engine import CPU
from ..networks.precision import FP32
from ..networks.zoo.roles import model_files
from ..tables.header import file_sums
from ..tables.moved import arguments_now
from ..video.photographs import ENDINGS, read_photograph
from .detect import DetectJob
from .find_summary import large_faces
from .run_folder import RunFolder
from .settings import DetectSettings

PHOTOGRAPHS = "photographs"  # folder of a data set: copies of photographs that were added
DEFAULT_ENDING = ".jpg"  # of a copy whose photograph has no known extension; readers look at the content


@dataclass(frozen=True)
class Enrolment:
    """A photograph on its way.

    given : its path
    clip : that it becomes
    place : file to create for it; None if it stays where it is
    link : whether that file is a link to it
    """

    given: Path
    clip: ListedClip
    place: Path | None
    link: bool

    def put(self) -> None:
        """Create its file; one that exists is the same photograph."""
        if self.place is None or os.path.lexists(self.place):
            return
        try:
            files.make_dir(str(self.place.parent))
            if self.link:
                os.symlink(self.given.absolute(), self.place)
            else:
                write_bytes(str(self.place), self.given.read_bytes())
        except OSError as error:
            raise InputError(f"{self.place}: can't be written: {error.strerror or error}") from None


def place_photographs(roster: Roster, paths: Sequence[Path], link: bool) -> list[Enrolment]:
    """Destinations of photographs, each once.

    A copy is named after its content, so a photograph that is added twice is one clip.

    Raises
    ------
    InputError
        If one can't be read.
    """
    found: dict[str, Enrolment] = {}
    for path in paths:
        try:
            read_photograph(path)
            digest = files.sha256(str(path))[:ID_DIGITS]
        except UnreadableError as error:
            raise InputError(f"{path}: can't be read as a photograph: {error}; give another") from None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}; give a photograph") from None
        ending = path.suffix.lower() if path.suffix.lower() in ENDINGS else DEFAULT_ENDING
        each = _enrolment(roster, path, f"{digest}{ending}", link)
        found.setdefault(each.clip.name, each)
    return list(found.values())


def _enrolment(roster: Roster, path: Path, name: str, link: bool) -> Enrolment:
    root = Path(roster.root).absolute()
    if roster.listed is None:
        lies = root / FOLDERS[TRAIN] / name
        return Enrolment(path, ListedClip(name, TRAIN, str(path.absolute() if link else lies)), lies, link)
    place = None if link else root / PHOTOGRAPHS / name
    source = str(place or path.absolute())
    return Enrolment(path, ListedClip(clip_name(source, 0.0), TRAIN, source, 0.0, TO_THE_END), place, link)


def check_faces(run: RunFolder, detection: str, dataset: str, photographs: Sequence[Enrolment]) -> Iterator[str]:
    """Look for faces as detect.py will; returns a line for each photograph that shows several large ones.

    Raises
    ------
    InputError
        If one shows no usable face.
    """
    settings = detect_settings(run, detection, dataset)
    if not photographs:
        return
    models = [path for model in (settings.detector, settings.model) if model for path in model_files(model)]
    finder = DetectJob(settings, file_sums(models)).build(settings.gpu if isinstance(settings.gpu, int) else None)
    clips = [Clip(each.clip.name, str(each.given.absolute()), TRAIN) for each in photographs]
    for each, found in zip(photographs, finder(clips), strict=True):
        if found.unreadable:
            raise InputError(f"{each.given}: {found.unreadable}; give another photograph")
        if not len(found.faces):
            why = (
                f"the best face has a quality of {found.qualities.max():.1f}, under {settings.quality_threshold:g}"
                if len(found.qualities)
                else "no face was found in it"
            )
            raise InputError(
                f"{each.given}: {why}; give a photograph with a face of 20 pixels or more, seen from the front"
            )
        large = large_faces(found.faces)
        if large > 1:
            yield (
                f"{each.given}: shows {large} large faces; the one most like the person's other photographs is used; "
                "in a single photograph, the large one near the middle"
            )


def detect_settings(run: RunFolder, detection: str, dataset: str) -> DetectSettings:
    """Those with which a directory of the run was made.

    Raises
    ------
    InputError
        If it was made of another data set.
    """
    named = arguments_now(run.stages[detection]["arguments"], run.path(detection)).get("dataset")
    if not isinstance(named, str) or not (os.path.exists(named) and files.same(named, dataset)):
        raise InputError(
            f"{run.path(detection)}: was made of {printable(str(named))[:200]}, and not of {dataset}; give --dataset "
            "that one; where the run was moved, make it again with find"
        )
    return run.settings(DetectSettings, detection, dataset=named, **on_cpu(run, detection))


def on_cpu(run: RunFolder, name: str) -> dict[str, Any]:
    """Settings that keep a few photographs on the CPU if its precision is enough: finding a GPU takes longer."""
    exact = run.stages[name]["arguments"].get("precision") in (None, FP32)
    return {"gpu": CPU, "workers": None, "ray": None} if exact else {}
