"""Scenes of photographs of people whom no trainer of ours sees, for benchmarks/detection.py and hard_faces.py."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from benchmarks.models import PUBLISHED_DETECTOR
from rcnn.commands.arguments import positive
from rcnn.config import config
from rcnn.errors import InputError
from rcnn.faces.detectors.single_stage import Detector
from rcnn.training.backgrounds import patch_without_faces
from rcnn.training.labels import LabelledPhotograph, label_photographs
from rcnn.training.people import held_out, list_photographs
from rcnn.training.scenes import move_boxes, move_landmarks
from rcnn.video.photographs import read_image

WIDTH, HEIGHT = config.FRAME.CANVASES[0]
FACE_SIZE = (12.0, 250.0)  # pixels, geometric mean of width and height of the face that sets a photograph's scale
PHOTOGRAPHS_A_SCENE = 4
SCENES_A_FACELESS = 5  # scenes with faces per scene without
SMALLER = 0.8  # factor on the scale each time no place is found
PLACES = 40  # positions tried at each scale
WHOLE = 0.9  # minimum share of a face inside the scene for it to count
SPARE = 1.25  # photographs labelled per pasted one: some have no face


@dataclass
class Scene:
    """A frame (480, 888, 3) uint8, BGR, and its labels; see `LabelledPhotograph` for the arrays."""

    picture: np.ndarray
    boxes: np.ndarray
    landmarks: np.ndarray
    ignored: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """(n,) pixels."""
        return np.sqrt((self.boxes[:, 2:] - self.boxes[:, :2] + 1).prod(1))


def clouds(rng: np.random.Generator) -> np.ndarray:
    """Noise with an amplitude that falls with a power of the frequency, in three correlated channels."""
    spectrum = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None])
    spectrum[0, 0] = 1
    power = spectrum ** -rng.uniform(0.7, 1.8)
    planes = [np.fft.irfft2(power * np.fft.rfft2(rng.standard_normal((HEIGHT, WIDTH))), (HEIGHT, WIDTH)) for _ in "123"]
    mixed = np.stack([plane / plane.std() for plane in planes], 2) @ rng.uniform(-1, 1, (3, 3))
    return np.clip(mixed * rng.uniform(20, 60) + rng.uniform(50, 200, 3), 0, 255).astype(np.uint8)


def cells(rng: np.random.Generator) -> np.ndarray:
    """Voronoi cells, shaded by the distance to their seeds."""
    count = int(rng.integers(20, 200))
    image = np.full((HEIGHT, WIDTH), 255, np.uint8)
    seeds = np.stack([rng.integers(0, HEIGHT, count), rng.integers(0, WIDTH, count)])
    image[tuple(seeds)] = 0
    distance, labels = cv2.distanceTransformWithLabels(image, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = rng.uniform(30, 255, (int(labels.max()) + 1, 3))
    shade = 1 - rng.uniform(0, 1) * distance / distance.max()
    return (colours[labels] * shade[..., None]).astype(np.uint8)


def waves(rng: np.random.Generator) -> np.ndarray:
    """Overlaid stripes and rings, like cloth, blinds or ripples."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    total = np.zeros((HEIGHT, WIDTH, 3), np.float32) + rng.uniform(60, 200, 3)
    for _ in range(rng.integers(1, 5)):
        if rng.random() < 0.5:
            angle = rng.uniform(0, np.pi)
            phase = np.cos(angle) * x + np.sin(angle) * y
        else:
            phase = np.hypot(x - rng.uniform(0, WIDTH), y - rng.uniform(0, HEIGHT))
        wave = np.sin(phase * 2 * np.pi / np.exp(rng.uniform(*np.log((6, 200)))))
        total += (np.sign(wave) if rng.random() < 0.3 else wave)[..., None] * rng.uniform(-50, 50, 3)
    return np.clip(total, 0, 255).astype(np.uint8)


def strips(photos: Sequence[LabelledPhotograph], rng: np.random.Generator) -> np.ndarray:
    """Face-free parts of photographs, repeated as wallpaper strips side by side."""
    picture = clouds(rng)
    edges = np.unique(np.concatenate([[0, WIDTH], rng.integers(0, WIDTH, rng.integers(0, 6))]))
    for left, right in pairwise(edges.tolist()):
        photo = photos[rng.integers(len(photos))]
        patch = patch_without_faces(photo, read_image(photo.path), rng)
        if patch is None:
            continue
        zoom = rng.uniform(0.7, 4)
        patch = cv2.resize(patch, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        down, across = max(0, HEIGHT - len(patch)), max(0, right - left - patch.shape[1])
        patch = cv2.copyMakeBorder(patch, 0, down, 0, across, cv2.BORDER_WRAP)
        picture[:, left:right] = patch[:HEIGHT, : right - left]
    return picture


def make_scene(
    photos: Sequence[LabelledPhotograph], others: Sequence[LabelledPhotograph], rng: np.random.Generator
) -> Scene:
    """A scene with all of `photos`; `others` are used for the background."""
    kind = rng.random()
    draw = (clouds, cells, waves)[rng.integers(3)]
    picture = strips(others, rng) if kind < 0.6 else draw(rng)
    scene = Scene(
        picture, *(getattr(LabelledPhotograph.of("", [], [], []), n) for n in ("boxes", "landmarks", "ignored"))
    )
    sizes = np.sort(np.exp(rng.uniform(*np.log(FACE_SIZE), len(photos))))[::-1]
    for photo, size in zip(photos, sizes, strict=True):
        _paste(scene, photo, size, rng)
    window = np.array([WIDTH - 1, HEIGHT - 1] * 2, np.float32)
    cut = np.clip(scene.boxes, 0, window)
    share = (cut[:, 2:] - cut[:, :2] + 1).prod(1) / (scene.boxes[:, 2:] - scene.boxes[:, :2] + 1).prod(1)
    whole = share >= WHOLE
    ignored = np.concatenate([scene.ignored, scene.boxes[~whole]])
    return Scene(scene.picture, cut[whole], scene.landmarks[whole], ignored)


def _paste(scene: Scene, photo: LabelledPhotograph, size: float, rng: np.random.Generator) -> None:
    """Paste a photograph where it covers no face and its largest face is inside, at a smaller scale if necessary."""
    image = read_image(photo.path)
    areas = (photo.boxes[:, 2:] - photo.boxes[:, :2] + 1).prod(1)
    largest = photo.boxes[areas.argmax()]
    scale = size / float(np.sqrt(areas.max()))
    mirrored = rng.random() < 0.5
    while True:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        width, height = (max(1, round(n * scale)) for n in image.shape[1::-1])
        linear = np.diag([-scale if mirrored else scale, scale])
        shift = np.array([width - 1 - (scale - 1) / 2 if mirrored else (scale - 1) / 2, (scale - 1) / 2])
        face = move_boxes(largest[None], np.hstack([linear, shift[:, None]]))[0]
        for _ in range(PLACES):
            room = np.array([WIDTH, HEIGHT]) - (face[2:] - face[:2] + 1)
            if (room < 0).any():
                break
            corner = np.round(rng.uniform(0, 1, 2) * room - face[:2]).astype(int)
            outer = np.concatenate([corner, corner + np.array([width, height])])
            sides = np.minimum(scene.boxes[:, 2:], outer[2:]) - np.maximum(scene.boxes[:, :2], outer[:2])
            if (sides.min(1) <= 0).all():
                resized = cv2.resize(image, (width, height), interpolation=method)
                resized = cv2.flip(resized, 1) if mirrored else resized
                x1, y1, x2, y2 = np.clip(outer, 0, [WIDTH, HEIGHT] * 2)
                scene.picture[y1:y2, x1:x2] = resized[y1 - corner[1] : y2 - corner[1], x1 - corner[0] : x2 - corner[0]]
                matrix = np.hstack([linear, (shift + corner)[:, None]])
                scene.boxes = np.concatenate([scene.boxes, move_boxes(photo.boxes, matrix)])
                moved = move_landmarks(photo.landmarks, matrix, mirrored)
                scene.landmarks = np.concatenate([scene.landmarks, moved])
                scene.ignored = np.concatenate([scene.ignored, move_boxes(photo.ignored, matrix)])
                return
        scale *= SMALLER


def make_scenes(photos: Sequence[LabelledPhotograph], others: Sequence[LabelledPhotograph], seed: int) -> list[Scene]:
    """Scenes with four photographs each, and one empty scene for every five of them."""
    groups = [list(photos[i : i + PHOTOGRAPHS_A_SCENE]) for i in range(0, len(photos), PHOTOGRAPHS_A_SCENE)]
    groups += [[] for _ in range(len(groups) // SCENES_A_FACELESS)]
    return [make_scene(group, others, np.random.default_rng((seed, n))) for n, group in enumerate(groups)]


def add_scene_options(parser: ArgumentParser, photographs: int) -> None:
    """The options of `chosen_photographs`; `photographs` is the default number of pasted ones."""
    add = parser.add_argument
    add("--labeller", default=PUBLISHED_DETECTOR, metavar="MODEL", help="detector that provides the labels")
    add("--faces", default="../shared/faces", metavar="DIR", help="folder of PERSON/*.jpg")
    add("--photographs", default=photographs, type=positive, metavar="N", help="photographs to paste")
    add("--seed", default=2024, type=int, metavar="N", help="seed of the choice of photographs and of the scenes")
    add("--cache", metavar="FILE", help=".npz file that caches the labels of these photographs")


def chosen_photographs(
    args: Namespace, labeller: Detector
) -> tuple[list[LabelledPhotograph], list[LabelledPhotograph]]:
    """Photographs with faces, of people who are held out, to be pasted; and all that were labelled for them.

    Raises
    ------
    InputError
        If there is none with a face.
    """
    people = list_photographs(args.faces)
    paths = [path for person, photos in people.items() if held_out(person) for path in photos]
    rng = np.random.default_rng(args.seed)
    paths = [paths[i] for i in rng.permutation(len(paths))]
    labelled = label_photographs(paths[: int(args.photographs * SPARE)], labeller, args.cache)
    with_faces = [photo for photo in labelled if len(photo.boxes)][: args.photographs]
    if not with_faces:
        raise InputError(f"--faces {args.faces}: has no photograph of a held-out person; give more people")
    return with_faces, labelled
