"""Clips to faces: frames, detection, choice of one face a frame, alignment, quality."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import pyarrow as pa

from ..checkpoint import checkpoint_files
from ..config import config
from ..dataset import TRAIN, Clip, list_clips
from ..detector import Embedder, EsshDetector, align_faces, load_detector, load_embedder
from ..detector.alignment import target_points
from ..detector.embedding import norms
from ..detector.essh import central_face
from ..engine import choose_device
from ..progress import progress
from ..store import FACES_SCHEMA, NO_FACE, OK, UNREADABLE, StageWriter, check_output
from ..video import UnreadableError, read_frames

BATCH_FRAMES = 8  # frames of a clip that go through the detector together
QUANTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)  # percent, of quality, in the summary
HISTOGRAM_STEP = 0.05  # of quality; quantiles of any number of faces then take no memory to speak of


@dataclass(frozen=True)
class DetectSettings:
    """What `detect.py` takes; see its help."""

    model: str
    detector: str
    output: str
    dataset: str
    stage: str
    gpu: int | None = None
    sampling: int = 3
    split: tuple[int, int] = (0, 1)
    quality_threshold: float = 10.0
    image_size: tuple[int, int] = (112, 112)
    overwrite: bool = False


@dataclass
class FoundFaces:
    """The faces of one clip that were looked at, and those that were kept.

    frames : how many frames were looked at
    qualities : of every chosen face, kept or not
    rows : of the faces that were kept, without name, split and label
    """

    frames: int
    qualities: np.ndarray
    rows: list[dict[str, object]]


def find_faces(
    clip: Clip,
    detector: EsshDetector,
    embedder: Embedder,
    sampling: int,
    threshold: float,
    size: tuple[int, int],
) -> FoundFaces:
    """The central face of each sampled frame of a clip, where there is one.

    A val or test clip in which no face is detected is looked at once more, at every frame.

    Raises
    ------
    UnreadableError
        If the clip can't be decoded.
    """
    found = _scan(clip, detector, embedder, sampling, threshold, size)
    if not len(found.qualities) and clip.split != TRAIN and sampling > 1:
        found = _scan(clip, detector, embedder, 1, threshold, size)
    return found


def _scan(
    clip: Clip,
    detector: EsshDetector,
    embedder: Embedder,
    sampling: int,
    threshold: float,
    size: tuple[int, int],
) -> FoundFaces:
    frames = 0
    chosen: list[dict[str, object]] = []
    crops: list[np.ndarray] = []
    for numbers, images in read_frames(clip.path, sampling, BATCH_FRAMES):
        frames += len(numbers)
        for number, image, faces in zip(
            numbers, images, detector.detect(list(images), batch_size=BATCH_FRAMES), strict=True
        ):
            if not len(faces):
                continue
            best = central_face(faces, image.shape[1], image.shape[0])
            crops.append(align_faces(image, faces.landmarks[best : best + 1], size)[0])
            chosen.append(
                {
                    "frame": number,
                    "score": faces.scores[best],
                    "box": faces.boxes[best],
                    "landmarks": faces.landmarks[best].reshape(-1),
                }
            )
    qualities = norms(embedder.embed(crops)) if crops else np.zeros(0, np.float32)
    rows = [
        {**row, "quality": quality, "crop": _jpeg(crop)}
        for row, quality, crop in zip(chosen, qualities, crops, strict=True)
        if quality >= threshold
    ]
    return FoundFaces(frames, qualities, rows)


def _jpeg(crop: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, config.CROP.JPEG_QUALITY])[1].tobytes()


class QualityHistogram:
    """Counts of quality, from which quantiles come within half a step."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def add(self, qualities: np.ndarray) -> None:
        """Count (n,) float32 qualities."""
        self.counts.update((qualities / HISTOGRAM_STEP).astype(np.int64).tolist())

    def quantiles(self, percents: Sequence[int] = QUANTILES) -> dict[int, float]:
        """Quality under which a share of the faces lies, by percent; empty without faces."""
        total = sum(self.counts.values())
        result = {}
        passed = 0
        steps = iter(sorted(self.counts.items()))
        step = -1
        for percent in percents if total else ():
            while passed < total * percent / 100:
                step, count = next(steps)
                passed += count
            result[percent] = round((step + 0.5) * HISTOGRAM_STEP, 2)
        return result


def detect(settings: DetectSettings) -> None:
    """Run the stage: read the data set, write the directory, print a summary.

    Raises
    ------
    InputError
        If an argument, the data set or a model is wrong.
    """
    started = time.monotonic()
    target_points(settings.image_size)
    check_output(settings.output, settings.overwrite)
    clips = list_clips(settings.dataset, settings.stage, settings.split)
    device = choose_device(settings.gpu)
    detector = load_detector(settings.detector, device)
    embedder = load_embedder(settings.model, device)
    files = [*checkpoint_files(settings.detector), *checkpoint_files(settings.model)]
    histogram = QualityHistogram()
    writer = StageWriter(
        settings.output,
        "detect",
        FACES_SCHEMA,
        arguments=asdict(settings),
        models=files,
        overwrite=settings.overwrite,
    )
    for clip in progress(clips, what="detect", unit="clip"):
        who = {"name": clip.name, "split": clip.split, "label": clip.label}
        try:
            found = find_faces(
                clip,
                detector,
                embedder,
                settings.sampling,
                settings.quality_threshold,
                settings.image_size,
            )
        except UnreadableError as error:
            writer.add_clips([{**who, "state": UNREADABLE, "reason": str(error), "frames": 0, "faces": 0}])
            continue
        histogram.add(found.qualities)
        state, reason = _state(found, settings.quality_threshold)
        writer.add_clips([{**who, "state": state, "reason": reason, "frames": found.frames, "faces": len(found.rows)}])
        if found.rows:
            writer.add_rows(pa.RecordBatch.from_pylist([{**who, **row} for row in found.rows], FACES_SCHEMA))
    seen = sum(histogram.counts.values())
    quantiles = histogram.quantiles()
    manifest = writer.close(faces_seen=seen, quality_quantiles=quantiles)
    _summary(settings, manifest, quantiles, seen, time.monotonic() - started)


def _state(found: FoundFaces, threshold: float) -> tuple[str, str]:
    if found.rows:
        return OK, ""
    if not len(found.qualities):
        return NO_FACE, "no face detected"
    return NO_FACE, f"best quality {found.qualities.max():.2f} is under the threshold {threshold:g}"


def _summary(settings: DetectSettings, manifest: dict, quantiles: dict[int, float], seen: int, seconds: float) -> None:
    counts = manifest["counts"]
    if quantiles:
        line = "  ".join(f"{percent}% {value:g}" for percent, value in quantiles.items())
        print(f"quality of {seen} faces, share that lies under: {line} (threshold {settings.quality_threshold:g})")
        if counts["rows"] < seen / 2:
            print(
                f"more than half of the faces lie under --quality-threshold {settings.quality_threshold:g}: "
                f"the 5% quantile of this model is {quantiles[5]:g}"
            )
    print(
        f"detect: {counts['clips']} clips read, {counts['ok']} with faces, {counts['rows']} faces kept of {seen}, "
        f"{counts['no_face']} without, {counts['unreadable']} unreadable, {seconds:.1f} s -> {settings.output}"
    )
    if counts["unreadable"]:
        print(f"why clips are unreadable stands in {os.path.join(settings.output, 'clips')}")
