"""Who is known and who is a stranger, and which looks at whom are known, calibrated with, and searched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .films import Shot
from .videos import RATE, Video

KNOWN = 0.5  # share of the people with enough material who are known
PIECE = 3.0  # seconds of a clip by which somebody is known, or of a stranger's
PIECES = 4  # clips of a known person, at most
SHOT = (1.5, 5.0)  # seconds
LEAST = 4 * PIECE  # seconds of a known person's video, where there is one only
APART = 1.0  # seconds between what is known of a video and what is searched
STRANGERS_SEEN = 0.5  # share of the strangers that calibration sees


@dataclass(frozen=True)
class Material:
    """Stretches of a person's videos, each a first look and the one after the last."""

    known: list[tuple[Video, int, int]]
    searched: list[tuple[Video, int, int]]


def halves(videos: list[Video]) -> tuple[list[str], list[str]]:
    """The people in two halves, with as many of several sessions in each."""
    sessions: dict[str, set[str]] = {}
    for video in videos:
        sessions.setdefault(video.person, set()).add(video.session)
    order = sorted(sessions, key=lambda person: (-min(len(sessions[person]), 2), person))
    return order[::2], order[1::2]


def material(videos: list[Video], rng: np.random.Generator) -> Material | None:
    """What a person is known by and searched in: other sessions, else another part of the video; None: too short."""
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
    """Clips of `PIECE` seconds or less from stretches, no two of which overlap."""
    step = int(PIECE * RATE)
    found = [
        Shot(video, first, min(step, stop - first) / RATE)
        for video, start, stop in stretches
        for first in range(start, stop, step)
        if stop - first >= RATE or first == start
    ]
    return [found[index] for index in rng.permutation(len(found))[:most]]


def draw_shot(stretches: list[tuple[Video, int, int]], rng: np.random.Generator) -> Shot:
    """A shot from anywhere in some stretches."""
    video, start, stop = stretches[rng.integers(len(stretches))]
    room = (stop - start - 1) / RATE
    seconds = float(min(rng.uniform(*SHOT), room))
    first = start + int(rng.integers(0, max(1, int((room - seconds) * RATE) + 1)))
    return Shot(video, first, seconds)
