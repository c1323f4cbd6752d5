"""Recall, false positives and landmark errors of detectors on scenes of photographs of people held out from our
trainers.

The photographs are pasted, upright and whole, at random scales into 888x480 scenes; other scenes have no face. The
labels are the faces that `--labeller` finds in the original photograph; landmarks are the median over several views of
it. So the labeller is judged by its own labels and looks better than it is. What it finds with a low score, or only in
the enlarged photograph, counts neither as a face nor as a false positive. The backgrounds are drawn by other code than
those of rcnn.training (clouds, cells, waves, repeated strips) and from photographs of held-out people only. Still they
are pasted scenes like those in training: edges of photographs, few poses, no crowds. Film frames are different. A
detection that overlaps no labelled face by half is a false positive.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.commands.arguments import Parser, add_gpu, positive
from rcnn.config import config
from rcnn.errors import InputError, run_script
from rcnn.faces.detection_quality import (
    NOTHING,
    Matches,
    false_positives,
    landmark_errors,
    match_faces,
    recall,
    threshold_for,
)
from rcnn.faces.detectors.essh import EsshDetector
from rcnn.faces.load import load_detector
from rcnn.faces.types import Faces
from rcnn.networks.engine import choose_device
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
LEAST_SCORE = 0.02
IMAGES_A_MISTAKE = 10.0
SIZES = {"<24": (0, 24), "24-48": (24, 48), "48-96": (48, 96), ">96": (96, np.inf), ">=24": (24, np.inf)}
MIN_SIZE = 24  # pixels, minimum size of faces for landmark errors
SHIFT = 4  # pixels, half the smallest stride


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


def labeller_landmarks(detector: EsshDetector, scenes: Sequence[Scene]) -> list[np.ndarray]:
    """The labeller's landmarks (n, 5, 2) for the faces of each scene, NaN for faces that it misses there."""
    result = []
    for scene, faces in zip(scenes, detector.detect([s.picture for s in scenes], config.ESSH.THRESHOLD), strict=True):
        landmarks = np.full_like(scene.landmarks, np.nan)
        match = match_faces(faces, scene.boxes, scene.ignored).face
        landmarks[match[match != NOTHING]] = faces.landmarks[match != NOTHING]
        result.append(landmarks)
    return result


def against_itself(detector: EsshDetector, scenes: Sequence[Scene], landmarks: Sequence[np.ndarray]) -> np.ndarray:
    """Landmark differences of a detector between scenes and the same scenes shifted by half a stride."""
    moved = [cv2.copyMakeBorder(s.picture, SHIFT, 0, SHIFT, 0, cv2.BORDER_REPLICATE)[:HEIGHT, :WIDTH] for s in scenes]
    shift = np.float32(SHIFT)
    found = [
        Faces(faces.boxes - shift, faces.scores, faces.landmarks - shift)
        for faces in detector.detect(moved, config.ESSH.THRESHOLD)
    ]
    matches = [match_faces(faces, scene.boxes, scene.ignored) for faces, scene in zip(found, scenes, strict=True)]
    labels = [(scene.boxes, points) for scene, points in zip(scenes, landmarks, strict=True)]
    return landmark_errors(found, matches, labels, config.ESSH.THRESHOLD, MIN_SIZE)


def report(
    name: str,
    detector: EsshDetector,
    scenes: Sequence[Scene],
    seen_by_labeller: Sequence[np.ndarray],
    image: np.ndarray | None,
    draw: Path | None,
) -> None:
    """Print the results of a model."""
    started = time.perf_counter()
    found = detector.detect([scene.picture for scene in scenes], LEAST_SCORE)
    seconds = time.perf_counter() - started
    matches = [match_faces(faces, scene.boxes, scene.ignored) for faces, scene in zip(found, scenes, strict=True)]
    for threshold in (threshold_for(found, matches, IMAGES_A_MISTAKE), config.ESSH.THRESHOLD):
        cells = [
            recall(found, matches, [(s.sizes >= low) & (s.sizes < high) for s in scenes], threshold)
            for low, high in SIZES.values()
        ]
        wrong = false_positives(found, matches, threshold) / len(scenes)
        line = f"{name:<12}{threshold:>10.3f}{wrong:>10.3f}" + "".join(f"{value:>8.3f}" for value in cells)
        for landmarks in ([scene.landmarks for scene in scenes], seen_by_labeller):
            labels = [(scene.boxes, points) for scene, points in zip(scenes, landmarks, strict=True)]
            errors = landmark_errors(found, matches, labels, threshold, MIN_SIZE)
            line += "".join(f"{100 * f(errors):>8.2f}" if len(errors) else f"{'-':>8}" for f in (np.mean, np.median))
        print(line)
    if image is not None:
        faces = detector.detect([image], config.ESSH.THRESHOLD)[0]
        scores = " ".join(f"{score:.2f}" for score in faces.scores)
        print(f"{name}: {len(faces)} faces in the picture of a crowd ({scores}), {len(scenes) / seconds:.1f} scenes/s")
        if draw is not None:
            _draw(draw / f"{name}-crowd.png", [faces], [Matches(np.zeros(len(faces), int), np.zeros(len(faces), bool))],
                  [Scene(image, *(np.zeros((0, 4)),) * 3)], 1)  # fmt: skip
    if draw is not None:
        _draw(draw / f"{name}.png", found, matches, scenes)


def _draw(
    path: Path, found: Sequence[Faces], matches: Sequence[Matches], scenes: Sequence[Scene], columns: int = 3
) -> None:
    """Draw the first scenes and those with most mistakes: labels green, found blue, mistakes red, ignored grey."""
    mistakes = [int((m.wrong & (f.scores >= config.ESSH.THRESHOLD)).sum()) for f, m in zip(found, matches, strict=True)]
    order = list(dict.fromkeys([*range(min(4, len(scenes))), *np.argsort(mistakes, kind="stable")[::-1][:8].tolist()]))
    tiles = []
    for index in order:
        picture = scenes[index].picture.copy()
        for boxes, colour in ((scenes[index].ignored, (128, 128, 128)), (scenes[index].boxes, (0, 255, 0))):
            for box in boxes.round().astype(int).tolist():
                cv2.rectangle(picture, box[:2], box[2:], colour, 1)
        for row in np.flatnonzero(found[index].scores >= config.ESSH.THRESHOLD):
            box = found[index].boxes[row].round().astype(int).tolist()
            cv2.rectangle(picture, box[:2], box[2:], (0, 0, 255) if matches[index].wrong[row] else (255, 100, 0), 2)
            for point in found[index].landmarks[row].round().astype(int).tolist():
                cv2.circle(picture, point, 1, (0, 255, 255), -1)
        tiles.append(picture)
    tiles = tiles[: len(tiles) - len(tiles) % columns]
    sheet = np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])
    cv2.imwrite(str(path), cv2.resize(sheet, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA))


def main() -> None:
    published = "../shared/checkpoints/retinaface-mnet25/mnet.25,0"
    parser = Parser(__doc__, "python benchmarks/detection.py --gpu -1")
    add = parser.add_argument
    add("--models", nargs="+", default=["./model/essh-m25,0", published], metavar="PREFIX,EPOCH", help="detectors")
    add("--labeller", default=published, metavar="PREFIX,EPOCH", help="detector that provides the labels")
    add("--faces", default="../shared/faces", metavar="DIR", help="folder of PERSON/*.jpg")
    add("--crowd", default="../shared/images/t1.jpg", metavar="FILE", help="a picture in which to count faces")
    add("--photographs", default=500, type=positive, metavar="N", help="photographs to paste")
    add("--seed", default=2024, type=int, metavar="N", help="seed of the choice of photographs and of the scenes")
    add("--cache", metavar="FILE", help=".npz file that caches the labels of these photographs")
    add("--draw", type=Path, metavar="DIR", help="existing folder for pictures of some scenes")
    add_gpu(parser)
    args = parser.parse_args()
    device = choose_device(args.gpu)
    people = list_photographs(args.faces)
    paths = [path for person, photos in people.items() if held_out(person) for path in photos]
    rng = np.random.default_rng(args.seed)
    paths = [paths[i] for i in rng.permutation(len(paths))]
    labeller = load_detector(args.labeller, device)
    labelled = label_photographs(paths[: args.photographs * 5 // 4], labeller, args.cache)
    with_faces = [photo for photo in labelled if len(photo.boxes)][: args.photographs]
    if not with_faces:
        raise InputError(f"--faces {args.faces}: has no photograph of a held-out person; give more people")
    scenes = make_scenes(with_faces, labelled, args.seed)
    faces = np.concatenate([scene.sizes for scene in scenes])
    print(f"{len(with_faces)} photographs, {len(scenes)} scenes of {WIDTH}x{HEIGHT}, {len(faces)} faces: ", end="")
    print(", ".join(f"{name} px {((faces >= low) & (faces < high)).sum()}" for name, (low, high) in SIZES.items()))
    print("recall by size of face (pixels); landmark error in % of the eyes' distance, mean and median over the faces")
    print("of 24 pixels and up: against the labels, and against what the labeller finds in the scene itself")
    print(
        f"{'model':<12}{'threshold':>10}{'fp/scene':>10}" + "".join(f"{n:>8}" for n in SIZES) + "    mean  median" * 2
    )
    seen_by_labeller = labeller_landmarks(labeller, scenes)
    own = against_itself(labeller, scenes, seen_by_labeller)
    print(
        f"the labeller against itself on the same scenes moved by {SHIFT} pixels: landmarks differ by "
        f"{100 * own.mean():.2f} (mean), {100 * np.median(own):.2f} (median) % of the eyes' distance"
    )
    image = read_image(args.crowd) if args.crowd else None
    for model in tqdm(args.models, disable=None):
        report(
            Path(model.rpartition(",")[0]).name,
            load_detector(model, device),
            scenes,
            seen_by_labeller,
            image,
            args.draw,
        )


if __name__ == "__main__":
    run_script(main)
