"""Faces to one vector a clip.

If detect.py has stored the vectors of the same model, they are read, and no network runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import dropwhile, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from ..faces.alignment import SIZES
from ..faces.embedding import Embedder
from ..faces.licences import check_licences, licences_of
from ..faces.pooling import RandomMeans, Weighting, face_vectors, pool
from ..faces.recognised import recognised
from ..faces.vectors import normalise
from ..networks.engine import CPU, FP32, INT8, check_devices, check_precision, choose_device
from ..networks.zoo.roles import model_files
from ..tables import (
    CLIPS_SCHEMA,
    OK,
    Accounts,
    StageReader,
    StageWriter,
    after,
    check_output,
    features_schema,
    is_tracked,
    open_stage,
    vector_array,
)
from ..tables.faces import ClipFaces, read_faces
from ..tables.header import check_unchanged, file_sums, header_of, is_kept, model_digest
from ..tables.kept import Kept, Mark, Stream
from ..tables.next_steps import following, say_next
from ..tables.schema import MEANS, has_means, vector_width
from ..workers import Plan, open_crew
from ..workers.pipeline import groups
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .crops import decode_crop
from .detect import VECTORS
from .growth import Copied, in_order
from .int8 import CROPS, check_int8, int8_network
from .loaded import load_embedder
from .recipes import check_recipe
from .settings import FeatureSettings
from .settings.clips import SAMPLING
from .settings.vectors import BOTH, NONE, QUALITY, SCORE

BATCH_CLIPS = 32  # clips in an embedding job
AHEAD = 4  # finished jobs per worker that may wait to be written


@dataclass(frozen=True)
class ClipVectors:
    """The result for a clip: its tracks in rising order, their vectors (tracks, D) float32, the number of faces used,
    and, on request, means of some faces of each track, (m, D) float32."""

    tracks: list[int]
    vectors: np.ndarray
    faces: int
    means: Sequence[np.ndarray] = ()


def sample(faces: ClipFaces, sampling: int) -> dict[int, np.ndarray]:
    """The indices (n,) int of the faces of frames f with f % sampling == 0, by track; all faces if that leaves none."""
    kept = np.flatnonzero(faces.frames % sampling == 0)
    if not len(kept):
        kept = np.arange(len(faces))
    return {track: kept[faces.tracks[kept] == track] for track in np.unique(faces.tracks[kept]).tolist()}


@dataclass(frozen=True)
class FeatureStep:
    """The step of feature.py: the faces of a few clips in, the vectors of each out.

    embedder : None if the faces have their vectors already
    width : of the vectors; what the step reports when a crew starts
    weighting : of the faces; None for equal weights
    means : additional means of some faces; None for none
    """

    embedder: Embedder | None
    sampling: int
    augment: int
    width: int
    weighting: Weighting | None = None
    means: RandomMeans | None = None

    @property
    def about(self) -> tuple[int, dict[str, str]]:
        """The width, and the detected kind of the model; see `rcnn.workers.crew.Crew.start`."""
        return self.width, recognised(embedder=self.embedder)

    def __call__(self, clips: Sequence[ClipFaces]) -> list[ClipVectors]:
        sampled = [sample(faces, self.sampling) for faces in clips]
        tracks = [
            (faces, track, places)
            for faces, tracks in zip(clips, sampled, strict=True)
            for track, places in tracks.items()
        ]
        per_face = self._per_face([(faces, places) for faces, _, places in tracks])
        counts = [len(places) for *_, places in tracks]
        weights = self._weights([(faces, places) for faces, _, places in tracks])
        vectors = iter(pool(per_face, counts, weights))
        means = iter(self._means([(faces.clip.name, track) for faces, track, _ in tracks], counts, per_face, weights))
        return [
            ClipVectors(
                list(mine),
                np.stack([next(vectors) for _ in mine]),
                sum(map(len, mine.values())),
                list(islice(means, len(mine))),
            )
            for mine in sampled
        ]

    def _per_face(self, tracks: Sequence[tuple[ClipFaces, np.ndarray]]) -> np.ndarray:
        """The vectors of the faces of some tracks, (faces, D) float32 of length 1."""
        if self.embedder is None:
            kept = [faces.vectors[places] for faces, places in tracks if faces.vectors is not None]
            return normalise(np.concatenate(kept).astype(np.float32))
        crops = [[decode_crop(faces.crops[place], faces.clip.name) for place in places] for faces, places in tracks]
        if len({crop.shape for track in crops for crop in track}) > 1:
            first = tracks[0][0].clip.name
            raise InputError(f"{first} and clips after it: have crops of two sizes; run detect.py again")
        return face_vectors(self.embedder, crops, self.augment)

    def _weights(self, tracks: Sequence[tuple[ClipFaces, np.ndarray]]) -> np.ndarray | None:
        """Of the faces of some tracks, (faces,) float32."""
        if self.weighting is None:
            return None
        return np.concatenate(
            [self.weighting.of(faces.qualities[places], faces.scores[places]) for faces, places in tracks]
        )

    def _means(
        self,
        tracks: Sequence[tuple[str, int]],
        counts: Sequence[int],
        vectors: np.ndarray,
        weights: np.ndarray | None,
    ) -> Iterator[np.ndarray]:
        """The means for each of some tracks, given the clip's name and the number; none if none are asked for."""
        if self.means is None:
            return
        start = 0
        for (name, track), count in zip(tracks, counts, strict=True):
            rows = slice(start, start + count)
            yield self.means.of(vectors[rows], None if weights is None else weights[rows], f"{name}/{track}")
            start += count


@dataclass(frozen=True)
class FeatureJob:
    """The step of feature.py, to be built by each worker; see `rcnn.workers.Job`."""

    settings: FeatureSettings
    size: tuple[int, int]  # height, width of the crops in pixels
    sums: Mapping[str, str]  # of the model's files, by name
    kept: int = 0  # length of this model's vectors stored with the faces; 0 for none

    def embedder(self, device: int) -> Embedder:
        """The exact network.

        Raises
        ------
        InputError
            If the model can't be read or the device can't have the precision.
        """
        check_precision(self.settings.precision, device)
        return load_embedder(self.settings.model, device, self.settings.precision)

    def build(self, gpu: int | None, source: Callable[[], Any] | None = None) -> FeatureStep:
        settings = self.settings
        assert settings.sampling is not None
        embedder, width = None, self.kept
        if not self.kept:
            embedder = self.embedder(choose_device(gpu))
            check_unchanged(model_files(settings.model), self.sums)
            if settings.precision == INT8:
                embedder = self.quantised(embedder)
            width = embedder.width(self.size)
        return FeatureStep(embedder, settings.sampling, settings.aug, width, weighting_of(settings), means_of(settings))

    def quantised(self, embedder: Embedder) -> Embedder:
        """Its int8 counterpart, calibrated on the first crops of the input unless the output already has it."""
        settings = self.settings
        network = int8_network(
            settings.output,
            "embedding",
            embedder.network,
            model_files(settings.model),
            lambda: first_crops(open_stage(settings.input, ("detect",), settings.split), CROPS),
        )
        return Embedder(network, embedder.words)

    def faces(self, reader: StageReader, clips: Sequence[str] | None = None) -> Iterator[ClipFaces]:
        """The faces of some clips, None for all, with the columns that the step needs."""
        return read_faces(reader, not self.kept, clips, bool(self.kept))

    def lost(self, faces: ClipFaces, reason: str) -> ClipVectors:
        raise InputError(
            f"{faces.clip.name}: its faces {reason}; run detect.py again without that clip, or check the machine"
        )


def weighting_of(settings: FeatureSettings) -> Weighting | None:
    """The weight of each face; None for equal weights."""
    if settings.weights in (None, NONE):
        return None
    assert settings.weight_power is not None
    return Weighting(settings.weights in (QUALITY, BOTH), settings.weights in (SCORE, BOTH), settings.weight_power)


def means_of(settings: FeatureSettings) -> RandomMeans | None:
    """The requested means of some faces."""
    if settings.means is None:
        return None
    assert settings.draws is not None
    return RandomMeans(settings.means, settings.draws)


def kept_vectors(reader: StageReader, settings: FeatureSettings, sums: Mapping[str, str]) -> int:
    """Length of the vectors stored with the faces of a detect directory if `settings` would compute the same from their
    crops; else 0.

    Parameters
    ----------
    sums : of the files of the settings' model, by name
    """
    same = reader.arguments.get(VECTORS) == model_digest(sums) and settings.aug == 0
    same = same and reader.arguments.get("precision", FP32) == settings.precision
    return vector_width(reader.schema) if same else 0


def feature(settings: FeatureSettings) -> None:
    """Run the stage: read the detect directory, write the features, print a summary.

    Raises
    ------
    InputError
        If an argument, the input or the model is wrong.
    """
    started = time.monotonic()
    check_output(settings.output, True)
    reader = open_stage(settings.input, ("detect",), settings.split)
    check_recipe(settings.recipe, [reader])
    if settings.sampling is None:
        settings = replace(settings, sampling=SAMPLING if reader.arguments.get("rate") is None else 1)
    check_licences(settings.licence, {"--model": settings.model})
    sums = file_sums(model_files(settings.model))
    check_devices(settings.gpu if settings.ray is None else None)
    job = FeatureJob(settings, crop_size(reader), sums, kept_vectors(reader, settings, sums))
    plan = Plan(CPU) if job.kept else Plan(settings.gpu, settings.workers, settings.ray)
    check_int8(settings.precision, settings.ray)
    # so that readers of labels find the data set when the directory of detect.py is gone
    arguments = {**asdict(settings), "dataset": reader.arguments.get("dataset")}
    header = header_of("feature", arguments, sums, [settings.input])
    if is_kept(settings.output, header, settings.overwrite, settings.renew):
        return
    clips_with_faces = reader.accounts.ok
    with ExitStack() as stack:
        crew = stack.enter_context(open_crew(job, plan, AHEAD))
        exact = job.embedder(CPU) if settings.precision == INT8 and not job.kept else None
        width, said = crew.start() if exact is None else (exact.width(job.size), recognised(embedder=exact))
        if job.kept:  # no model is loaded: detect.py recorded the model's kind
            said = {role: words for role, words in reader.manifest.get("recognised", {}).items() if role == "model"}
        writer = stack.enter_context(
            StageWriter(
                settings.output,
                "feature",
                features_schema(width, reader.tracked, settings.means is not None),
                arguments=arguments,
                models=sums,
                sources=[settings.input],
                licences=licences_of([settings.model]),
                recognised=said,
                overwrite=settings.overwrite,
            )
        )
        if exact is not None:
            job.quantised(exact)  # which the workers then load
        faces, done = writer.state.get("faces", 0), writer.state.get("clips", 0)
        clips = Stream(after(batch, writer.last_clip) for batch in reader.clips())
        kept, left, used = _left(job, reader, writer)
        pairs = crew.map(groups(left, BATCH_CLIPS))
        with progress(what="feature", unit="clip", total=clips_with_faces, initial=done) as bar:
            for step in until_stopped(in_order(kept, pairs, lambda faces: faces.clip.name)):
                before = done
                if isinstance(step, Copied):
                    last = step.last
                    for rows in step.rows:
                        writer.add_rows(rows)
                    done += _ok(step.clips)
                    faces += used(step.clips)
                else:
                    last = step.items[-1].clip.name
                    writer.add_rows(_rows(step.items, step.results, writer.schema))
                    done += len(step.items)
                    faces += sum(result.faces for result in step.results)
                for batch in clips.until(last, with_it=True):
                    writer.add_clips(batch)
                writer.save(faces=faces, clips=done)
                bar.update(done - before)
        for batch in clips.until(None):
            writer.add_clips(batch)
        counts = writer.close(faces_used=faces)["counts"]
    accounts = Accounts.of(counts, settings.output)
    accounts.check_from(reader.accounts, settings.output)
    seconds = time.monotonic() - started
    tracks = f" in {counts['rows']} tracks" if reader.tracked else ""
    whose = " by detect.py" if job.kept else ""
    print(
        f"feature: {counts['clips']} clips read, {counts['ok']} with faces{tracks}, {faces} faces used, "
        f"{counts['no_face']} without, {counts['unreadable']} unreadable, {width} wide{whose}, {seconds:.1f} s "
        f"-> {settings.output}"
    )
    print(f"accounts: {accounts}, as in {settings.input}")
    say_next(following("feature", settings.output, settings.recipe))


def _left(
    job: FeatureJob, reader: StageReader, writer: StageWriter
) -> tuple[Kept, Iterator[ClipFaces], Callable[[pa.RecordBatch], int]]:
    """Which clips keep their vectors, the faces of the others, and a counter of the faces of those that keep theirs."""
    if not writer.grows:
        left = dropwhile(lambda faces: faces.clip.name <= writer.last_clip, job.faces(reader))
        return writer.kept((), ()), left, lambda clips: 0
    clips: list[str] = []
    has_faces: list[bool] = []

    def now() -> Iterator[Mark]:
        for batch in reader.clips():
            clips.extend(batch.column("name").to_pylist())
            has_faces.extend(pc.equal(batch.column("state"), OK).to_pylist())
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    kept = writer.kept(now(), CLIPS_SCHEMA.names)
    print(f"feature.py: {job.settings.output}: {kept}", flush=True)
    names: dict[bool, list[str]] = {True: [], False: []}
    for name, is_ok, known in zip(clips, has_faces, kept.known.tolist(), strict=True):
        if is_ok and name > writer.last_clip:
            names[known].append(name)
    assert job.settings.sampling is not None
    return kept, job.faces(reader, names[False]), _used(reader, names[True], job.settings.sampling)


def _used(reader: StageReader, names: Sequence[str], sampling: int) -> Callable[[pa.RecordBatch], int]:
    """Counts the faces that the vectors of some rows of the table of clips were made of, row after row."""
    if sampling == 1:
        return lambda clips: int(pc.sum(clips.column("faces")).as_py())
    counts = (sum(map(len, sample(faces, sampling).values())) for faces in read_faces(reader, False, names))
    return lambda clips: sum(islice(counts, _ok(clips)))


def _ok(clips: pa.RecordBatch) -> int:
    """How many rows of the table of clips have faces."""
    return int(pc.sum(pc.equal(clips.column("state"), OK)).as_py())


def _rows(clips: Sequence[ClipFaces], results: Sequence[ClipVectors], schema: pa.Schema) -> pa.RecordBatch:
    """One row for each clip, or for each track."""
    whose = [faces.clip for faces, result in zip(clips, results, strict=True) for _ in result.tracks]
    columns = [
        pa.array([clip.name for clip in whose]),
        pa.array([clip.split for clip in whose]),
        vector_array(np.concatenate([result.vectors for result in results])),
    ]
    if is_tracked(schema):
        columns.insert(-1, pa.array([track for result in results for track in result.tracks], pa.int32()))
    if has_means(schema):
        columns.insert(-1, pa.array([means.ravel() for result in results for means in result.means], MEANS[1]))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def crop_size(reader: StageReader) -> tuple[int, int]:
    """Height, width in pixels of the crops of a detect directory.

    Raises
    ------
    InputError
        If the size in its manifest is not one of a crop.
    """
    size = reader.arguments.get("image_size") or SIZES[0]
    size = tuple(size) if isinstance(size, list | tuple) else size
    if size not in SIZES:
        raise InputError(f"{reader.path}: its manifest says that crops are {str(size)[:40]}; run detect.py again")
    return size


def first_crops(reader: StageReader, count: int) -> np.ndarray:
    """The first crops (n, H, W, 3) uint8 of a detect directory, at most `count`.

    Raises
    ------
    InputError
        If there is none.
    """
    crops = (decode_crop(crop, faces.clip.name) for faces in read_faces(reader) for crop in faces.crops)
    first = list(islice(crops, count))
    if not first:
        raise InputError(f"{reader.path}: contains no face to calibrate on; use --precision fp32")
    return np.stack(first)


def copy_clips(reader: StageReader, writer: StageWriter) -> None:
    """Pass the table of all clips on to the next stage."""
    for batch in reader.clips():
        batch = after(batch, writer.last_clip)
        writer.add_clips(batch.cast(CLIPS_SCHEMA) if batch.schema != CLIPS_SCHEMA else batch)
