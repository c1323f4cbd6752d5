"""The data sets of a draw on disk, referenced in place, and their faces, detected once per pair of models.

FOLDER/SIDE/sizes.json
FOLDER/SIDE/DRAW/teach/gt_v2             training clips: train with labels, val without
FOLDER/SIDE/DRAW/LEVEL/films, gt_v2      films, and their clips with ground truth
FOLDER/SIDE/DRAW/MODELS/teach, LEVEL     detect.py's output with all faces, whatever their quality
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.models import own_models, published_models
from rcnn.clips.dataset import TEST, TRAIN, TRAIN_FILE, VAL, VAL_FILE
from rcnn.clips.layout import LISTS, PEOPLE_FILE, TEST_FILE, write_lines
from rcnn.clips.listed import ListedClip, write_listed
from rcnn.faces.load import load_detector
from rcnn.networks.engine import CPU
from rcnn.stages.detect import detect
from rcnn.stages.recipes import BEST
from rcnn.stages.settings import DetectSettings
from rcnn.tables import MANIFEST

from .people import DRAWS, Cast, Piece, draw_cast, number, read_photographs, read_videos
from .render import LEVELS, Sizes, render
from .script import Film, FilmClip, cut_clips, write_films

TEACH = "teach"
QUALITY = 4.0  # quality threshold, chosen on the side for choosing
MODELS = {"published": published_models(QUALITY), "own": own_models(QUALITY)}


def folder_name(level: str) -> str:
    return level.replace(" ", "-")


@dataclass(frozen=True)
class Draw:
    """A draw of a side; `shared` contains faces and realvideo, `folder` all output."""

    shared: Path
    folder: Path
    side: str
    number: int

    @property
    def place(self) -> Path:
        return self.folder / self.side / str(self.number)

    @cached_property
    def cast(self) -> Cast:
        videos = self.shared / "realvideo"
        return draw_cast(
            read_videos(videos), read_photographs(self.shared / "faces"), self.side, self.number, videos.resolve()
        )

    @cached_property
    def films(self) -> list[Film]:
        return write_films(self.cast, self.side, self.number)

    @cached_property
    def clips(self) -> list[FilmClip]:
        return [clip for film in self.films for clip in cut_clips(film)]

    def faces(self, models: str, part: str) -> Path:
        """The detect directory of a level's films, or of `TEACH`."""
        return self.place / models / folder_name(part)

    def make(self, levels: Sequence[str] = LEVELS) -> None:
        """Write the films and all lists, unless they exist."""
        self.place.mkdir(parents=True, exist_ok=True)
        if all((self.place / folder_name(part) / PEOPLE_FILE).exists() for part in (TEACH, *levels)):
            return
        sizes = Sizes(self.place, lambda: load_detector(MODELS["published"].detector, CPU))
        for film in self.films:
            places = {level: self.place / folder_name(level) / "films" / f"{film.name}.mp4" for level in levels}
            render(film, places, sizes)
            sizes.save()
        self._write_teaching()
        for level in levels:
            folder = self.place / folder_name(level)
            listed = [
                ListedClip(clip.name, TEST, str(self.film(level, clip).resolve()), clip.start, clip.end)
                for clip in self.clips
            ]
            write_set(folder, listed, {}, self.cast.labels)
            write_lines(folder / TEST_FILE, truth_lines(self.truth()))

    def _write_teaching(self) -> None:
        labels, listed = {}, []
        for known in self.cast.known:
            for piece in known.teaching:
                clip = _listed(piece, TRAIN)
                listed.append(clip)
                labels[clip.name] = self.cast.labels[known.person]
        listed += [_listed(piece, VAL) for piece in self.cast.taught_strangers]
        write_set(self.place / TEACH, listed, labels, self.cast.labels)

    def film(self, level: str, clip: FilmClip) -> Path:
        """The film of a clip at a level."""
        return self.place / folder_name(level) / "films" / f"{clip.film}.mp4"

    def truth(self) -> dict[int, list[str]]:
        """Clips of the draw's own films by label."""
        return {
            label: mine
            for person, label in self.cast.labels.items()
            if (mine := [clip.name for clip in self.clips if person in clip.people])
        }

    def kinds(self) -> dict[int, str]:
        """The kind of training material of each label."""
        return {self.cast.labels[known.person]: known.kind for known in self.cast.known}

    def find_faces(self, models: str, parts: Iterable[str] = (TEACH, *LEVELS)) -> None:
        """Detect all faces of all clips, unless this is done."""
        for part in parts:
            target = self.faces(models, part)
            if not (target / MANIFEST).exists():
                pair = MODELS[models]
                detect(
                    DetectSettings(
                        pair.embedding,
                        pair.detector,
                        str(target),
                        str(self.place / folder_name(part)),
                        "trainval" if part == TEACH else "test",
                        gpu=-1,
                        workers=1,
                        quality_threshold=0.0,
                        recipe=BEST,
                    )
                )


def all_draws(shared: Path, folder: Path, side: str) -> list[Draw]:
    return [Draw(shared, folder, side, number) for number in range(DRAWS)]


def truth_lines(truth: dict[int, list[str]]) -> Iterable[str]:
    return (f"{label} {' '.join(names)}" for label, names in sorted(truth.items()))


def write_set(folder: Path, listed: Sequence[ListedClip], labels: dict[str, int], people: dict[str, int]) -> None:
    """Write the lists of a data set in place; the names of people come last."""
    (folder / LISTS).mkdir(parents=True, exist_ok=True)
    write_listed(str(folder), listed)
    write_lines(folder / TRAIN_FILE, (f"{name} {label}" for name, label in sorted(labels.items())))
    write_lines(folder / VAL_FILE, ())
    write_lines(folder / PEOPLE_FILE, (f"{label} {person}" for person, label in people.items()))


def _listed(piece: Piece, split: str) -> ListedClip:
    digits = f"{number(piece.path.parent.name, piece.path.name):016x}"
    return ListedClip(
        f"{split}-{digits}-{round(1000 * piece.start):06d}", split, str(piece.path.resolve()), piece.start, piece.end
    )
