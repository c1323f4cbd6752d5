"""Splits people into known people and strangers, and their videos into known clips, calibration and search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .films import Shot
from .videos import RATE, Video

KNOWN = 0.5  # share of known people among those with enough material
PIECE = 3.0  # seconds of a known person's or a stranger's clip
PIECES = 4  # maximum clips of a known person
SHOT = (1.5, 5.0)  # seconds
LEAST = 4 * PIECE  # minimum seconds of the video of a known person with a single video
APART = 1.0  # seconds between the known and the searched part of a video
STRANGERS_SEEN = 0.5  # share of the strangers used for calibration


@dataclass(frozen=True)
class Material:
    """Intervals of a person's videos, each from a sampled frame to an exclusive end."""

    known: list[tuple[Video, int, int]]
    searched: list[tuple[Video, int, int]]


def halves(videos: list[Video]) -> tuple[list[str], list[str]]:
    """Split the people into halves, with equally many people with several sessions in each."""
    sessions: dict[str, set[str]] = {}
    for video in videos:
        sessions.setdefault(video.person, set()).add(video.session)
    order = sorted(sessions, key=lambda person: (-min(len(sessions[person]), 2), person))
    return order[::2], order[1::2]


def material(videos: list[Video], rng: np.random.Generator) -> Material | None:
    """A person's known and searched material: different sessions, else different parts of the video; None if too
    short."""
    sessions = sorted({video.session for video in videos})
    if len(sessions) > 1:
        order = [sessions[index] for index in rng.permutation(len(sessions))]
        known = set(order[: len(order) // 2])
        whole = [(video, 0, video.looks) for video in videos]
        return Material(
            [part for part in whole if part[0].session in known],
            [part for part in whole if part[0].session not in known],
        )
    longest = max(videos, key=lambda video: video.looks)
    if longest.looks < LEAST * RATE:
        return None
    middle = longest.looks // 2
    return Material([(longest, 0, middle)], [(longest, middle + int(APART * RATE), longest.looks)])


def pieces(stretches: list[tuple[Video, int, int]], most: int, rng: np.random.Generator) -> list[Shot]:
    """Non-overlapping clips of at most `PIECE` seconds from intervals."""
    step = int(PIECE * RATE)
    found = [
        Shot(video, first, min(step, stop - first) / RATE)
        for video, start, stop in stretches
        for first in range(start, stop, step)
        if stop - first >= RATE or first == start
    ]
    return [found[index] for index in rng.permutation(len(found))[:most]]


def draw_shot(stretches: list[tuple[Video, int, int]], rng: np.random.Generator) -> Shot:
    """A shot from a random position in some intervals."""
    video, start, stop = stretches[rng.integers(len(stretches))]
    room = (stop - start - 1) / RATE
    seconds = float(min(rng.uniform(*SHOT), room))
    first = start + int(rng.integers(0, max(1, int((room - seconds) * RATE) + 1)))
    return Shot(video, first, seconds)
