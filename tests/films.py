"""Films that are cut together of shots with known people, and the data set that they are found in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rcnn.clips.layout import FOLDERS
from rcnn.config import config
from rcnn.video.motion import FPS, write_video

CRF = 20  # of the films, x264's


@dataclass(frozen=True)
class Shot:
    """Frames (height, width, 3) uint8 in which one person is in view; 0 is for a stranger, None for nobody."""

    label: int | None
    frames: Sequence[np.ndarray]


def true_spans(shots: Iterable[Shot]) -> dict[int, list[tuple[float, float]]]:
    """Start and end in seconds of each known person's appearances in a film of shots, by label."""
    spans: dict[int, list[tuple[float, float]]] = {}
    start = 0
    for shot in shots:
        end = start + len(shot.frames)
        if shot.label:
            mine = spans.setdefault(shot.label, [])
            if mine and start / FPS - mine[-1][1] <= config.APPEARANCE.GAP:
                mine[-1] = mine[-1][0], end / FPS
            else:
                mine.append((start / FPS, end / FPS))
        start = end
    return spans


def write_clips(root: Path, split: str, clips: dict[str, tuple[int, Sequence[Shot]]], size: tuple[int, int]) -> None:
    """Write clips of shots into a data set: by name, the label of the clip, 0 for none, and its shots."""
    folder = root / FOLDERS[split]
    folder.mkdir(parents=True, exist_ok=True)
    (root / "gt_v2").mkdir(exist_ok=True)
    for name, (_, shots) in clips.items():
        write_video(folder / name, _frames(shots), size, CRF)
    with open(root / "gt_v2/IQIYI_VID.txt", "a") as file:
        file.writelines(f"{name}\n" for name in clips)
    by_label: dict[int, list[str]] = {}
    for name, (label, _) in clips.items():
        by_label.setdefault(label, []).append(name)
    known = {label: names for label, names in by_label.items() if label}
    if split == "train":
        lines = [f"{name} {label}\n" for label, names in known.items() for name in names]
    else:
        lines = [f"{label} {' '.join(names)}\n" for label, names in known.items()]
    (root / f"gt_v2/{split}_v2.txt").write_text("".join(lines))


def _frames(shots: Iterable[Shot]) -> Iterator[np.ndarray]:
    for shot in shots:
        yield from shot.frames
