"""Where a video cuts from one shot to another, seen on the frames that are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from scenedetect import FrameTimecode

SIZE = (64, 36)  # width, height in pixels of what frames are compared in: larger ones find no more cuts
RATE = 25.0  # frames a second that the detector counts in; it plays no part, for one frame is a shot at least


class Shots:
    """Numbers the shots of a video, of which it is shown the frames that are looked at.

    PySceneDetect's adaptive detector does it: a cut is a change of content that is large beside those of the frames
    around it, so that a fast pan is none. It finds as many cuts at 8 frames a second as at all of them.
    """

    def __init__(self) -> None:
        # a quarter of the start of detect.py, so only where shots are wanted
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
        """Number of the shot of each frame that came, (n,) int32, from 0; no more frames may come after it."""
        if self._count:
            self._notice(self._detector.post_process(self._time(self._count - 1, RATE)))
        starts = np.zeros(self._count, np.int32)
        starts[sorted(cut for cut in self._cuts if 0 < cut < self._count)] = 1
        return np.cumsum(starts, dtype=np.int32)

    def _notice(self, cuts: list[FrameTimecode]) -> None:
        self._cuts.update(cut.frame_num for cut in cuts)
