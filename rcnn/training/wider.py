"""The annotation files of WIDER FACE (arXiv:1511.06523), with and without RetinaFace's landmarks."""

from __future__ import annotations

import math
import os

import numpy as np

from ..errors import InputError
from ..faces.types import POINTS
from ..files.text import read_text
from .labels import LabelledPhotograph

MAX_BYTES = 256 << 20  # largest label file
PICTURES = (".jpg", ".jpeg", ".png")
BOX_COLUMNS = 10  # x, y, w, h, blur, expression, illumination, invalid, occlusion, pose
INVALID = 7  # column of the flag for faces too hard to judge
POINT_COLUMNS = 3  # x, y and a flag of each landmark, -1 where it is unknown


def read_wider(folder: str, labels: str) -> list[LabelledPhotograph]:
    """Read the pictures of a folder with the faces that a label file gives them.

    Parameters
    ----------
    folder : root of the file names in `labels`
    labels : `wider_face_train_bbx_gt.txt` (name, number of faces, one line per face), whose invalid faces are ignored;
        or RetinaFace's `label.txt` (`# name`, one line per face: box, then x, y and flag of each landmark)

    Raises
    ------
    InputError
        If a file cannot be read or a line is malformed; the message names the line.
    """
    try:
        lines = read_text(labels, MAX_BYTES).splitlines()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"--labels {labels}: can't be read ({reason}); give WIDER FACE's file of faces") from None
    first = next((line for line in lines if line.strip()), "")
    parse = parse_landmarks if first.startswith("#") else parse_boxes
    photographs = parse(lines, folder, labels)
    missing = next((photo.path for photo in photographs if not os.path.exists(photo.path)), None)
    if missing:
        raise InputError(f"--wider {folder}: {missing}, which {labels} names, does not exist; give the folder above it")
    return photographs


def parse_boxes(lines: list[str], folder: str, source: str) -> list[LabelledPhotograph]:
    """The pictures of `wider_face_train_bbx_gt.txt`; messages name the file `source`."""
    photographs = []
    at = 0
    while at < len(lines):
        name = lines[at].strip()
        at += 1
        if not name:
            continue
        if not name.lower().endswith(PICTURES):
            raise InputError(f"{source}, line {at}: {name[:60]!r} is not the name of a picture; get the file again")
        count = lines[at].strip() if at < len(lines) else ""
        if not (count.isascii() and count.isdigit() and len(count) < 7):
            raise InputError(f"{source}, line {at + 1}: {count[:60]!r} is not the number of faces; get the file again")
        at += 1
        rows = max(int(count), 1)  # a picture without faces has one line of zeros
        if at + rows > len(lines) and int(count):
            raise InputError(f"{source}, line {len(lines)}: the file ends inside {name}; get the file again")
        faces: list[list[float]] = []
        ignored: list[list[float]] = []
        for number in range(at, at + rows):
            if int(count) == 0 and (number >= len(lines) or lines[number].strip().lower().endswith(PICTURES)):
                rows = 0  # some copies omit the zeros
                break
            values = _numbers(lines[number], source, number + 1, (BOX_COLUMNS,))
            if values[2] > 0 and values[3] > 0:
                (ignored if values[INVALID] else faces).append(_box(values))
        at += rows
        unknown = np.full((len(faces), POINTS, 2), np.nan)
        photographs.append(LabelledPhotograph.of(os.path.join(folder, name), faces, unknown, ignored))
    return photographs


def parse_landmarks(lines: list[str], folder: str, source: str) -> list[LabelledPhotograph]:
    """The pictures of RetinaFace's `label.txt`; messages name the file `source`."""
    photographs = []
    name: str | None = None
    faces: list[list[float]] = []
    landmarks: list[np.ndarray] = []
    for number, line in enumerate([*lines, "#"], start=1):
        if line.startswith("#"):
            if name is not None:
                photographs.append(LabelledPhotograph.of(os.path.join(folder, name), faces, landmarks, []))
            name, faces, landmarks = line[1:].strip(), [], []
        elif line.strip():
            if not name:
                raise InputError(f"{source}, line {number}: a face before the name of a picture; get the file again")
            points = POINTS * POINT_COLUMNS
            values = _numbers(line, source, number, (4, 4 + points, 5 + points))
            if values[2] > 0 and values[3] > 0:
                faces.append(_box(values))
                landmarks.append(_landmarks(values[4 : 4 + points]))
    return photographs


def _numbers(line: str, source: str, number: int, columns: tuple[int, ...]) -> list[float]:
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        values = []
    if len(values) not in columns or not all(map(math.isfinite, values)):
        wanted = " or ".join(map(str, columns))
        raise InputError(
            f"{source}, line {number}: {line[:60]!r} is not a face of {wanted} numbers; get the file again"
        )
    return values


def _box(values: list[float]) -> list[float]:
    """x1, y1, x2, y2, both ends included, from x, y, width and height."""
    x, y, width, height = values[:4]
    return [x, y, x + width - 1, y + height - 1]


def _landmarks(values: list[float]) -> np.ndarray:
    """(5, 2), NaN for a face whose landmarks were not all marked."""
    points = np.array(values).reshape(-1, POINT_COLUMNS)
    unknown = len(points) != POINTS or (points[:, 2] < 0).any()
    return np.full((POINTS, 2), np.nan) if unknown else points[:, :2]
