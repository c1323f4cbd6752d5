"""Synthetic track vectors with cosines like those of real faces, as a virtual feature directory.

Measured on 5,432 photographs of 2,883 people with a published MobileFaceNet, 128 wide: two strangers have a cosine of
0.004 +- 0.095; the variances of strangers' vectors along their principal directions fall like exp(-1.5 u), u from 0 to
1 over the directions, and so do those of one person's; two photographs of a person have a median cosine of 0.67, and
0.53 to 0.79 for nine in ten people. Here this is extended to any number of directions: strangers have 0 +- 0.048 at
512. The more uniform the variances, the more candidates a search needs; vectors of 512 numbers were not measured.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from rcnn.faces.vectors import normalise
from rcnn.tables import MANIFEST, features_schema, vector_array

PART_ROWS = 32_000  # rows in a part of 64 MB at 512 numbers
FALL = 1.5  # of the variances
ALIKE, ALIKE_SPREAD, LEAST_ALIKE, MOST_ALIKE = 0.67, 0.08, 0.4, 0.9  # cosine of two tracks of a person
TRACKS_A_PERSON = 20  # mean of a geometric distribution
TRACKS_A_CLIP = 3
PHOTOGRAPHS, PEOPLE, DIRECTIONS = 1 << 40, 1 << 41, 1 << 42  # seeds, distinct from those of parts


class MadeFaces:
    """Imitates a `StageReader` of features: parts of `PART_ROWS` tracks, generated each time they are read.

    Parameters
    ----------
    path : directory for the manifest
    rows : number of tracks
    width : length of a vector
    seed : determines the people
    """

    tracked = True

    def __init__(self, path: Path, rows: int, width: int, seed: int) -> None:
        self.path, self.rows, self.width, self._seed = str(path), rows, width, seed
        self.seconds = 0.0  # spent on generating, over all threads
        self._lock = threading.Lock()
        found, _ = np.linalg.qr(np.random.default_rng((seed, DIRECTIONS)).normal(size=(width, width)))
        fall = np.exp(-FALL * np.arange(width) / width)
        self._directions = (np.sqrt(fall / fall.sum())[:, None] * found).astype(np.float32)
        starts = range(0, rows, PART_ROWS)
        self.parts = {str(start): self._sum(start) for start in starts}
        path.mkdir(parents=True, exist_ok=True)
        (path / MANIFEST).write_text(json.dumps({"parts": self.parts}))

    def _sum(self, start: int) -> str:
        """A substitute for the sha256 of a part: equal if its rows are equal."""
        return hashlib.sha256(f"{self._seed} {self.width} {start} {self._rows(start)}".encode()).hexdigest()

    def _rows(self, start: int) -> int:
        return min(PART_ROWS, self.rows - start)

    def rows_in(self, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of a part."""
        start = int(name)
        vectors = self.vectors(start)
        rows = np.arange(start, start + len(vectors))
        names = [f"IQIYI_VID_TEST_{row // TRACKS_A_CLIP:08d}.mp4" for row in rows.tolist()]
        tracks = pa.array((rows % TRACKS_A_CLIP).astype(np.int32))
        columns = [pa.array(names), pa.array(["test"] * len(rows)), tracks, vector_array(vectors)]
        yield pa.RecordBatch.from_arrays(columns, schema=features_schema(self.width, True))

    def vectors(self, start: int) -> np.ndarray:
        """(n, width) float32, unit: the tracks from `start` to the end of the part."""
        began = time.thread_time()
        count = self._rows(start)
        random = np.random.default_rng((self._seed, start))
        centres, alike = self._people(random, count // TRACKS_A_PERSON + 1)
        shares = random.geometric(1 / TRACKS_A_PERSON, len(centres)).astype(float)
        people = random.choice(len(centres), count, p=shares / shares.sum())
        found = self._tracks(random, centres[people], alike[people])
        with self._lock:
            self.seconds += time.thread_time() - began
        return found

    def photographs(self, count: int, seed: int) -> np.ndarray:
        """(count, width) float32: every other one shows a person in the index."""
        random = np.random.default_rng((seed, PHOTOGRAPHS))
        people = min(PART_ROWS, self.rows) // TRACKS_A_PERSON + 1
        found = []
        for number in range(count):
            if number % 2 == 0:
                start = int(random.integers(max(self.rows // PART_ROWS, 1))) * PART_ROWS
                centres, alike = self._people(np.random.default_rng((self._seed, start)), people)
            else:
                centres, alike = self._people(random, 1)
            one = int(random.integers(len(centres)))
            found.append(self._tracks(random, centres[one : one + 1], alike[one : one + 1])[0])
        return np.stack(found)

    def _people(self, random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Directions of people, not rotated yet, and the cosine between two of their tracks."""
        centres = random.standard_normal((count, self.width), np.float32)
        return centres, np.clip(random.normal(ALIKE, ALIKE_SPREAD, count), LEAST_ALIKE, MOST_ALIKE).astype(np.float32)

    def _tracks(self, random: np.random.Generator, centres: np.ndarray, alike: np.ndarray) -> np.ndarray:
        noise = random.standard_normal(centres.shape, np.float32)
        mixed = np.sqrt(alike)[:, None] * centres + np.sqrt(1 - alike)[:, None] * noise
        return normalise(mixed @ self._directions)
