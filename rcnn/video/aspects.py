"""The shape of pixels, which may change in mid-stream."""

from __future__ import annotations

from fractions import Fraction

from av.video.stream import VideoStream


class Aspects:
    """The pixel aspect ratio of each picture: the container's, or else the stream's, which may change.

    A decoder reports its latest value while earlier pictures are still to come.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._context = stream.codec_context
        coded = self._context.sample_aspect_ratio
        self._fixed = stream.sample_aspect_ratio != coded
        self._now = self._last = stream.sample_aspect_ratio or Fraction(1)
        self._since: int | None = None

    def notice(self, pts: int | None) -> None:
        """A packet with this presentation time stamp was decoded."""
        latest = self._context.sample_aspect_ratio or Fraction(1)
        if not self._fixed and latest != self._last:
            self._last, self._since = latest, pts

    def of(self, pts: int | None) -> Fraction:
        """Width by height of a pixel of the picture with this time stamp, the next in the order of presentation."""
        if self._now is not self._last and (pts is None or self._since is None or pts >= self._since):
            self._now = self._last
        return self._now
