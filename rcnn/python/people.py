"""Who of some known people is in view in videos and photographs, from when to when."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np

from ..clips.gather import gather
from ..clips.known import known_people
from ..errors import ArgumentError, InputError
from ..faces.alignment import align_faces
from ..faces.choice import central_face
from ..faces.finding import find_faces
from ..people.appearances import Appearance
from ..scores.verdicts import VERDICTS
from ..stages.one_video import KnownPeople, find_in_one
from .checks import Path, check_number, check_path, check_paths, kind_of, python_errors
from .finder import SCORE, FaceFinder
from .images import as_bgr
from .models import quality_of

if TYPE_CHECKING:
    from .images import Image

    People = Path | Mapping[str, Image | Sequence[Image]]

EXAMPLE = "{'Ada': ['ada-1.jpg', 'ada-2.jpg'], ...}, or a folder with NAME.jpg or NAME/*.jpg"
NO_FACE = "no face was found in it; give a photograph with a face of 20 pixels or more, seen from the front"
MOST_HITS = 1000.0
HITS = "false hits of 1,000 videos"


def find_people(
    people: People,
    paths: Path | Sequence[Path],
    *,
    finder: FaceFinder | None = None,
    verdicts: Sequence[str] = VERDICTS[:2],
    false_hits: float = 1.0,
    min_quality: float | None = None,
    colour: str | None = None,
) -> Iterator[Appearance]:
    """Who is in view in videos and photographs, from when to when.

    The people are learnt first; then the files are processed one at a time, and each file's appearances are yielded as
    soon as it is done. Unreadable files are left out with a warning, unless there is only one.

    Parameters
    ----------
    people : a photograph or several, as `FaceFinder.get` takes them, by the name of the person; or a folder with
        `NAME.jpg` or `NAME/*.jpg` for each person. In a photograph the large face near the middle is used.
    paths : a video, a photograph, a folder of them, or a list of such
    finder : with the models that are used; None for the default ones
    verdicts : what is given: some of "yes", "maybe", and "no" for somebody who is like a person and is not
    false_hits : videos of 1,000 without any of the people that may get a "yes" for one
    min_quality : smallest quality of a face in a video, see `Face`; None for the model's own
    colour : "bgr" or "rgb", the order of photographs that are arrays

    Yields
    ------
    `Appearance` with `source`, `person`, `start` and `end` in seconds, `time` and `box` of the best face, `cosine`,
    `probability` and `verdict`, file by file in the order of `start`.

    Raises
    ------
    ArgumentError
        If nobody is named, a photograph that is named can't be read or shows no face, or there is no file.
    """
    with python_errors():
        false_hits = check_number(false_hits, "false_hits", 1e-6, MOST_HITS, HITS)
        wanted = _verdicts(verdicts)
        if min_quality is not None:
            min_quality = check_number(min_quality, "min_quality", 0, 1e6, "as Face.quality")
        if finder is not None and not isinstance(finder, FaceFinder):
            raise ArgumentError(f"finder: is {kind_of(finder)}; give a FaceFinder, or leave it out")
        if not isinstance(people, Mapping | str | os.PathLike):
            raise ArgumentError(f"people: is {kind_of(people)}; give {EXAMPLE}")
        files = _files(check_paths(paths, "paths", "videos or folders of them"), people)
        finder = finder or FaceFinder()
        known = _known(people, finder, colour)
    return _appearances(files, known, finder, wanted, false_hits, min_quality)


def _appearances(
    files: Sequence[str],
    known: KnownPeople,
    finder: FaceFinder,
    verdicts: frozenset[str],
    false_hits: float,
    min_quality: float | None,
) -> Iterator[Appearance]:
    least = quality_of(finder.embedding, finder.quality == SCORE) if min_quality is None else min_quality
    detector, embedder = finder.networks
    rated = None if finder.quality == SCORE else embedder
    for path in files:
        try:
            with python_errors():
                found = list(find_in_one(path, known, detector, embedder, rated, least, false_hits))
        except InputError as error:
            if len(files) == 1:
                raise
            warnings.warn(f"{error}; it is left out", stacklevel=3)
            continue
        yield from (item for item in found if item.verdict in verdicts)


def _files(paths: Sequence[str], people: Any) -> list[str]:
    """The files to look at, without those of a folder of people."""
    for path in paths:
        if not os.path.exists(path) and "://" not in path and not any(mark in path for mark in "*?["):
            raise ArgumentError(f"paths {path}: there is no such file or folder; give videos, or folders of them")
    folder = [os.fspath(people)] if isinstance(people, str | os.PathLike) else []
    gathered = gather(paths, folder)
    if gathered.skipped and len(gathered.found) != 1:
        more = f", and {len(gathered.skipped) - 1} others" if len(gathered.skipped) > 1 else ""
        warnings.warn(f"paths {gathered.skipped[0].file}: {gathered.skipped[0]}{more}; left out", stacklevel=4)
    if not gathered.found:
        raise ArgumentError(f"paths {', '.join(paths)}: no video and no photograph is there; give a folder with some")
    return [file.path for file in gathered.found]


def _verdicts(given: Any) -> frozenset[str]:
    wanted = [given] if isinstance(given, str) else list(given)
    if not wanted or not all(each in VERDICTS for each in wanted):
        raise ArgumentError(f"verdicts: is {given!r}; give some of {', '.join(VERDICTS)}")
    return frozenset(wanted)


def _known(people: People, finder: FaceFinder, colour: str | None) -> KnownPeople:
    if isinstance(people, Mapping):
        crops = {
            _name(name): [_crop(image, finder, colour, f"people[{name!r}]") for image in _photographs(name, images)]
            for name, images in people.items()
        }
        if not crops:
            raise ArgumentError(f"people: names nobody; give {EXAMPLE}")
    else:
        crops = _of_folder(FilePath(check_path(people, "people", EXAMPLE)), finder)
    return KnownPeople.of_crops(crops, finder.networks[1], finder.embedding)


def _of_folder(folder: FilePath, finder: FaceFinder) -> dict[str, list[np.ndarray]]:
    """Crops of each person; what shows no face is left out with a warning."""
    if folder.is_file():
        raise ArgumentError(f"people {folder}: is a file; give {EXAMPLE}")
    crops: dict[str, list[np.ndarray]] = {}
    for person, found in known_people(folder)[0].items():
        for file in found:
            try:
                crops.setdefault(person, []).append(_crop(file.path, finder, None, "people"))
            except ArgumentError as error:
                warnings.warn(f"{error}; it is left out", stacklevel=5)
    left = {person: mine for person, mine in crops.items() if mine}
    if not left:
        raise ArgumentError(f"people {folder}: no photograph there shows a face; give {EXAMPLE}")
    return left


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ArgumentError(f"people: {name!r} is not a name; give {EXAMPLE}")
    return name


def _photographs(name: str, images: Any) -> Sequence[Any]:
    """The photographs of a person as a list, at least one."""
    single = isinstance(images, str | os.PathLike | bytes | np.ndarray) or not isinstance(images, Sequence)
    found = [images] if single else list(images)
    if not found:
        raise ArgumentError(f"people[{name!r}]: has no photograph; give {EXAMPLE}")
    return found


def _crop(image: Any, finder: FaceFinder, colour: str | None, name: str) -> np.ndarray:
    """The large face near the middle of a photograph, aligned: (112, 112, 3) uint8, BGR."""
    array = as_bgr(image, colour, name)
    faces = find_faces(array, finder.networks[0], finder.threshold)
    if not len(faces):
        where = f" {os.fspath(image)}" if isinstance(image, str | os.PathLike) else ""
        raise ArgumentError(f"{name}{where}: {NO_FACE}")
    central = central_face(faces, array.shape[1], array.shape[0])
    return align_faces(array, faces.landmarks[central : central + 1])[0]
