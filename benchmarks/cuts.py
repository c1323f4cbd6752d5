"""Measures how often a track continues across a cut to another person, and how often one person's track breaks.

python benchmarks/cuts.py --output output/cuts           # half of the people, by a hash of the name: for tuning
python benchmarks/cuts.py --output output/cuts --test    # the other half: evaluate once

Results per video and photograph are cached in --output, so that a second run continues where the first one stopped.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.cython.boxes import overlaps

from benchmarks.appearances.videos import MODELS, RATE, name_of
from benchmarks.models import Models
from rcnn.commands.arguments import Parser
from rcnn.config import config
from rcnn.errors import InputError, run_script
from rcnn.faces.alignment import align_faces
from rcnn.faces.choice import central_face
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.tracking import track_faces
from rcnn.faces.vectors import normalise
from rcnn.faces.views import detect_frames
from rcnn.networks.engine import CPU
from rcnn.video.decoder import FrameDecoder
from rcnn.video.photographs import read_image
from rcnn.video.shots import SIZE, Shots
from rcnn.workers.progress import progress

UNLIKE = (0.0, 0.2, 0.3, 0.4)
CUTS = 2000  # simulated with vectors
BESIDE = 4  # sampled frames before and after such a cut
FILMS, SHOTS, SHOT_LOOKS = 200, 8, 16  # films, with shots of two seconds
PHOTOGRAPHED = 300  # people with a photograph, per half
SIDE = 1000  # pixels, common frame size of all videos
SEED = 0


@dataclass(frozen=True)
class Seen:
    """The central faces of a video, or of a photograph shown for some time.

    turns : (n,) int, sampled frames with a face
    boxes : (n, 4) float32, pixels of a frame of SIDE x SIDE
    vectors : (n, D) float32, unit
    small : (looks, h, w, 3) uint8, reduced frames for cut detection
    """

    person: str
    turns: np.ndarray
    boxes: np.ndarray
    vectors: np.ndarray
    small: np.ndarray


def in_half(person: str, test: bool) -> bool:
    return (hashlib.sha256(person.encode()).digest()[0] % 2 == 1) == test


def look_at_video(path: Path, place: Path, small_place: Path, models: Models) -> None:
    """Cache the faces of a video, and its reduced frames for cut detection."""
    if place.exists() and small_place.exists():
        return
    detector = None if place.exists() else load_detector(models.detector, CPU)
    turns, boxes, crops, small = [], [], [], []
    for turn, frame in enumerate(_decoder().read_frames(str(path), rate=RATE)):
        small.append(cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA))
        if detector is None:
            continue
        faces = detect_frames(detector, [frame.image])[0]
        if len(faces):
            height, width = frame.image.shape[:2]
            best = central_face(faces, width, height)
            turns.append(turn)
            boxes.append(faces.boxes[best] * (SIDE / np.array([width, height, width, height])))
            crops.append(align_faces(frame.image, faces.landmarks[[best]], (112, 112))[0])
    save(small_place, small=np.array(small, np.uint8).reshape(-1, *SIZE[::-1], 3))
    if detector is not None:
        vectors = normalise(load_embedder(models.embedding, CPU).embed(crops)) if crops else np.zeros((0, 1))
        save(place, turns=np.array(turns, int), boxes=np.array(boxes, np.float32).reshape(-1, 4), vectors=vectors)


@cache
def _decoder() -> FrameDecoder:
    return FrameDecoder()


def save(place: Path, **arrays: np.ndarray) -> None:
    """Write atomically."""
    place.parent.mkdir(parents=True, exist_ok=True)
    scratch = place.with_suffix(".part.npz")
    np.savez(scratch, **arrays)
    scratch.replace(place)


def videos(source: Path, output: Path, pair: str, test: bool) -> list[Seen]:
    """The videos with a single person of a half."""
    with open(source / "manifest.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["person"] and in_half(row["person"], test)]
    found = []
    for row in progress(rows, what=f"videos, {pair}", unit="video"):
        name = name_of(row["file"])
        place, small = output / pair / f"{name}.npz", output / "small" / f"{name}.npz"
        look_at_video(source / row["file"], place, small, MODELS[pair])
        with np.load(place) as faces, np.load(small) as images:
            if len(faces["turns"]):
                found.append(Seen(row["person"], faces["turns"], faces["boxes"], faces["vectors"], images["small"]))
    return found


def photographs(source: Path, output: Path, pair: str, test: bool) -> dict[str, np.ndarray]:
    """The vector of one photograph for each of some people of a half."""
    place = output / pair / f"photographs-{int(test)}.npz"
    if not place.exists():
        detector, embedder = load_detector(MODELS[pair].detector, CPU), load_embedder(MODELS[pair].embedding, CPU)
        people = sorted((folder for folder in source.iterdir() if folder.is_dir()), key=lambda folder: _order(folder))
        people = [folder for folder in people if in_half(folder.name, test)][:PHOTOGRAPHED]
        vectors = {}
        for folder in progress(people, what=f"photographs, {pair}", unit="person"):
            image = read_image(min(folder.iterdir()))
            faces = detect_frames(detector, [image])[0]
            if len(faces):
                best = central_face(faces, image.shape[1], image.shape[0])
                crops = align_faces(image, faces.landmarks[[best]], (112, 112))
                vectors[folder.name] = normalise(embedder.embed(list(crops)))[0]
        save(place, **vectors)
    with np.load(place) as kept:
        return {person: kept[person] for person in kept.files}


def _order(folder: Path) -> str:
    return hashlib.sha256(folder.name.encode()).hexdigest()


def is_merged(first: np.ndarray, second: np.ndarray, box: np.ndarray, cut: bool) -> bool:
    """Whether one track contains the faces (n, D) before and after a cut, all at the same place."""
    vectors = np.concatenate([first, second])
    count = len(vectors)
    shots = (np.arange(count) >= len(first)).astype(np.int32) if cut else None
    numbers = track_faces(np.arange(count), np.tile(box, (count, 1)), np.ones(count, bool), vectors, shots)
    return bool(numbers[len(first) - 1] == numbers[len(first)])


def drawn_cuts(tracks: list[tuple[str, np.ndarray]], cut: bool) -> float:
    """Share of the CUTS between two people's vectors that a track crosses."""
    rng = np.random.default_rng(SEED)
    box = np.array([[400, 300, 600, 600]], np.float32)
    merged = done = 0
    while done < CUTS:
        (one, before), (other, behind) = (tracks[index] for index in rng.integers(len(tracks), size=2))
        if one == other:
            continue
        start, stop = rng.integers(len(behind)), rng.integers(1, len(before) + 1)
        merged += is_merged(before[max(0, stop - BESIDE) : stop], behind[start : start + BESIDE], box, cut)
        done += 1
    return merged / CUTS


@dataclass(frozen=True)
class Film:
    """Joined shots: frame index, box, vector and true shot of each face; and the detected shots."""

    turns: np.ndarray
    boxes: np.ndarray
    vectors: np.ndarray
    true: np.ndarray
    found: np.ndarray
    hit: int  # detected true cuts
    wrong: int  # false cuts


def draw_films(seen: list[Seen]) -> list[Film]:
    rng = np.random.default_rng(SEED)
    films = []
    long_enough = [video for video in seen if len(video.small) >= SHOT_LOOKS]
    for _ in progress(range(FILMS), what="films", unit="film"):
        parts: list[tuple[Seen, int]] = []
        while len(parts) < SHOTS:
            video = long_enough[rng.integers(len(long_enough))]
            if not parts or parts[-1][0].person != video.person:
                parts.append((video, int(rng.integers(len(video.small) - SHOT_LOOKS + 1))))
        films.append(_join(parts))
    return films


def _join(parts: list[tuple[Seen, int]]) -> Film:
    shots = Shots()
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for number, (video, first) in enumerate(parts):
        for image in video.small[first : first + SHOT_LOOKS]:
            shots.add(image)
        mine = np.flatnonzero((video.turns >= first) & (video.turns < first + SHOT_LOOKS))
        turns = video.turns[mine] - first + number * SHOT_LOOKS
        for column, values in zip(
            columns, (turns, video.boxes[mine], video.vectors[mine], np.full(len(mine), number)), strict=True
        ):
            column.append(values)
    found = shots.numbers()
    cuts = set(np.flatnonzero(np.diff(found)) + 1)
    true = set(range(SHOT_LOOKS, len(parts) * SHOT_LOOKS, SHOT_LOOKS))
    return Film(*(np.concatenate(column) for column in columns), found, len(cuts & true), len(cuts - true))


def film_cuts(films: list[Film], cut: bool) -> tuple[int, int, int]:
    """Numbers of true cuts with a face on both sides, of those at the same place, and of those crossed by a track."""
    cuts = near = merged = 0
    for film in films:
        shots = film.found[film.turns] if cut else None
        numbers = track_faces(film.turns, film.boxes, np.ones(len(film.turns), bool), film.vectors, shots)
        for last in np.flatnonzero(np.diff(film.true) == 1):
            same = overlaps(film.boxes[[last]], film.boxes[[last + 1]])[0, 0] >= config.TRACK.SAME_PLACE
            cuts, near = cuts + 1, near + int(same)
            merged += int(numbers[last] == numbers[last + 1])
    return cuts, near, merged


def split(seen: list[Seen], cut: bool) -> tuple[int, int]:
    """Numbers of single-person videos with more than one track, and of surplus tracks."""
    fallen = more = 0
    for video in seen:
        shots = Shots()
        for image in video.small:
            shots.add(image)
        numbers = track_faces(
            video.turns,
            video.boxes,
            np.ones(len(video.turns), bool),
            video.vectors,
            shots.numbers()[video.turns] if cut else None,
        )
        fallen, more = fallen + int(numbers.max() > 0), more + int(numbers.max())
    return fallen, more


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/cuts.py --output output/cuts")
    add = parser.add_argument
    add("--videos", type=Path, default=Path("../shared/realvideo"), metavar="DIR", help="PERSON/*.mp4, manifest.csv")
    add("--faces", type=Path, default=Path("../shared/faces"), metavar="DIR", help="PERSON/*.jpg")
    add("--output", type=Path, required=True, metavar="DIR", help="for cached results")
    add("--pairs", nargs="+", default=list(MODELS), metavar="NAME", help=f"model pairs: {', '.join(MODELS)}")
    add("--test", action="store_true", help="use the other half of the people")
    args = parser.parse_args()
    for folder in (args.videos, args.faces):
        if not folder.is_dir():
            raise InputError(f"{folder}: is not a folder; give another one")
    print(f"{'other' if args.test else 'first'} half of the people")
    print(
        "| models | shots | UNLIKE | cuts of photographs | cuts of videos | cuts of films | in one place | fell apart |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for pair in args.pairs:
        seen = videos(args.videos, args.output, pair, args.test)
        held = photographs(args.faces, args.output, pair, args.test)
        still = [(person, np.tile(vector, (BESIDE, 1))) for person, vector in held.items()]
        moving = [(video.person, video.vectors) for video in seen]
        films = draw_films(seen)
        for cut in (False, True):
            for least in UNLIKE:
                config.TRACK.UNLIKE = least
                count, near, merged = film_cuts(films, cut)
                fallen, more = split(seen, cut)
                print(
                    f"| {pair} | {'yes' if cut else 'no'} | {least:g} | {drawn_cuts(still, cut):.1%} | "
                    f"{drawn_cuts(moving, cut):.1%} | {merged} of {count} | {merged / max(near, 1):.1%} of {near} | "
                    f"{fallen} of {len(seen)}, {more} tracks more |",
                    flush=True,
                )
        hit, wrong = sum(film.hit for film in films), sum(film.wrong for film in films)
        print(
            f"{pair}: {hit} of {len(films) * (SHOTS - 1)} cuts of films found, {wrong} found that are none", flush=True
        )


if __name__ == "__main__":
    run_script(main)
