"""Synthetic faces for benchmarks of the later stages."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from rcnn.clips.dataset import NAMES_FILE, TRAIN_FILE, VAL_FILE, Clip
from rcnn.clips.layout import write_lines
from rcnn.networks.checkpoint import Graph
from rcnn.networks.graphs.builder import GraphBuilder
from rcnn.tables import CLIPS_SCHEMA, StageWriter, vector_array
from rcnn.tables.faces import ClipFaces
from rcnn.tables.schema import POINT_NUMBERS, TRACKED_FACES_SCHEMA, unknown_source, unknown_video

BATCH = 1000  # clips generated together
SIDE = 112  # pixels of a crop
CROP_BYTES = 4000  # of a stored crop, like real ones
COARSE = 7  # cells per side of a synthetic crop, used by the network below
RATE = 8.0  # sampled frames per second of detect.py --recipe best
TRACKS = 2  # per clip; every other clip has one more


def made_up_faces(clip: Clip, count: int, crop: bytes) -> ClipFaces:
    """`count` faces of a clip, all with the same crop."""
    return ClipFaces(
        clip,
        np.arange(3, 3 * count + 3, 3, dtype=np.int32),
        np.arange(count) / 8,
        np.full(count, 0.9, np.float32),
        np.full(count, 20, np.float32),
        np.zeros((count, 4), np.float32),
        np.zeros((count, 5, 2), np.float32),
        [crop] * count,
        np.zeros(count, np.int32),
    )


def made_up_crops(count: int) -> list[bytes]:
    """Crops of blurred noise as JPEG of `CROP_BYTES`, padded with a comment."""
    rng = np.random.default_rng(0)
    crops = []
    for _ in range(count):
        cells = rng.integers(0, 256, (COARSE, COARSE, 3), np.uint8)
        picture = cv2.resize(cells, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 50])[1].tobytes()
        comment = rng.bytes(max(0, CROP_BYTES - len(data) - 4))
        marker = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big")
        crops.append(data[:2] + marker + comment + data[2:])
    return crops


def pooling_network(width: int) -> Graph:
    """An embedding that costs next to nothing: the mean of `COARSE` x `COARSE` cells, times a random matrix."""
    builder = GraphBuilder()
    cell = SIDE // COARSE
    shape = {"kernel": (cell, cell), "stride": (cell, cell), "pool_type": "avg"}
    pool = builder.add("pool", "Pooling", (builder.input(3),), 3, **shape)
    centred = builder.scalar("centred", "_minus_scalar", pool, 127.5)
    return builder.graph([builder.fully_connected("fc1", centred, 3 * COARSE**2, width)], "pooling")


def write_made_up_faces(path: str, clips: int, faces: int, people: int, crops: Sequence[bytes]) -> None:
    """A detect directory, as of detect.py --recipe best, with a data set of only labels, at `path`-labels.

    Clips have two or three tracks, in turn. The labelled person is the first or the second track and has the same crop
    in all clips; other people have random crops.

    Parameters
    ----------
    clips, faces : number of clips, and of faces per clip
    people : labels are -1 (nobody known) to people - 1
    """
    rng = np.random.default_rng(0)
    arguments = {"recipe": "best", "faces": "all", "rate": RATE, "image_size": [SIDE, SIDE]}
    arguments["dataset"] = f"{path}-labels"
    known: dict[str, int] = {}
    with StageWriter(path, "detect", TRACKED_FACES_SCHEMA, arguments=arguments) as writer:
        for start in range(0, clips, BATCH):
            count = min(BATCH, clips - start)
            names = np.array([f"clip_{start + i:09d}.mp4" for i in range(count)], object)
            labels = rng.integers(-1, people, count).astype(np.int32)
            splits = np.array(["train"] * count, object)
            of = np.repeat(np.arange(count), faces)  # the clip of each face
            tracks = (np.tile(np.arange(faces), count) % (TRACKS + of % 2)).astype(np.int32)
            shown = rng.integers(0, len(crops), (count, TRACKS + 1))
            shown[np.arange(count), rng.integers(0, 2, count)] = labels % len(crops)
            rows = len(of)
            looks = np.tile(np.arange(faces) // TRACKS, count)
            columns = [
                pa.array(names[of]),
                pa.array(splits[of]),
                pa.array(looks * 3 + 1, pa.int32()),
                pa.array(looks / RATE),
                pa.array(np.full(rows, 0.9, np.float32)),
                pa.array(np.full(rows, 20, np.float32)),
                vector_array(np.zeros((rows, 4))),
                vector_array(np.zeros((rows, POINT_NUMBERS))),
                pa.array([crops[index] for index in shown[of, tracks]], pa.binary()),
                pa.array(tracks),
            ]
            writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=TRACKED_FACES_SCHEMA))
            writer.add_clips(clip_rows(names, splits, faces))
            known.update(zip(names, labels.tolist(), strict=True))
    write_labels(f"{path}-labels", known)


def write_labels(root: str, labels: Mapping[str, int]) -> str:
    """A data set of only training labels, below 1 for nobody known; returns its directory."""
    os.makedirs(os.path.join(root, os.path.dirname(NAMES_FILE)), exist_ok=True)
    known = (f"{name} {label}" for name, label in labels.items() if label > 0)
    for file, lines in ((NAMES_FILE, labels), (TRAIN_FILE, known), (VAL_FILE, ())):
        write_lines(Path(root, file), lines)
    return root


def clip_rows(names: Sequence[str], splits: Sequence[str], faces: int) -> pa.RecordBatch:
    """Rows of the clip table, for clips with `faces` faces each."""
    count = len(names)
    many = pa.array(np.full(count, faces), pa.int32())
    columns = [pa.array(names), pa.array(splits), *unknown_source(count)]
    columns += [pa.array(["ok"] * count), pa.array([""] * count), many, many, *unknown_video(count)]
    return pa.RecordBatch.from_arrays(columns, schema=CLIPS_SCHEMA)
