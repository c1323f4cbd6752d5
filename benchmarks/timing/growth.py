"""Part `growth`: time and memory of detect.py and feature.py against the number of clips and of cores."""

from __future__ import annotations

from collections.abc import Iterator

from .setup import Row, Setup, read_rows

TIMES = (1, 2, 4, 8)


def measure(setup: Setup, count: int) -> Iterator[Row]:
    """One row per number of clips, from `count` to eight times as many, and per number of cores."""
    for cores in dict.fromkeys((len(setup.cores), 1)):
        last: tuple[int, float, int, float] = (0, 0.0, 0, 0.0)
        for times in TIMES:
            dataset = setup.subset(count * times)
            faces, vectors = setup.fresh("faces"), setup.fresh("vectors")
            detect = setup.detect(dataset, faces, setup.cores[:cores])
            feature = setup.feature(faces, vectors, setup.cores[:cores])
            clips = read_rows(faces, "clips")
            frames = sum(clip["frames"] for clip in clips)
            found = len(read_rows(faces, "faces"))
            this = frames, detect.seconds, found, feature.seconds
            more_frames, more_detect, more_faces, more_feature = (a - b for a, b in zip(this, last, strict=True))
            last = this
            yield {
                "cores": cores,
                "clips": len(clips),
                "frames": frames,
                "detect s": round(detect.seconds, 1),
                "frames/s": round(frames / detect.seconds, 1),
                "more frames/s": _rate(more_frames, more_detect) if times > TIMES[0] else None,
                "busy": f"{detect.busy(cores):.0%}",
                "detect MB": round(detect.peak_mb),
                "faces": found,
                "feature s": round(feature.seconds, 1),
                "faces/s": round(found / feature.seconds, 1),
                "more faces/s": _rate(more_faces, more_feature) if times > TIMES[0] else None,
                "feature MB": round(feature.peak_mb),
            }


def _rate(units: int, seconds: float) -> float | None:
    """Units per second; None if noise exceeded the time difference."""
    return round(units / seconds, 1) if seconds > 0 else None
