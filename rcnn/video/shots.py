"""Detects cuts between shots in the sampled frames of a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from scenedetect import FrameTimecode

SIZE = (64, 36)  # width, height in pixels to which frames are scaled for comparison: larger ones find no more cuts
RATE = 25.0  # nominal frame rate of the detector; it has no effect, because the minimum length of a shot is one frame


class Shots:
    """Numbers the shots of a video from its sampled frames.

    It uses PySceneDetect's adaptive detector: a cut is a change of content that is large compared with those of the
    surrounding frames, so that a fast pan is not a cut. It finds as many cuts at 8 frames per second as at the full
    rate.
    """

    def __init__(self) -> None:
        # imported here, since they take a quarter of the start of detect.py and only shots need them
        from scenedetect import FrameTimecode
        from scenedetect.detectors import AdaptiveDetector

        self._time = FrameTimecode
        self._detector = AdaptiveDetector(min_scene_len=1)
        self._count = 0
        self._cuts: set[int] = set()

    def add(self, image: np.ndarray) -> None:
        """The next frame, (h, w, 3) uint8, BGR."""
        small = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
        self._notice(self._detector.process_frame(self._time(self._count, RATE), small))
        self._count += 1

    def numbers(self) -> np.ndarray:
        """Number of the shot of each frame, (n,) int32, from 0; no more frames may be added afterwards."""
        if self._count:
            self._notice(self._detector.post_process(self._time(self._count - 1, RATE)))
        starts = np.zeros(self._count, np.int32)
        starts[sorted(cut for cut in self._cuts if 0 < cut < self._count)] = 1
        return np.cumsum(starts, dtype=np.int32)

    def _notice(self, cuts: list[FrameTimecode]) -> None:
        self._cuts.update(cut.frame_num for cut in cuts)
