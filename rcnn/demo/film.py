"""Films people: where the camera stands, how they move, what light there is; frames of a clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ..video.motion import FPS
from .body import FINE, LEFT
from .light import Light, shading, tint
from .person import DrawnPerson
from .pose import HEAD, Pose, posed, sources
from .scene import draw_scene

SECONDS = (1.0, 1.6)  # length of a clip
SIZE = (444, 240)  # width and height of a frame, pixels: half of what the detector is shown
HEADROOM = 1.12  # a scene is larger than the frame by this factor, so that the camera can move
ZOOM = (1.1, 1.8)  # pixels of the frame a pixel of the canvas, for frames 240 high
DEFINITE_HEIGHT = 240.0
ANGLES = {"yaw": 0.28, "pitch": 0.12, "roll": 0.10}  # radians, farthest mean of a clip
SWAY = {"yaw": 0.10, "pitch": 0.06, "roll": 0.05}  # radians, largest movement around it
FACES = {"smile": (-1.0, 2.2), "jaw": (-0.6, 1.4), "brow": (-0.8, 1.5), "squint": (0.0, 0.35)}  # see `Pose`
BLINK = 0.75  # squint of a blink
BLINK_FRAMES = 5
CELL = 6  # pixels of the frame; movement and light are worked out for cells and interpolated
SHADE_UNIT = 112  # a factor of 1 in uint8; light doubles brightness at most
GRAIN_ROOM = 64  # pixels that the noise is larger than a frame, so that it can be shifted
SMALLEST_BLUR = 0.3  # sigma under which nothing is seen of it
BLUR = (0.0, 1.1)  # sigma, pixels of the frame
NOISE = (0.5, 4.0)  # standard deviation, grey levels
GAIN = (0.75, 1.2)
WARMTH = (-0.10, 0.12)
STRENGTH = (0.0, 0.55)
CRF = (20, 32)  # x264's constant rate factor: 18 looks like the original, 40 is blocks
SCENE_LIGHT = 0.6  # share of the lamp's gain and colour that the scene gets, too


@dataclass(frozen=True)
class Take:
    """How a clip was filmed.

    poses, lights : one a frame
    scale : pixels of the frame a pixel of the canvas, one a frame
    centre : (n, 2), x, y of the middle of the head, pixels of the frame
    pan : (n, 2), x, y of the frame in the scene, pixels
    blur : sigma, pixels of the frame
    noise : standard deviation, grey levels
    crf : x264's constant rate factor
    seed : of the scene and the noise
    """

    poses: tuple[Pose, ...]
    lights: tuple[Light, ...]
    scale: np.ndarray
    centre: np.ndarray
    pan: np.ndarray
    blur: float
    noise: float
    crf: int
    seed: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.poses)


def draw_take(*seed: int, size: tuple[int, int] = SIZE) -> Take:
    """The take that belongs to some numbers, of frames of `size` (width, height)."""
    rng = np.random.default_rng(seed)
    count = round(FPS * rng.uniform(*SECONDS))
    paths = {name: rng.uniform(-far, far) + _wander(count, rng) * SWAY[name] for name, far in ANGLES.items()}
    for name, (low, high) in FACES.items():
        middle, reach = (low + high) / 2, (high - low) / 2
        paths[name] = middle + reach * np.clip(rng.uniform(-0.7, 0.7) + 0.5 * _wander(count, rng), -1, 1)
    if rng.random() < 0.5:
        start = int(rng.integers(0, count - BLINK_FRAMES))
        closing = np.sin(np.linspace(0, np.pi, BLINK_FRAMES + 2))[1:-1] * BLINK
        stop = start + BLINK_FRAMES
        paths["squint"][start:stop] = np.maximum(paths["squint"][start:stop], closing)
    poses = tuple(Pose(**{name: float(path[i]) for name, path in paths.items()}) for i in range(count))
    side = rng.uniform(-1.2, 1.2) + 0.4 * _wander(count, rng)
    lift = rng.uniform(-0.3, 1.0) + 0.2 * _wander(count, rng)
    gain = rng.uniform(*GAIN) * (1 + 0.05 * _wander(count, rng))
    strength, warmth = float(rng.uniform(*STRENGTH)), float(rng.uniform(*WARMTH))
    lights = tuple(Light(float(side[i]), float(lift[i]), strength, float(gain[i]), warmth) for i in range(count))
    width, height = size
    scale = np.exp(rng.uniform(*np.log(ZOOM))) * height / DEFINITE_HEIGHT * (1 + 0.03 * _wander(count, rng))
    # the top of the head stays near the upper edge, where camera operators leave it
    head = HEAD[1] * scale + height * rng.uniform(-0.02, 0.10)
    middle = width * rng.uniform(0.32, 0.68)
    centre = np.stack([middle + 0.02 * width * _wander(count, rng), head + 0.01 * height * _wander(count, rng)], 1)
    room = (np.array(size) * (HEADROOM - 1)) / 2
    pan = room * (1 + np.stack([_wander(count, rng), _wander(count, rng)], 1) * 0.9)
    return Take(
        poses, lights, scale, centre, pan, float(rng.uniform(*BLUR)), float(rng.uniform(*NOISE)),
        round(rng.uniform(*CRF)), seed,
    )  # fmt: skip


def _wander(count: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth path (count,) within -1..1: two slow waves."""
    time = np.arange(count) / FPS
    waves = [np.sin(2 * np.pi * (rng.uniform(0.15, 0.7) * time + rng.random())) for _ in range(2)]
    return (waves[0] * 0.65 + waves[1] * 0.35).astype(np.float64)


def film_frames(person: DrawnPerson | None, take: Take, size: tuple[int, int] = SIZE) -> Iterator[np.ndarray]:
    """The frames (height, width, 3) uint8, BGR, of a take; without a person the scene alone."""
    rng = np.random.default_rng((*take.seed, 1))
    scene = draw_scene(round(size[0] * HEADROOM), round(size[1] * HEADROOM), rng)
    lamp = tint(take.lights[0])
    scene = cv2.convertScaleAbs(scene * (1 + SCENE_LIGHT * (lamp - 1)))
    lighter, darker = _grain(size, take.noise, rng)
    for number in range(len(take)):
        shift = np.array([[1, 0, -take.pan[number, 0]], [0, 1, -take.pan[number, 1]]])
        frame = cv2.warpAffine(scene, shift, size, borderMode=cv2.BORDER_REPLICATE)
        if person is not None:
            frame = _placed(frame, person, take, number)
        if take.blur > SMALLEST_BLUR:
            frame = cv2.GaussianBlur(frame, (0, 0), take.blur)
        x, y = (int(v) for v in rng.integers(0, GRAIN_ROOM, 2))
        window = slice(y, y + size[1]), slice(x, x + size[0])
        yield cv2.subtract(cv2.add(frame, lighter[window]), darker[window])


def _grain(size: tuple[int, int], deviation: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What the noise adds and takes, uint8, three equal channels, larger than a frame by GRAIN_ROOM."""
    noise = rng.standard_normal((size[1] + GRAIN_ROOM, size[0] + GRAIN_ROOM)).astype(np.float32) * deviation
    noise = np.rint(cv2.merge([noise] * 3))
    return np.clip(noise, 0, 255).astype(np.uint8), np.clip(-noise, 0, 255).astype(np.uint8)


def _placed(frame: np.ndarray, person: DrawnPerson, take: Take, number: int) -> np.ndarray:
    """The person before the scene. All is done in uint8, which is several times faster than in float32."""
    height, width = frame.shape[:2]
    rows, columns = -(-height // CELL), -(-width // CELL)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    middles = np.dstack([x, y]) * CELL + np.float32((CELL - 1) / 2)  # of cells, as cv2.resize has them
    goal = (middles - take.centre[number]) / take.scale[number] + HEAD
    source = sources(take.poses[number], goal.astype(np.float32))
    shade = np.clip(shading(take.lights[number], source) * SHADE_UNIT, 0, 255).astype(np.uint8)
    on_bust = (source + np.array([LEFT + 0.5, 0.5], np.float32)) * FINE - np.float32(0.5)
    whole = (columns * CELL, rows * CELL)
    shade = cv2.resize(shade, whole)[:height, :width]
    at = cv2.resize(on_bust, whole)[:height, :width]
    blue, green, red, alpha = cv2.split(cv2.remap(person.bust, at, None, cv2.INTER_LINEAR))
    covered = cv2.bitwise_not(cv2.merge([alpha] * 3))
    lit = cv2.multiply(cv2.merge([blue, green, red]), shade, scale=1 / SHADE_UNIT)
    return cv2.add(cv2.multiply(frame, covered, scale=1 / 255), lit)


def shown_landmarks(person: DrawnPerson, take: Take, number: int) -> np.ndarray:
    """Where the five landmarks are in a frame: (5, 2) float64, x, y in pixels."""
    on_canvas = posed(person.landmarks, take.poses[number])
    return (on_canvas - HEAD) * take.scale[number] + take.centre[number]
