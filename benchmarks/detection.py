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
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.models import OWN_DETECTOR, PUBLISHED_DETECTOR
from benchmarks.pasted_scenes import HEIGHT, WIDTH, Scene, add_scene_options, chosen_photographs, make_scenes
from rcnn.commands.arguments import Parser, add_gpu
from rcnn.config import config
from rcnn.errors import run_script
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
from rcnn.video.photographs import read_image

LEAST_SCORE = 0.02
IMAGES_A_MISTAKE = 10.0
SIZES = {"<24": (0, 24), "24-48": (24, 48), "48-96": (48, 96), ">96": (96, np.inf), ">=24": (24, np.inf)}
MIN_SIZE = 24  # pixels, minimum size of faces for landmark errors
SHIFT = 4  # pixels, half the smallest stride


def recalls(
    found: Sequence[Faces], matches: Sequence[Matches], scenes: Sequence[Scene], sizes: Iterable[str], threshold: float
) -> list[float]:
    """The recall of faces in each of some `SIZES` at a threshold."""
    limits = [SIZES[name] for name in sizes]
    return [
        recall(found, matches, [(scene.sizes >= low) & (scene.sizes < high) for scene in scenes], threshold)
        for low, high in limits
    ]


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
        cells = recalls(found, matches, scenes, SIZES, threshold)
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
    parser = Parser(__doc__, "python benchmarks/detection.py --gpu -1")
    add = parser.add_argument
    add("--models", nargs="+", default=[OWN_DETECTOR, PUBLISHED_DETECTOR], metavar="PREFIX,EPOCH", help="detectors")
    add_scene_options(parser, 500)
    add("--crowd", default="../shared/images/t1.jpg", metavar="FILE", help="a picture in which to count faces")
    add("--draw", type=Path, metavar="DIR", help="existing folder for pictures of some scenes")
    add_gpu(parser)
    args = parser.parse_args()
    device = choose_device(args.gpu)
    labeller = load_detector(args.labeller, device)
    with_faces, labelled = chosen_photographs(args, labeller)
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
