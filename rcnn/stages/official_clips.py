"""The clips of pickles in the pickles' order, in sorted chunks on disk, so that a stopped run can resume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct, to_builtins

from .. import files
from ..clips.dataset import STAGES, TEST, TRAIN, VAL, part_of
from ..clips.official import clip_name, part_of_clip
from ..errors import InputError
from ..faces.shipped import good_faces, largest_faces, parse_faces, pooled, tracks_of, weights_of
from ..files.json import read_json, reason, write_json
from ..files.pickled import PickledDict, Place, find_far
from ..tables import CLIPS_SCHEMA, NO_FACE, OK, UNREADABLE, vector_array
from ..tables.schema import NO_SOURCE, NO_VIDEO
from ..tables.sorting import Chunks
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .settings import ImportSettings
from .settings.clips import ALL
from .settings.official import QUALITY

STATE = "reading.json"
CHUNK_BYTES = 16 << 20  # of vectors, after which a chunk is written, if reading can resume at that point of the pickle
MOST_BYTES = 128 << 20  # the same if it can't
CLIP_BYTES = 1024  # of a clip besides its vectors
FOUND = {**NO_SOURCE, **NO_VIDEO, "state": OK, "reason": "", "frames": 0, "faces": 0}
COUNTS = ("clips", "bad", "seen", "used", TRAIN, VAL, TEST)
MOST_FAR = 1 << 16  # numbers allowed in a state file
MANY_BAD = 0.5  # share of clips without faces above which it is another kind of file


class _State(Struct):
    """The progress of reading: `header` identifies the run, the rest is that of `Reading`."""

    header: dict[str, Any]
    done: int
    place: Place | None
    far: list[int]
    sums: dict[str, str]
    counts: dict[str, int]


@dataclass
class Reading:
    """The progress of reading the pickles.

    done : pickles that have been read completely
    place : in the next one; None for its beginning
    far : of the next one, as returned by `find_far`; None if not known
    chunks : with the tables `clips` and `rows`
    counts : of clips read, bad ones, faces seen and used, and clips of each part of the data set
    """

    folder: str
    header: dict[str, Any]
    chunks: Chunks
    done: int = 0
    place: Place | None = None
    far: frozenset[int] | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))

    @property
    def clips(self) -> int:
        return self.counts["clips"]

    @property
    def seen(self) -> int:
        return self.counts["seen"]

    @property
    def parts(self) -> list[str]:
        """The splits of the data set in which clips were found."""
        return [part for part in (TRAIN, VAL, TEST) if self.counts[part]]

    @property
    def used(self) -> int:
        return self.counts["used"]

    @staticmethod
    def begun(folder: str, header: dict[str, Any], overwrite: bool) -> Reading:
        """The progress of an earlier run with the same arguments and pickles; else an empty one.

        Raises
        ------
        InputError
            If it can't be read.
        """
        path = files.join(folder, STATE)
        try:
            state = None if overwrite else read_json(path, _State)
        except FileNotFoundError:
            state = None
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: can't be read ({reason(error)}); give --overwrite to start again") from None
        if state is None or state.header != _comparable(header):
            files.remove_tree(folder)
            files.make_dir(folder)
            return Reading(folder, header, Chunks(folder, {}))
        far = frozenset(state.far) if state.place is not None else None
        chunks = Chunks(folder, state.sums)
        return Reading(folder, header, chunks, state.done, state.place, far, state.counts)

    def save(self, done: int, place: Place | None) -> None:
        """Record that reading can resume at a place."""
        self.done, self.place = done, place
        far = sorted(self.far) if self.far is not None and place is not None else []
        state = _State(_comparable(self.header), done, place, far, self.chunks.sums, self.counts)
        write_json(files.join(self.folder, STATE), to_builtins(state))


def _comparable(header: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a header that determines what is read."""
    free = ("output", "overwrite", "renew", "recipe", "inputs")
    arguments = {key: value for key, value in header["arguments"].items() if key not in free}
    return {"arguments": arguments, "models": header["models"]}


class ClipsOfPickles:
    """Reads pickles into chunks.

    Parameters
    ----------
    settings : of the run
    schema : of the rows
    listed : part of the data set by clip, of the files of labels
    reading : the progress of an earlier run
    """

    def __init__(self, settings: ImportSettings, schema: pa.Schema, listed: dict[str, str], reading: Reading) -> None:
        self._settings, self._schema, self._listed, self.reading = settings, schema, listed, reading
        self._width: int = schema.field("feature").type.list_size
        self._clips: list[dict[str, Any]] = []
        self._tracks: list[tuple[dict[str, Any], np.ndarray, np.ndarray]] = []
        self._bytes = 0

    def is_mine(self, name: str) -> bool:
        """Whether a clip belongs to the run's part of a job array."""
        index, count = self._settings.split
        return part_of(name, count) == index

    def read(self) -> None:
        """Read the rest of all pickles.

        Raises
        ------
        InputError
            If one can't be read, or most of it is not faces.
        """
        reading = self.reading
        paths = self._settings.inputs
        for number in range(reading.done, len(paths)):
            path = paths[number]
            if reading.far is None:
                print(f"import-features: scanning {path}", flush=True)
                reading.far = find_far(path)
            items = PickledDict(path, reading.far, reading.place)
            with progress(what=files.base_name(path), unit="clip") as bar:
                for key, entries in until_stopped(items):
                    self._take(path, key, entries)
                    bar.update()
                    if self._bytes >= CHUNK_BYTES:
                        self._save(number, items.place)
            self._write()
            reading.far = None
            reading.save(number + 1, None)
        if reading.counts["bad"] > MANY_BAD * reading.clips:
            raise InputError(
                f"{' '.join(paths)}: {reading.counts['bad']} of {reading.clips} clips have no faces [frame, box, "
                "score, quality, vector]; give the features of faces, heads or bodies as iQIYI-VID-2019 shipped them"
            )

    def _save(self, number: int, place: Place | None) -> None:
        """Write a chunk, and record that reading can resume at a place of a pickle, if there is one."""
        assert self.reading.far is not None
        resumes = place is not None and len(self.reading.far) <= MOST_FAR
        if resumes or self._bytes >= MOST_BYTES:
            self._write()
        if resumes:
            self.reading.save(number, place)

    def _take(self, path: str, key: str | bytes, entries: Any) -> None:
        settings, counts = self._settings, self.reading.counts
        try:
            name = clip_name(key)
        except ValueError as error:
            raise InputError(f"{path}: {error}; give a pickle whose keys are names of clips") from None
        if not self.is_mine(name):
            return
        split = part_of_clip(name, self._listed, settings.stage, path)
        if split not in STAGES[settings.stage]:
            return
        clip = {**FOUND, "name": name, "split": split}
        counts["clips"] += 1
        counts[split] += 1
        self._clips.append(clip)
        self._bytes += CLIP_BYTES
        try:
            faces = parse_faces(entries)
            if faces is not None and len(faces) and faces.vectors.shape[1] != self._width:
                raise ValueError(f"has vectors of {faces.vectors.shape[1]} numbers, the first clip of {self._width}")
        except ValueError as error:
            counts["bad"] += 1
            clip.update(state=UNREADABLE, reason=str(error))
            return
        if faces is None or not len(faces):
            clip.update(state=NO_FACE, reason="" if faces is None else "its vectors have no direction")
            return
        clip["frames"] = len(np.unique(faces.frames))
        counts["seen"] += len(faces)
        faces = good_faces(faces, settings.quality_threshold)
        if settings.faces == ALL:
            tracks = tracks_of(faces)
        else:
            faces = largest_faces(faces)
            tracks = np.zeros(len(faces), np.int32)
        weights = weights_of(faces) if settings.weights == QUALITY else np.ones(len(faces))
        numbers, vectors = pooled(faces, tracks, weights)
        if not len(numbers):
            clip.update(state=NO_FACE, reason="its vectors have no direction")
            return
        clip["faces"] = len(faces)
        counts["used"] += len(faces)
        self._tracks.append((clip, numbers, vectors))
        self._bytes += vectors.nbytes

    def _write(self) -> None:
        """Write the clips in memory as a chunk."""
        if not self._clips:
            return
        clips = pa.Table.from_pylist(self._clips, CLIPS_SCHEMA)
        repeated = [clip for clip, numbers, _ in self._tracks for _ in numbers]
        columns = {
            "name": pa.array([clip["name"] for clip in repeated], pa.string()),
            "split": pa.array([clip["split"] for clip in repeated], pa.string()),
            "track": pa.array([int(one) for _, numbers, _ in self._tracks for one in numbers], pa.int32()),
            "feature": vector_array(
                np.concatenate([vectors for *_, vectors in self._tracks])
                if self._tracks
                else np.zeros((0, self._width), np.float32)
            ),
        }
        rows = pa.Table.from_arrays([columns[name] for name in self._schema.names], schema=self._schema)
        self.reading.chunks.add(clips=clips, rows=rows)
        self._clips, self._tracks, self._bytes = [], [], 0
