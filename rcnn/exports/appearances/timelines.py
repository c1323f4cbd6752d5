"""Appearances as timelines: one per person and rate, with the appearances in sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .rates import frame_at, frame_range, rate_name, source_rate, timecode_rate
from .rows import Row, Sheet, Video
from .text import file_stem


@dataclass(frozen=True)
class Event:
    """An appearance in frames of the timeline's rate.

    first : frame of the source, from 0
    frames : number of frames, at least 1
    best : frame of the source with the best face, one of these frames
    available : number of frames of the source
    """

    row: Row
    video: Video
    first: int
    frames: int
    best: int
    available: int


@dataclass(frozen=True)
class Timeline:
    """The appearances of a person in clips of one rate, by source and start.

    name : name of the person on one line
    label : of the person
    rate : frames per second
    several : whether the person has timelines of other rates
    """

    name: str
    label: int
    rate: Fraction
    several: bool
    events: list[Event]

    @property
    def title(self) -> str:
        """The name, with the rate if there are several."""
        return f"{self.name}, {rate_name(self.rate)} fps" if self.several else self.name

    @property
    def stem(self) -> str:
        """Its file name without extension."""
        name = f"{self.label} {self.name}" if self.name != str(self.label) else self.name
        return f"{file_stem(name)} {rate_name(self.rate)}" if self.several else file_stem(name)


def make_timelines(sheet: Sheet, timecode: bool) -> Iterator[Timeline]:
    """Timelines by label, then by rate.

    Parameters
    ----------
    timecode : whether rates must have a timecode
    """
    pairs = np.stack([sheet.numbers("fps"), sheet.numbers("seconds")], 1)
    kinds, which = np.unique(pairs, axis=0, return_inverse=True)
    rates = [source_rate(float(fps), float(seconds)) for fps, seconds in kinds]
    if timecode:
        rates = list(map(timecode_rate, rates))
    order = sorted(set(rates))
    places = np.array([order.index(rate) for rate in rates], np.int64)[which.reshape(-1)]
    who = sheet.numbers("who")
    people, counts = np.unique(np.unique(np.stack([who, places], 1), axis=0)[:, 0], return_counts=True)
    several = set(people[counts > 1].tolist())
    rank = {rate: place for place, rate in enumerate(order)}
    for group in sheet.groups(who, places):
        row, video = group[0]
        rate = source_rate(video.fps, video.seconds)
        rate = order[rank[timecode_rate(rate) if timecode else rate]]
        yield Timeline(row.who, row.label, rate, row.label in several, [_event(*pair, rate) for pair in group])


def _event(row: Row, video: Video, rate: Fraction) -> Event:
    first, frames = frame_range(row.start, row.end, rate)
    best = min(max(frame_at(row.best.time, rate), first), first + frames - 1)
    available = max(first + frames, frame_range(0, video.length, rate)[1])
    return Event(row, video, first, frames, best, available)
