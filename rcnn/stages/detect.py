"""Clips to faces: frames, detection, choice of one face a frame, alignment, quality."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow.compute as pc

from .. import files
from ..clips.dataset import Clip, list_clips, source_of
from ..errors import InputError
from ..faces.alignment import target_points
from ..faces.detectors import Detector
from ..faces.embedding import Embedder, is_normalised
from ..faces.licences import check_licences, licences_of
from ..faces.quality import dropped_lines, quality_card, unknown_lines
from ..faces.recognised import recognised
from ..networks.engine import CPU, INT8, check_devices, check_precision, choose_device
from ..networks.zoo.roles import model_files
from ..tables import (
    NO_FACE,
    OK,
    UNREADABLE,
    Accounts,
    Listing,
    StageWriter,
    check_output,
)
from ..tables.header import check_unchanged, file_sums, header_of, header_there, is_kept, may_grow, model_digest
from ..tables.next_steps import following, say_next
from ..tables.schema import faces_schema
from ..video.decoder import FrameDecoder
from ..video.types import VideoInfo
from ..workers import Plan, open_crew
from ..workers.pipeline import groups
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .face_finder import BATCH_FRAMES, CUDA_BATCH_FRAMES, ClipFaceFinder, FoundFaces, FrameSource
from .growth import Copied, failed_for_the_machine, in_order
from .int8 import check_int8, int8_detect, measured
from .loaded import load_detector, load_embedder
from .settings import DetectSettings
from .settings.clips import ALL, ON

GROUP_CLIPS = 8  # clips in a worker's job, enough to fill batches
AHEAD = 4  # finished jobs per worker that may wait to be written
QUANTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)  # percent, of quality, in the summary
WHOLE = 0.98  # share of the promised frames above which a clip counts as completely read; containers round
MARKS = ("name", "split", "source", "size", "changed", "start", "end")  # of an unchanged clip
VECTORS = "vectors_of"  # argument in the manifest: digest of the model whose vectors the faces have; None for none
HISTOGRAM_STEP = 0.05  # of quality; quantiles of any number of faces then need almost no memory


def steps_of(qualities: np.ndarray) -> list[int]:
    """The histogram bins of (n,) float32 qualities."""
    steps: list[int] = (qualities / HISTOGRAM_STEP).astype(np.int64).tolist()
    return steps


class QualityHistogram:
    """A histogram of quality, which gives quantiles to within half a step."""

    def __init__(self, counts: Mapping[str | int, int] | None = None) -> None:
        self.counts: Counter[int] = Counter({int(step): count for step, count in (counts or {}).items()})

    def add(self, qualities: np.ndarray) -> None:
        """Count (n,) float32 qualities."""
        self.counts.update(steps_of(qualities))

    def quantiles(self, percents: Sequence[int] = QUANTILES) -> dict[int, float]:
        """Quantiles of quality, by percent; empty without faces."""
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

    def share_under(self, threshold: float) -> float:
        """Share of the faces with a quality under a threshold; 0 without faces."""
        under = sum(count for step, count in self.counts.items() if (step + 0.5) * HISTOGRAM_STEP < threshold)
        return under / max(1, sum(self.counts.values()))


def detect(settings: DetectSettings) -> None:
    """Run the stage: read the data set, write the directory, print a summary.

    Raises
    ------
    InputError
        If an argument, the data set or a model is wrong.
    """
    started = time.monotonic()
    target_points(settings.image_size)
    check_output(settings.output, True)
    check_licences(settings.licence, {"--detector": settings.detector, "--model": settings.model}, "--model")
    clips = list_clips(settings.dataset, settings.stage, settings.split, marked=True)
    origins = [model_files(settings.detector)]
    if settings.model is not None:
        origins.append(model_files(settings.model))
    sums = file_sums([path for group in origins for path in group])
    check_devices(settings.gpu if settings.ray is None else None)
    plan = Plan(settings.gpu, settings.workers, settings.ray, settings.decoders)
    check_int8(settings.precision, settings.ray)
    listing = Listing.of(clips, settings.dataset)
    digest = None if settings.model is None else model_digest(file_sums(model_files(settings.model)))
    arguments = {**asdict(settings), VECTORS: digest}
    header = header_of("detect", arguments, sums, listing=listing)
    if not _keeps_vectors(settings, header):
        arguments[VECTORS] = None
    job = DetectJob(settings, sums, arguments[VECTORS] is not None)
    if is_kept(settings.output, header, settings.overwrite, settings.renew):
        return
    for line in unknown_lines(settings.model, settings.quality_threshold):
        print(line, flush=True)
    with ExitStack() as stack:
        crew = stack.enter_context(open_crew(job, plan, AHEAD))
        exact = job.networks(CPU) if settings.precision == INT8 else None
        width, said = crew.start() if exact is None else (job.width(exact[1]), recognised(*exact))
        writer = stack.enter_context(_writer(settings, arguments, width, sums, listing, said))
        if exact is not None:
            int8_detect(settings.output, clips, exact, origins, settings.image_size)  # which the workers then load
        histogram = QualityHistogram(writer.state.get("histogram", {}))
        kept = writer.kept((_marks(clip, settings.dataset) for clip in clips), MARKS, failed_for_the_machine)
        if writer.grows:
            print(f"detect.py: {settings.output}: {kept}", flush=True)
        left = [clip for clip in clips if clip.name > writer.last_clip]
        unknown = [clip for clip, is_kept in zip(clips, kept.known, strict=True) if not is_kept]
        pairs = crew.map(groups((clip for clip in unknown if clip.name > writer.last_clip), GROUP_CLIPS))
        with progress(what="detect", unit="clip", total=len(clips), initial=len(clips) - len(left)) as bar:
            for step in until_stopped(in_order(kept, pairs, lambda clip: clip.name)):
                if isinstance(step, Copied):
                    _copy(writer, step, histogram)
                    done = len(step.clips)
                else:
                    write_found(writer, step.items, step.results, settings.quality_threshold, settings.dataset)
                    for result in step.results:
                        histogram.add(result.qualities)
                    done = len(step.items)
                writer.save(histogram=histogram.counts)
                bar.update(done)
        seen = sum(histogram.counts.values())
        quantiles = histogram.quantiles()
        counts = {str(step): count for step, count in sorted(histogram.counts.items())}
        losses = {"int8": measured(settings.output)} if settings.precision == INT8 else {}
        manifest = writer.close(
            faces_seen=seen,
            quality_quantiles=quantiles,
            quality_step=HISTOGRAM_STEP,
            quality_histogram=counts,
            **losses,
        )
    accounts = Accounts.of(manifest["counts"], settings.output)
    if accounts.clips != len(clips):
        raise InputError(
            f"{settings.output}: {accounts.clips} of {len(clips)} clips are accounted for; run detect.py --overwrite"
        )
    _summary(settings, manifest, histogram, time.monotonic() - started)


def _marks(clip: Clip, dataset: str) -> tuple[Any, ...]:
    """What identifies the content of a clip, in the order of `MARKS`."""
    return clip.name, clip.split, source_of(clip, dataset), clip.size, clip.changed, clip.start, clip.end


def _copy(writer: StageWriter, step: Copied, histogram: QualityHistogram) -> None:
    """Put clips that are kept into the tables, and their qualities into the histogram."""
    writer.add_clips(step.clips)
    histogram.counts.update(pc.list_flatten(step.clips.column("rejected")).to_pylist())
    for rows in step.rows:
        writer.add_rows(rows)
        histogram.add(rows.column("quality").to_numpy())


def _keeps_vectors(settings: DetectSettings, header: Mapping[str, Any]) -> bool:
    """Whether the faces get a column with the vectors of the quality model. An output that is resumed or grown keeps
    its columns, whatever the settings."""
    if settings.model is None:
        return False
    was = None if settings.overwrite else header_there(settings.output)
    if was is not None and may_grow(was, header):
        return was["arguments"].get(VECTORS) is not None
    return settings.vectors == ON


def _writer(
    settings: DetectSettings,
    arguments: Mapping[str, Any],
    width: int,
    sums: dict[str, str],
    listing: Listing,
    said: Mapping[str, str] | None,
) -> StageWriter:
    return StageWriter(
        settings.output,
        "detect",
        faces_schema(settings.faces == ALL, width),
        arguments=arguments,
        models=sums,
        listing=listing,
        licences=licences_of([model for model in (settings.detector, settings.model) if model is not None]),
        recognised=said,
        overwrite=settings.overwrite,
    )


@dataclass(frozen=True)
class DetectJob:
    """The step of detect.py, to be built by each worker; see `rcnn.workers.Job`."""

    settings: DetectSettings
    sums: Mapping[str, str]  # of the model files, by name
    vectors: bool = False  # whether to store those of the quality model

    def width(self, embedder: Embedder | None) -> int:
        """Length of the stored vectors, 0 for none."""
        return embedder.width(self.settings.image_size) if self.vectors and embedder is not None else 0

    def networks(self, device: int) -> tuple[Detector, Embedder | None]:
        """Detector and quality model; no quality model if the quality is the detector's score.

        Raises
        ------
        InputError
            If a model is missing, can't be read, or can't rate quality.
        """
        settings = self.settings
        check_precision(settings.precision, device)
        detector = load_detector(settings.detector, device, settings.precision)
        if settings.model is None:
            return detector, None
        embedder = load_embedder(settings.model, device, settings.precision)
        if is_normalised(embedder, settings.image_size):
            raise InputError(
                f"--model {settings.model}: gives every embedding the same length, so its norm says nothing about "
                f"a face; give another --quality-model, or --quality score for the detector's own score"
            )
        return detector, embedder

    def build(self, gpu: int | None, source: Callable[[], FrameSource] | None = None) -> ClipFaceFinder:
        settings = self.settings
        device = choose_device(gpu)
        networks = self.networks(device)
        models = [model for model in (settings.detector, settings.model) if model is not None]
        check_unchanged([path for model in models for path in model_files(model)], self.sums)
        if settings.precision == INT8:
            origins = [model_files(model) for model in (settings.detector, settings.model) if model is not None]
            networks = int8_detect(settings.output, (), networks, origins, settings.image_size)
        return ClipFaceFinder(
            *networks,
            settings.sampling or 1,
            settings.quality_threshold,
            settings.image_size,
            BATCH_FRAMES if device == CPU else CUDA_BATCH_FRAMES,
            settings.faces == ALL,
            source or FrameDecoder,
            None if settings.rate is None else Fraction(settings.rate),
            self.vectors,
            settings.detect_every,
        )

    def decoders(self) -> tuple[type, Callable[[Sequence[Any], int], Any]]:
        from ..video.actors import DecodeActor, Decoders  # needs Ray, which only --ray uses

        return DecodeActor, Decoders

    def lost(self, clip: Clip, reason: str) -> FoundFaces:
        return FoundFaces.none(clip, reason)


def write_found(
    writer: StageWriter, clips: Sequence[Clip], results: Sequence[FoundFaces], threshold: float, dataset: str = ""
) -> None:
    """Put clips and their faces into the tables.

    Parameters
    ----------
    threshold : smallest quality, for the reason given for a clip without a face
    dataset : directory that may contain the clips
    """
    for clip, result in zip(clips, results, strict=True):
        state, reason = _state(result, threshold)
        row = {"name": clip.name, "split": clip.split, "source": source_of(clip, dataset), "start": clip.start}
        row |= {"end": clip.end, "size": clip.size, "changed": clip.changed, "state": state, "reason": reason}
        rejected = result.qualities[~(result.qualities >= threshold)]
        row |= {"frames": result.looks, "faces": len(result.faces), "rejected": steps_of(rejected)}
        writer.add_clips([row if result.info is None else row | _video(result.info)])
        if len(result.faces):
            writer.add_rows(result.faces.record(writer.schema))


def _video(info: VideoInfo) -> dict[str, Any]:
    """The columns of the table of clips with the properties of a video."""
    return {
        "seconds": info.seconds,
        "fps": float(info.rate),
        "width": info.width,
        "height": info.height,
        "codec": info.codec,
        "promised": info.promised,
        "read": info.read,
    }


def _state(result: FoundFaces, threshold: float) -> tuple[str, str]:
    if result.unreadable:
        return UNREADABLE, result.unreadable
    missing = "" if result.info is None else _missing(result.info)
    if len(result.faces):
        return OK, missing
    if not result.looks:
        reason = "has fewer frames than --sampling, so none was looked at"
    elif not len(result.qualities):
        reason = "no face detected"
    else:
        reason = f"best quality {result.qualities.max():.2f} is under the threshold {threshold:g}"
    return NO_FACE, f"{reason}; {missing}" if missing else reason


def _missing(info: VideoInfo) -> str:
    """How much of a video could be read, if noticeably less than its container promises."""
    return "" if info.share >= WHOLE else f"{info.share:.0%} of its frames could be read"


def _summary(settings: DetectSettings, manifest: dict, histogram: QualityHistogram, seconds: float) -> None:
    counts = manifest["counts"]
    seen, quantiles = sum(histogram.counts.values()), histogram.quantiles()
    if quantiles:
        line = "  ".join(f"{percent}% {value:g}" for percent, value in quantiles.items())
        print(f"quality of {seen} faces, share that lies under: {line} (threshold {settings.quality_threshold:g})")
        card = None if settings.model is None else quality_card(settings.model)
        for line in dropped_lines(card, settings.quality_threshold, histogram.share_under, quantiles):
            print(line)
    print(
        f"detect: {counts['clips']} clips read, {counts['ok']} with faces, {counts['rows']} faces kept of {seen}, "
        f"{counts['no_face']} without, {counts['unreadable']} unreadable, {seconds:.1f} s -> {settings.output}"
    )
    print(f"accounts: {Accounts.of(counts, settings.output)}, as many as the data set lists")
    if counts["unreadable"]:
        print(f"the reasons for unreadable clips are in {files.join(settings.output, 'clips')}")
    if counts["unreadable"] * 100 > settings.max_bad * counts["clips"]:
        raise InputError(
            f"{counts['unreadable']} of {counts['clips']} clips can't be read, more than --max-bad "
            f"{settings.max_bad:g}%; the output is complete, so fix the clips and --overwrite, or continue without them"
        )
    say_next(following("detect", settings.output, settings.recipe))
