"""Recall, false positives and landmark errors of detectors on harder variants of the scenes of benchmarks/detection.py.

The scenes are rotated by 30 degrees, darkened to a fifth with noise, turned to portrait format, motion-blurred, or
their faces wear drawn dark glasses, because the photographs have no labels for real ones. Labels move with the pixels.
Each detector is evaluated at the threshold with one false positive in ten plain scenes, and at the threshold of
detect.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.detection import IMAGES_A_MISTAKE, LEAST_SCORE, MIN_SIZE, recalls
from benchmarks.models import OWN_DETECTOR, PUBLISHED_DETECTOR
from benchmarks.pasted_scenes import Scene, add_scene_options, chosen_photographs, make_scenes
from rcnn.commands.arguments import Parser, add_gpu
from rcnn.config import config
from rcnn.errors import run_script
from rcnn.faces.detection_quality import false_positives, landmark_errors, match_faces, threshold_for
from rcnn.faces.detectors.single_stage import Detector
from rcnn.faces.load import load_detector
from rcnn.networks.engine import choose_device
from rcnn.training.scenes import move_boxes, move_landmarks
from rcnn.training.worn import wear_glasses

TURN_DEGREES = 30.0
BRIGHTNESS = 0.2
NOISE_SIGMA = 4.0  # grey levels
SMEAR = 9  # pixels
GLASSES_FROM = 24.0  # pixels, smallest face with glasses


def turned(scene: Scene, rng: np.random.Generator) -> Scene:
    """Rotated left or right, on a canvas that contains the whole scene."""
    height, width = scene.picture.shape[:2]
    angle = TURN_DEGREES * (1 if rng.random() < 0.5 else -1)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * cos + height * sin), round(width * sin + height * cos)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return Scene(
        cv2.warpAffine(scene.picture, matrix, size, borderMode=cv2.BORDER_REPLICATE),
        move_boxes(scene.boxes, matrix),
        move_landmarks(scene.landmarks, matrix, False),
        move_boxes(scene.ignored, matrix),
    )


def dark(scene: Scene, rng: np.random.Generator) -> Scene:
    """A fifth of the brightness, with sensor noise."""
    noise = rng.normal(0, NOISE_SIGMA, scene.picture.shape)
    return replace(scene, picture=np.clip(scene.picture * BRIGHTNESS + noise, 0, 255).astype(np.uint8))


def smeared(scene: Scene, rng: np.random.Generator) -> Scene:
    """Horizontal motion blur."""
    kernel = np.full((1, SMEAR), 1 / SMEAR, np.float32)
    return replace(scene, picture=cv2.filter2D(scene.picture, -1, kernel))


def upright(scene: Scene, rng: np.random.Generator) -> Scene:
    """Portrait format: the left half above the right half. Faces that are cut are ignored."""
    height, width = scene.picture.shape[:2]
    half = width // 2
    whole = (scene.boxes[:, 2] < half) | (scene.boxes[:, 0] >= half)
    moved = np.where(scene.boxes[:, :1] >= half, np.array([[-half, height]], np.float32), np.float32(0))
    boxes, landmarks = scene.boxes + np.tile(moved, 2), scene.landmarks + moved[:, None]
    cut = np.concatenate([scene.ignored, scene.boxes[~whole]])
    ignored = np.concatenate([cut, cut + np.array([-half, height, -half, height], np.float32)])
    size = np.array([half - 1, 2 * height - 1] * 2, np.float32)
    return Scene(
        np.ascontiguousarray(np.vstack([scene.picture[:, :half], scene.picture[:, half : 2 * half]])),
        np.clip(boxes[whole], 0, size),
        landmarks[whole],
        np.clip(ignored, 0, size),
    )


def with_glasses(scene: Scene, rng: np.random.Generator) -> Scene:
    """Every face of 24 pixels and up wears dark glasses."""
    picture = scene.picture.copy()
    for landmarks, size in zip(scene.landmarks, scene.sizes, strict=True):
        if size >= GLASSES_FROM and np.isfinite(landmarks).all():
            wear_glasses(picture, landmarks, rng, dark=True)
    return replace(scene, picture=picture)


def plain(scene: Scene, rng: np.random.Generator) -> Scene:
    """Unchanged."""
    return scene


WAYS: dict[str, Callable[[Scene, np.random.Generator], Scene]] = {
    "plain": plain,
    "upright": upright,
    "turned": turned,
    "glasses": with_glasses,
    "dark": dark,
    "smeared": smeared,
}


def report(name: str, detector: Detector, ways: Mapping[str, Sequence[Scene]]) -> None:
    """Print the results of a model; the plain scenes come first and determine the threshold."""
    rare = 0.0
    for way, scenes in ways.items():
        found = [detector.detect([scene.picture], LEAST_SCORE)[0] for scene in scenes]
        matches = [match_faces(faces, scene.boxes, scene.ignored) for faces, scene in zip(found, scenes, strict=True)]
        if way == "plain":
            rare = threshold_for(found, matches, IMAGES_A_MISTAKE)
        line = f"{name:<12}{way:<10}"
        for threshold in (rare, config.ESSH.THRESHOLD):
            cells = recalls(found, matches, scenes, ("<24", ">=24"), threshold)
            errors = landmark_errors(found, matches, [(s.boxes, s.landmarks) for s in scenes], threshold, MIN_SIZE)
            line += f"{threshold:>10.3f}{false_positives(found, matches, threshold) / len(scenes):>8.3f}"
            line += "".join(f"{value:>8.3f}" for value in cells)
            line += f"{100 * errors.mean():>8.2f}" if len(errors) else f"{'-':>8}"
        print(line, flush=True)


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/hard_faces.py --gpu -1")
    parser.add_argument(
        "--models", nargs="+", default=[OWN_DETECTOR, PUBLISHED_DETECTOR], metavar="MODEL", help="detectors"
    )
    add_scene_options(parser, 200)
    add_gpu(parser)
    args = parser.parse_args()
    device = choose_device(args.gpu)
    with_faces, labelled = chosen_photographs(args, load_detector(args.labeller, device))
    scenes = make_scenes(with_faces, labelled, args.seed)
    ways = {
        name: [change(scene, np.random.default_rng((args.seed, n))) for n, scene in enumerate(scenes)]
        for name, change in WAYS.items()
    }
    print(f"{len(scenes)} scenes; recall of faces under and from 24 pixels, landmark error in % of the eyes' distance")
    print(f"{'model':<12}{'scenes':<10}" + f"{'threshold':>10}{'fp':>8}{'<24':>8}{'>=24':>8}{'marks':>8}" * 2)
    for model in tqdm(args.models, disable=None):
        report(Path(model.rpartition(",")[0] or model).name, load_detector(model, device), ways)


if __name__ == "__main__":
    run_script(main)
