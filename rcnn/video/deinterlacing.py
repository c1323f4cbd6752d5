"""Deinterlaces pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from av.filter import Graph
from av.video.frame import VideoFrame

from .graphs import buffer

LEAST_SIDE = 4  # pixels that bwdif needs

Tag = TypeVar("Tag")


class Deinterlacer(Generic[Tag]):
    """Makes a full picture from the first of two successive fields; progressive pictures pass unchanged.

    It needs the previous and the next picture, so all pictures go through it, and come out one later, in order, each
    with the caller's data.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None
        self._inside: deque[Tag | None] = deque()

    def begin(self, picture: VideoFrame) -> None:
        """The picture before the first one, which has come out already."""
        for _ in self._put(picture, None):
            pass

    def push(self, picture: VideoFrame, tag: Tag) -> Iterator[tuple[VideoFrame, Tag]]:
        """The pictures that are ready when this one is known."""
        return self._put(picture, tag)

    def _put(self, picture: VideoFrame, tag: Tag | None) -> Iterator[tuple[VideoFrame, Tag]]:
        kind = (picture.width, picture.height, picture.format.name)
        if kind != self._kind:
            yield from self.flush()
            self._kind = kind
        if min(picture.width, picture.height) < LEAST_SIDE:
            if tag is not None:
                yield picture, tag
            return
        if self._graph is None:
            self._graph = Graph()
            self._graph.threads = 1
            self._source = buffer(self._graph, picture)
            bwdif = self._graph.add("bwdif", mode="send_frame", deint="interlaced")
            self._sink = self._graph.add("buffersink")
            self._graph.link_nodes(self._source, bwdif, self._sink).configure()
        self._inside.append(tag)
        self._source.push(picture)
        yield from self._ready()

    def flush(self) -> Iterator[tuple[VideoFrame, Tag]]:
        """The last picture."""
        if self._graph is not None:
            self._source.push(None)
            yield from self._ready()
            self._graph = None
            self._inside.clear()

    def _ready(self) -> Iterator[tuple[VideoFrame, Tag]]:
        while self._inside:
            try:
                picture = self._sink.pull()
            except (BlockingIOError, EOFError):  # it waits for the next one; there is none
                return
            assert isinstance(picture, VideoFrame)
            tag = self._inside.popleft()
            if tag is not None:
                yield picture, tag
