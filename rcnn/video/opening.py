"""Opens a file and selects its video stream, or tells why there is none."""

from __future__ import annotations

import os
import re
import struct
from functools import cache
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from ..errors import UnreadableError

# They refer to other files, so that a file would show another's frames; image2 expands % in a name to many names.
PLAYLISTS = {"concat", "dash", "hls", "image2", "imf", "rtsp", "sdp", "webm_dash_manifest"}
# Codecs of pictures: a stream of one, of which no number of frames is known, is one beside a stream of another codec
PICTURES = {"bmp", "gif", "jpeg2000", "jpegls", "jpegxl", "mjpeg", "pbm", "pgm", "png", "ppm", "tiff", "webp"}
NEVER = Disposition.attached_pic | Disposition.timed_thumbnails
THREADS = 1  # a decoder runs on each core: two threads cost 25% more CPU for 444x240 H.264
ISO_BOXES = {b"ftyp", b"mdat", b"free", b"skip", b"wide", b"styp", b"uuid", b"pnot"}  # that such a file begins with
NO_VIDEO = "is not a video, or its beginning is damaged"  # reason if the format of a file is unknown
BOXES_READ = 10_000  # of a file without an index
# text in a file that is no UTF-8; from release 19 on PyAV accepts it by itself, and has no such argument
METADATA: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


def open_video(path: str) -> tuple[InputContainer, VideoStream]:
    """Open a file, and choose the stream to read. The caller closes the container.

    Raises
    ------
    UnreadableError
        If there is no file, no video in it, or no decoder for it.
    """
    if not os.path.isfile(path):
        raise UnreadableError("is not a file")
    try:
        with open(path, "rb") as file:
            if not file.read(1):
                raise UnreadableError("is empty")
        options = {"format_whitelist": _formats(), "protocol_whitelist": "file"}
        # "file:", as a name with a colon would be the URL of something else
        container = av.open(f"file:{path}", container_options=options, **METADATA)
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        raise UnreadableError(_why_not_opened(path, error)) from None
    except OSError as error:
        raise UnreadableError(f"can't be read: {error.strerror or error}") from None
    try:
        stream = choose_stream(container)
    except BaseException:
        container.close()
        raise
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    stream.codec_context.thread_count = THREADS
    return container, stream


def choose_stream(container: InputContainer) -> VideoStream:
    """The video stream that a player would show: a default one, not a picture, else FFmpeg's best one.

    Raises
    ------
    UnreadableError
        If there is no video stream, or none that can be decoded.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & NEVER]
    if not streams:
        kinds = sorted({stream.type for stream in container.streams})
        there = "a cover picture" if container.streams.video else " and ".join(kinds)
        raise UnreadableError(f"has no video stream, only {there}" if kinds else "has no video stream")
    decodable = [stream for stream in streams if stream.codec_context is not None]
    if not decodable:
        raise UnreadableError(f"codec {_undecodable(container, streams[0])} has no decoder")
    best = container.streams.best("video")

    def rank(stream: VideoStream) -> tuple[bool, bool, bool, int, int]:
        pixels = stream.codec_context.width * stream.codec_context.height
        default = bool(stream.disposition & Disposition.default)
        return _moves(stream), default, best is not None and stream.index == best.index, pixels, -stream.index

    return max(decodable, key=rank)


def _moves(stream: VideoStream) -> bool:
    if stream.frames:
        return stream.frames > 1
    return stream.codec_context.codec.canonical_name not in PICTURES


@cache
def _formats() -> str:
    """The names of the accepted containers, in FFmpeg's format."""
    return ",".join(sorted(name for name in av.formats_available if name not in PLAYLISTS))


def _undecodable(container: InputContainer, stream: VideoStream) -> str:
    """Name of the codec of a stream that has no decoder; the name that the container gives it if FFmpeg knows none."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # the only way to the name
    try:
        dump = container.dumps_format()  # type: ignore[attr-defined]
    finally:
        av.logging.set_level(level)
    found = re.search(rf"Stream #0:{stream.index}\b.*?Video: (\w+)(?:.*?\((\w[^/)]*) / 0x)?", dump)
    if found is None:
        return "unknown"
    return found[2] if found[1] == "none" and found[2] else found[1]


def _why_not_opened(path: str, error: av.error.FFmpegError) -> str:
    if isinstance(error, av.error.ArgumentError):
        return "can't be opened as a video: it is a playlist, which names other files; give those"
    if not isinstance(error, av.error.InvalidDataError):
        return f"can't be opened as a video: {error.strerror}"
    kinds = _iso_boxes(path)
    if kinds and not {b"moov", b"moof"} & kinds:
        return "its index (moov atom) is missing: it was truncated, or its recording was never finished"
    return NO_VIDEO


def _iso_boxes(path: str) -> set[bytes]:
    """Kinds of the outermost boxes of an MP4 or QuickTime file (ISO/IEC 14496-12, 4.2); empty for another file."""
    kinds: set[bytes] = set()
    with open(path, "rb") as file:
        for _ in range(BOXES_READ):
            header = file.read(16)
            if len(header) < 8:
                break
            length, kind = struct.unpack(">I4s", header[:8])
            if not kinds and kind not in ISO_BOXES | {b"moov"}:
                break
            kinds.add(kind)
            if length == 1 and len(header) == 16:  # the length stands behind, in 64 bits
                (length,) = struct.unpack(">Q", header[8:])
            if length < 8:  # 0: up to the end of the file
                break
            file.seek(length - len(header), os.SEEK_CUR)
    return kinds
