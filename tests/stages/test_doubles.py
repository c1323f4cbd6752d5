"""Tracks that are a second detection of a face. Milliseconds."""

from __future__ import annotations

import numpy as np

from rcnn.clips.dataset import Clip
from rcnn.stages.doubles import find_doubles
from rcnn.tables.faces import ClipFaces

FACE, BELOW, BESIDE = (0, 0, 100, 100), (10, 45, 90, 125), (90, 0, 190, 100)


def faces(*tracks: tuple[int, int, tuple[int, ...]]) -> ClipFaces:
    """Of a clip: number, frames from the first on, and box of each track."""
    numbers = np.concatenate([np.full(count, number, np.int32) for number, count, _ in tracks])
    frames = np.concatenate([np.arange(1, count + 1, dtype=np.int32) for _, count, _ in tracks])
    boxes = np.concatenate([np.tile(np.array(box, np.float32), (count, 1)) for _, count, box in tracks])
    ones = np.ones(len(frames), np.float32)
    points = np.zeros((len(frames), 5, 2), np.float32)
    order = np.argsort(frames, kind="stable")
    crops = [b""] * len(frames)
    return ClipFaces(Clip("c", "", "test"), frames, frames / 8, ones, ones, boxes, points, crops, numbers).take(order)


def test_a_shorter_track_on_the_same_face_is_a_double_and_one_beside_is_not():
    clip = faces((0, 9, FACE), (2, 5, BELOW), (5, 5, BESIDE))
    assert find_doubles(clip, np.array([0, 2, 5])).tolist() == [False, True, False]
    assert find_doubles(clip, np.array([2, 5])).tolist() == [False, False]  # the face itself has no vector


def test_of_two_equally_long_ones_the_first_stays():
    assert find_doubles(faces((0, 4, FACE), (1, 4, BELOW)), np.array([0, 1])).tolist() == [False, True]


def test_few_faces_on_another_track_make_no_double():
    assert find_doubles(faces((0, 2, FACE), (1, 9, BELOW)), np.array([0, 1])).tolist() == [True, False]
    clip = faces((0, 9, FACE), (1, 6, BESIDE))
    clip.boxes[(clip.tracks == 1) & (clip.frames < 3)] = BELOW
    assert not find_doubles(clip, np.array([0, 1])).any()


def test_no_track_and_no_face():
    assert find_doubles(ClipFaces.none(Clip("c", "", "test")), np.zeros(0, np.int32)).tolist() == []
    assert find_doubles(faces((0, 1, FACE)), np.array([0])).tolist() == [False]
