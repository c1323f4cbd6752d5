"""Scenes for training a detector: photographs of several people on backgrounds, composed randomly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..faces.types import POINTS
from .backgrounds import background, lookalike
from .blending import blend
from .camera import Camera, photographed
from .labels import LabelledPhotograph
from .pictures import picture_of
from .worn import wear_glasses, wear_mask

EMPTY = 0.08  # probability that no face is pasted into a scene
FRAMES = 0.4  # probability that its background comes from videos only
NATURAL = 0.25  # probability that a scene is a piece of one picture, with its faces
NATURAL_SIDE = 240  # pixels, lowest shorter side of a picture used as a scene
CLOSER = 1.6  # the piece is at least 1 / CLOSER of the picture's shorter side
LARGE = 0.75  # probability that the first pasted face is large
LARGE_SIZE = (80.0, 320.0)  # pixels, geometric mean of width and height
SMALL_SIZE = (10.0, 90.0)
MORE_FACES = (0, 10)  # pasted after the first
MORE_LOOKALIKES = (0, 5)
MISTAKEN = 0.5  # probability that one of them is a mined false positive
RESIZED = (0.6, 1.6)  # scale of a false positive
LARGEST_ENLARGEMENT = 3.5  # a face is never enlarged more than this, because of blur
MARGIN = (0.1, 2.5)  # from a face to the edges of the pasted piece, in face sizes
TURN_DEGREES = 10.0  # standard deviation
FAR_TURNED, FAR_DEGREES = 0.25, 45.0  # probability of a large rotation, and its largest angle
GLASSES, MASKED = 0.06, 0.03  # probabilities for a pasted face
SMALLEST_WORN = 24.0  # pixels, smallest face with glasses or a mask
MIRRORED = 0.5
SOFT = 0.3  # probability that a piece is pasted as an ellipse with soft edges
MIRROR_ORDER = (1, 0, 2, 4, 3)  # of the landmarks: left and right are swapped
TRIES = 4  # positions tried before a photograph is skipped
COVERED = 0.12  # share of a face that may be covered by a later photograph
VISIBLE = 0.5  # share of a face inside the scene from which it is a label; below, it is ignored
SMALLEST_LABEL = 9.0  # pixels; smaller faces are ignored
SMALLEST_LANDMARKS = 16.0  # pixels; landmarks of smaller faces are not accurate enough, and would dominate the loss
SCENE_CAMERA = Camera(
    gain=0.35, tint=0.1, grey=0.06, blurred=0.2, noisy=0.25, compressed=0.4, blur_sigma=(0.3, 1.2),
    jpeg_quality=(25, 90), dark=0.12, moved=0.12,
)  # fmt: skip


@dataclass
class Scene:
    """A picture (side, side, 3) uint8, BGR, and its faces; see `LabelledPhotograph` for the arrays."""

    picture: np.ndarray
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    landmarks: np.ndarray = field(default_factory=lambda: np.zeros((0, POINTS, 2), np.float32))
    ignored: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))


def make_scene(
    photos: Sequence[LabelledPhotograph],
    side: int,
    rng: np.random.Generator,
    frames: Sequence[LabelledPhotograph] = (),
    mistakes: Sequence[np.ndarray] = (),
) -> Scene:
    """A scene with photographs drawn at random; those without a face are used as background only.

    Parameters
    ----------
    frames : frames of videos, preferred for real backgrounds
    mistakes : false positives of the detector, pieces (h, w, 3) uint8 of pictures
    """
    wide = frames if len(frames) and rng.random() < FRAMES else photos
    scene = _natural(side, wide, rng) if rng.random() < NATURAL else None
    if scene is None:
        scene = Scene(background(side, wide, rng))
        for _ in range(rng.integers(*MORE_LOOKALIKES)):
            if len(mistakes) and rng.random() < MISTAKEN:
                _paste_mistake(scene, mistakes[int(rng.integers(len(mistakes)))], rng)
            else:
                _paste_lookalike(scene, photos[int(rng.integers(len(photos)))], rng)
    if rng.random() >= EMPTY:
        first = LARGE_SIZE if rng.random() < LARGE else SMALL_SIZE
        smallest, largest = np.log(SMALL_SIZE)
        more = np.exp(rng.uniform(smallest, largest, int(rng.integers(*MORE_FACES))))
        for size in (float(np.exp(rng.uniform(*np.log(first)))), *sorted(more, reverse=True)):
            photo = photos[int(rng.integers(len(photos)))]
            if len(photo.boxes):
                paste_photograph(scene, photo, size, rng)
    scene.picture = photographed(scene.picture, SCENE_CAMERA, rng)
    return _cut_to_picture(scene)


def _natural(side: int, photos: Sequence[LabelledPhotograph], rng: np.random.Generator) -> Scene | None:
    """A square piece of a picture as a scene, with the faces in it; None if the picture drawn is too small."""
    photo = photos[int(rng.integers(len(photos)))]
    image = picture_of(photo.path)
    height, width = image.shape[:2]
    if min(height, width) < NATURAL_SIDE:
        return None
    piece = round(min(height, width) / np.exp(rng.uniform(0, np.log(CLOSER))))
    x, y = int(rng.integers(0, width - piece + 1)), int(rng.integers(0, height - piece + 1))
    scale = side / piece
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(image[y : y + piece, x : x + piece], (side, side), interpolation=method)
    # pixel centres have integer coordinates, and resize aligns the outer edges of the pixels
    matrix = np.array([[scale, 0, (0.5 - x) * scale - 0.5], [0, scale, (0.5 - y) * scale - 0.5]])
    mirrored = rng.random() < MIRRORED
    if mirrored:
        picture = np.ascontiguousarray(picture[:, ::-1])
        matrix = np.array([[-scale, 0, side - 1 - matrix[0, 2]], matrix[1]])
    scene = Scene(picture)
    _add_faces(scene, photo, np.array([0, 0, width, height]), matrix, mirrored)
    return scene


def _turn(rng: np.random.Generator) -> float:
    """Random rotation of a piece, radians."""
    far = rng.random() < FAR_TURNED
    return float(np.radians(rng.uniform(-FAR_DEGREES, FAR_DEGREES) if far else rng.normal(0, TURN_DEGREES)))


def paste_photograph(scene: Scene, photo: LabelledPhotograph, size: float, rng: np.random.Generator) -> bool:
    """Paste the part of a photograph around one of its faces, scaled so that this face is about `size` pixels large.

    Returns False, without pasting, if no tried position leaves the scene's faces uncovered.
    """
    image = picture_of(photo.path)
    x1, y1, x2, y2 = box = photo.boxes[rng.integers(len(photo.boxes))]
    own = float(np.sqrt((x2 - x1 + 1) * (y2 - y1 + 1)))
    scale = min(size / own, LARGEST_ENLARGEMENT)
    narrowest, widest = np.log(MARGIN)
    margins = own * np.exp(rng.uniform(narrowest, widest, 4))
    window = np.concatenate([box[:2] - margins[:2], box[2:] + margins[2:] + 1]).round().astype(int)
    window = np.clip(window, 0, [image.shape[1], image.shape[0]] * 2)
    piece = image[window[1] : window[3], window[0] : window[2]]
    if min(piece.shape[:2]) < 2:
        return False
    turn, mirrored = _turn(rng), rng.random() < MIRRORED
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    if mirrored:
        linear = linear @ np.diag([-1.0, 1.0])
    side = len(scene.picture)
    centre = (box[:2] + box[2:]) / 2
    corners = np.array([[window[i], window[j]] for i in (0, 2) for j in (1, 3)], float) - centre
    reach = corners @ linear.T
    for _ in range(TRIES):
        place = rng.uniform(0, side, 2)
        extent = np.concatenate([(place + reach).min(0), (place + reach).max(0)]).astype(np.float32)
        if _covers_no_face(scene, extent):
            matrix = np.hstack([linear, (place - linear @ centre)[:, None]])
            blend(scene.picture, piece, window[:2], matrix, scale, rng.random() < SOFT)
            before = len(scene.boxes)
            _add_faces(scene, photo, window, matrix, mirrored)
            _dress(scene, before, rng)
            return True
    return False


def _dress(scene: Scene, before: int, rng: np.random.Generator) -> None:
    """Draw glasses or a mask on some of the faces from index `before` on."""
    for box, landmarks in zip(scene.boxes[before:], scene.landmarks[before:], strict=True):
        worn = rng.random()
        if worn >= GLASSES + MASKED or not np.isfinite(landmarks).all() or min(box[2:] - box[:2]) < SMALLEST_WORN:
            continue
        (wear_glasses if worn < GLASSES else wear_mask)(scene.picture, landmarks, rng)


def _covers_no_face(scene: Scene, extent: np.ndarray) -> bool:
    boxes = scene.boxes
    sides = np.minimum(boxes[:, 2:], extent[2:]) - np.maximum(boxes[:, :2], extent[:2])
    area = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    return bool((np.clip(sides, 0, None).prod(1) <= COVERED * area).all())


def _add_faces(scene: Scene, photo: LabelledPhotograph, window: np.ndarray, matrix: np.ndarray, mirrored: bool) -> None:
    inside = _share_inside(photo.boxes, window)
    boxes, landmarks = move_boxes(photo.boxes, matrix), move_landmarks(photo.landmarks, matrix, mirrored)
    whole, cut = inside >= 0.9, (inside > 0) & (inside < 0.9)
    ignored = move_boxes(photo.ignored, matrix)[_share_inside(photo.ignored, window) > 0]
    scene.boxes = np.concatenate([scene.boxes, boxes[whole]])
    scene.landmarks = np.concatenate([scene.landmarks, landmarks[whole]])
    scene.ignored = np.concatenate([scene.ignored, ignored, boxes[cut]])


def _share_inside(boxes: np.ndarray, window: np.ndarray) -> np.ndarray:
    """(n,), the share of each box inside a window x1, y1, x2, y2 with exclusive end."""
    sides = np.minimum(boxes[:, 2:] + 1, window[2:]) - np.maximum(boxes[:, :2], window[:2])
    return np.clip(sides, 0, None).prod(1) / (boxes[:, 2:] - boxes[:, :2] + 1).prod(1).clip(1e-6)


def move_boxes(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Boxes (n, 4) under a similarity (2, 3): their centres move, their sizes scale, they stay axis-aligned."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = ((boxes[:, 2:] - boxes[:, :2] + 1) * scale - 1) / 2
    return np.concatenate([centres - half, centres + half], 1).astype(np.float32)


def move_landmarks(landmarks: np.ndarray, matrix: np.ndarray, mirrored: bool) -> np.ndarray:
    """Landmarks (n, 5, 2) under a similarity (2, 3); left and right are swapped if it mirrors."""
    moved = (landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return moved[:, MIRROR_ORDER] if mirrored else moved


def _paste_mistake(scene: Scene, piece: np.ndarray, rng: np.random.Generator) -> None:
    """Paste a piece into a scene, at about its own size."""
    side = len(scene.picture)
    scale = min(np.exp(rng.uniform(*np.log(RESIZED))), (side - 1) / max(piece.shape[:2]))
    width, height = (max(1, int(n * scale)) for n in piece.shape[1::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    piece = cv2.resize(piece, (width, height), interpolation=method)
    if rng.random() < MIRRORED:
        piece = cv2.flip(piece, 1)
    x, y = int(rng.integers(0, side - width + 1)), int(rng.integers(0, side - height + 1))
    scene.picture[y : y + height, x : x + width] = piece


def _paste_lookalike(scene: Scene, photo: LabelledPhotograph, rng: np.random.Generator) -> None:
    side = len(scene.picture)
    size = int(np.exp(rng.uniform(*np.log((12, side / 2)))))
    thing = lookalike(photo, picture_of(photo.path), size, rng)
    mask = np.zeros((size, size), np.uint8)
    axes = (int(size * rng.uniform(0.3, 0.5)), int(size * rng.uniform(0.4, 0.5)))
    cv2.ellipse(mask, (size // 2, size // 2), axes, rng.uniform(-30, 30), 0, 360, 1, -1)
    x, y = (int(n) for n in rng.integers(0, side - size, 2))
    region = scene.picture[y : y + size, x : x + size]
    region[mask > 0] = thing[mask > 0]


def _cut_to_picture(scene: Scene) -> Scene:
    """Remove faces outside the picture, ignore those that are hardly visible, clip the others to the edge."""
    side = len(scene.picture)
    window = np.array([0, 0, side, side])
    share = _share_inside(scene.boxes, window)
    sizes = np.sqrt((scene.boxes[:, 2:] - scene.boxes[:, :2] + 1).prod(1))
    seen = (share >= VISIBLE) & (sizes >= SMALLEST_LABEL)
    clear = (sizes >= SMALLEST_LANDMARKS)[:, None, None]
    ignored = np.concatenate([scene.ignored, scene.boxes[(share > 0) & ~seen]])
    return Scene(
        scene.picture,
        np.clip(scene.boxes[seen], 0, np.float32(side - 1)),
        np.where(clear, scene.landmarks, np.float32(np.nan))[seen],
        np.clip(ignored[_share_inside(ignored, window) > 0], 0, np.float32(side - 1)),
    )
