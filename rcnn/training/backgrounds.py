"""Backgrounds without faces, and face-like distractors to draw on them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .labels import LabelledPhotograph
from .pictures import picture_of

CLEARANCE = 0.15  # minimum gap between a patch and a face, as a share of the face's size
SMALLEST_PATCH = 12  # pixels per side
COLLAGE = 0.6  # probabilities of the background kinds; the remainder is a texture with shapes
GRADIENT = 0.15
PATCHES = (2, 9)  # in a collage
SHAPES = (0, 12)
OCTAVES = (2, 4, 8, 16, 32, 64)  # noise cells per side of a texture
SKIN_HUE = (0, 25)  # OpenCV's scale, 0 to 180
SKIN_SATURATION = (30, 170)
SKIN_VALUE = (60, 255)
LETTER = 0.25  # probability that a lookalike is a character
CHARACTERS = "ABCDEGHKMNOQRSWXaegmsw023456789&@%#$8"
LETTER_HEIGHT = (0.5, 1.1)  # share of `size`
LETTER_BOLD = (0.0, 0.08)  # extra stroke width, share of the letter's height
TILES = (2, 5)  # per side, of a scrambled face


def patch_without_faces(photo: LabelledPhotograph, image: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A rectangle of a photograph beside, above or below all faces, ignored ones included; None if there is no room."""
    height, width = image.shape[:2]
    boxes = np.concatenate([photo.boxes, photo.ignored])
    if len(boxes):
        clear = CLEARANCE * (boxes[:, 2:] - boxes[:, :2] + 1)
        left, top = np.floor((boxes[:, :2] - clear).min(0)).clip(0).astype(int)
        right, bottom = np.ceil((boxes[:, 2:] + clear).max(0) + 1).astype(int)
        rooms = [(0, 0, left, height), (right, 0, width, height), (0, 0, width, top), (0, bottom, width, height)]
    else:
        rooms = [(0, 0, width, height)]
    rooms = [room for room in rooms if min(room[2] - room[0], room[3] - room[1]) >= SMALLEST_PATCH]
    if not rooms:
        return None
    x1, y1, x2, y2 = rooms[rng.integers(len(rooms))]
    w = int(rng.integers(SMALLEST_PATCH, x2 - x1 + 1))
    h = int(rng.integers(SMALLEST_PATCH, y2 - y1 + 1))
    x, y = int(rng.integers(x1, x2 - w + 1)), int(rng.integers(y1, y2 - h + 1))
    return image[y : y + h, x : x + w]


def background(side: int, photos: Sequence[LabelledPhotograph], rng: np.random.Generator) -> np.ndarray:
    """A picture (side, side, 3) uint8 without faces: patches of photographs, a gradient, or a texture with shapes."""
    kind = rng.random()
    if kind < COLLAGE:
        return _collage(side, photos, rng)
    picture = _gradient(side, rng) if kind < COLLAGE + GRADIENT else _texture(side, rng)
    for _ in range(rng.integers(*SHAPES)):
        _draw_shape(picture, rng)
    return picture


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    blue, green, red = (int(c) for c in rng.integers(0, 256, 3))
    return blue, green, red


def _gradient(side: int, rng: np.random.Generator) -> np.ndarray:
    corners = rng.uniform(0, 255, (2, 2, 3)).astype(np.float32)
    return cv2.resize(corners, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def _texture(side: int, rng: np.random.Generator) -> np.ndarray:
    """Noise at several scales, grey or coloured."""
    total = np.full((side, side, 3), rng.uniform(40, 215, 3), np.float32)
    for cells in OCTAVES:
        shape = (cells, cells, 3) if rng.random() < 0.5 else (cells, cells, 1)
        noise = rng.normal(0, rng.uniform(0, 40), shape).astype(np.float32)
        method = cv2.INTER_CUBIC if rng.random() < 0.8 else cv2.INTER_NEAREST
        total += cv2.resize(noise, (side, side), interpolation=method).reshape(side, side, -1)
    return np.clip(total, 0, 255).astype(np.uint8)


def _collage(side: int, photos: Sequence[LabelledPhotograph], rng: np.random.Generator) -> np.ndarray:
    """Patches of photographs: the first fills the picture, the others are placed at random."""
    picture = _gradient(side, rng)
    for number in range(rng.integers(*PATCHES)):
        photo = photos[int(rng.integers(len(photos)))]
        patch = patch_without_faces(photo, picture_of(photo.path), rng)
        if patch is None:
            continue
        w, h = (side, side) if number == 0 else (int(n) for n in rng.integers(side // 8, side + 1, 2))
        x, y = int(rng.integers(0, side - w + 1)), int(rng.integers(0, side - h + 1))
        if rng.random() < 0.5:
            patch = cv2.flip(patch, int(rng.integers(-1, 2)))
        picture[y : y + h, x : x + w] = cv2.resize(patch, (w, h), interpolation=cv2.INTER_LINEAR)
    return picture


def _draw_shape(picture: np.ndarray, rng: np.random.Generator) -> None:
    side = len(picture)
    points = [tuple(int(n) for n in rng.integers(0, side, 2)) for _ in range(4)]
    colour, thickness = _colour(rng), int(rng.choice([-1, 1, 2, 4, 8]))
    kind = rng.integers(5)
    if kind == 0:
        cv2.line(picture, points[0], points[1], colour, abs(thickness))
    elif kind == 1:
        cv2.rectangle(picture, points[0], points[1], colour, thickness)
    elif kind == 2:
        cv2.circle(picture, points[0], int(rng.integers(2, side // 4)), colour, thickness)
    elif kind == 3:
        cv2.fillPoly(picture, [np.array(points)], colour)
    else:
        text = "".join(rng.choice(list("ABCDEHKMNORSTXaeghkmnost0123456789"), int(rng.integers(1, 9))))
        cv2.putText(picture, text, points[0], int(rng.integers(0, 8)), rng.uniform(0.4, 3), colour, abs(thickness))


def letter(size: int, rng: np.random.Generator) -> np.ndarray:
    """One or two characters on a plain background, (size, size, 3) uint8."""
    image = Image.new("RGB", (size, size), _colour(rng))
    height = size * rng.uniform(*LETTER_HEIGHT)
    bold = int(height * rng.uniform(*LETTER_BOLD))
    text = "".join(rng.choice(list(CHARACTERS), int(rng.integers(1, 3))))
    place = (size / 2, size / 2)
    draw = ImageDraw.Draw(image)
    draw.text(place, text, _colour(rng), ImageFont.load_default(height), "mm", stroke_width=bold)
    return np.asarray(image)


def lookalike(photo: LabelledPhotograph, image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """An object that is not a face, (size, size, 3) uint8: a character, a patch of skin, a blob with spots, or a
    scrambled face."""
    if rng.random() < LETTER:
        return letter(size, rng)
    if len(photo.boxes) and rng.random() < 0.5:
        x1, y1, x2, y2 = photo.boxes[rng.integers(len(photo.boxes))].round().astype(int)
        face = image[max(y1, 0) : y2 + 1, max(x1, 0) : x2 + 1]
        if min(face.shape[:2]) >= SMALLEST_PATCH:
            return _scrambled(cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA), rng)
    hsv = np.array([[[rng.uniform(*span) for span in (SKIN_HUE, SKIN_SATURATION, SKIN_VALUE)]]], np.uint8)
    skin = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0]
    shading = cv2.resize(rng.uniform(0.6, 1.2, (3, 3, 1)).astype(np.float32), (size, size))[..., None]
    blob = np.clip(shading * skin, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(0, 4)):
        centre, axes = rng.integers(0, size, 2), rng.integers(1, max(2, size // 5), 2)
        cv2.ellipse(blob, centre.tolist(), axes.tolist(), rng.uniform(0, 180), 0, 360, _colour(rng), -1)
    return blob


def _scrambled(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The face's tiles shuffled so that none keeps its place."""
    tiles = int(rng.integers(*TILES))
    edges = np.linspace(0, len(face), tiles + 1).astype(int)
    order = rng.permutation(tiles * tiles)
    result = np.empty_like(face)
    cells = [(slice(*edges[r : r + 2]), slice(*edges[c : c + 2])) for r in range(tiles) for c in range(tiles)]
    for target, source in zip(np.roll(order, 1), order, strict=True):  # one cycle: no tile keeps its place
        piece = face[cells[source]]
        shape = face[cells[target]].shape
        result[cells[target]] = cv2.resize(piece, (shape[1], shape[0]))
    return result
