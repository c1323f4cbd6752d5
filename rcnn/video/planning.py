"""Finds where to cut a film into pieces, without decoding it; for the decoder process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from .clock import Clock, promised_seconds
from .opening import open_video
from .seeking import can_seek, read_packets
from .stills import still_kind

MOST = 10_000  # cuts: over three days of pieces of half a minute; what is behind them is one piece


def plan_cuts(path: str, longest: float, progress: Callable[[], None]) -> list[float]:
    """Seconds of a file at which to cut it, rising.

    Parameters
    ----------
    path : a file on the disk
    longest : seconds of a piece
    progress : called for each packet

    Raises
    ------
    UnreadableError
        As `frames.read_frames`.
    """
    kind, moves = still_kind(path)
    if kind and not moves:
        return []
    container, stream = open_video(path)
    with closing(container):
        clock = Clock(container, stream)
        promised = clock.tick_of(float(promised_seconds(container, stream)))
        step = clock.tick_of(longest)
        if can_seek(container) and promised:
            cuts = _by_seeking(container, stream, clock, promised, step, progress)
        else:
            cuts = _by_reading(read_packets(container, stream, []), clock, step, progress)
        found = []
        for cut in cuts:
            found.append(float(clock.seconds(cut)))
            if len(found) == MOST:
                break
        return found


def _by_seeking(
    container: InputContainer, stream: VideoStream, clock: Clock, promised: int, step: int, progress: Callable[[], None]
) -> Iterator[int]:
    """Ticks of the last key frame of each step, and where there is none, of its end; up to the end that is there."""
    whole = "mov" in container.format.name  # is an index there
    last = 0
    while promised - last > step:
        target = last + step
        key = None
        try:
            container.seek(clock.stamp(target), stream=stream)
        except av.error.FFmpegError:
            return
        for packet in read_packets(container, stream, []):
            progress()
            shown = last if packet.pts is None else clock.raw(packet.pts)
            if packet.is_keyframe and last < shown <= target:
                key = shown
            decoded = shown if packet.dts is None else clock.raw(packet.dts)
            if decoded >= target or (whole and packet.is_keyframe):
                break
        else:
            if key is None:
                return  # nothing follows
        last = target if key is None else key
        yield last


def _by_reading(packets: Iterator[Packet], clock: Clock, step: int, progress: Callable[[], None]) -> Iterator[int]:
    """The same of all packets, whose times may start again."""
    last = key = 0
    for packet in packets:
        progress()
        decoded = shown = clock.tick(packet.dts)
        if packet.pts is not None and not clock.has_begun_anew:
            shown = clock.raw(packet.pts)
        while decoded - last > step:
            last = key if key > last else last + step
            yield last
        if packet.is_keyframe and shown - last <= step:
            key = shown
