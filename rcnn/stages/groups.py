"""Unknown people in the clips: their tracks, in groups of one person each."""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from tempfile import TemporaryFile

import numpy as np
import pyarrow as pa

from .. import files
from ..clips.paths import ClipPaths
from ..clips.sources import find_sources
from ..errors import InputError
from ..exports.groups import write_csv
from ..faces.vectors import normalise
from ..installation import as_called
from ..people.answers import read_standing
from ..people.grouping import Grouped, GroupingSettings, find_groups
from ..people.meaning import Given, Spot, meaning
from ..people.moments import Moments
from ..people.relocation import FaceIndex, relocate
from ..report import trace
from ..tables import CLIPS_SCHEMA, StageReader, StageWriter, after, check_output, vector_array
from ..tables.header import file_sums, header_of, is_kept
from ..tables.merged import merged
from ..tables.schema import GROUPS_SCHEMA
from ..workers.pipeline import groups as batches_of
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .appearances import card_of
from .clip_tracks import find_detection
from .groups_page import write_report
from .groups_places import find_places
from .settings.groups import GroupsSettings
from .unknown_tracks import Input, Seen, known_rows, read_unknown

BATCH_CLIPS = 256  # that are written together
ELSEWHERE = ("run", "appearances", "answers", "report", "report_groups")  # recorded among sources and sums
ANSWERS = "answers"  # key in the manifest's sums: a digest of the answers
STORED = np.float16  # of a vector, in a file that is memory-mapped during grouping


def groups(settings: GroupsSettings) -> None:
    """Run the stage: read features, group the tracks of unknown people, write the table, the file and a page.

    Raises
    ------
    InputError
        If an input is wrong, or the inputs do not match.
    """
    started = time.monotonic()
    places = find_places(settings)
    output = str(settings.output)
    check_output(output, True)
    readers = _open(places.inputs)
    paths = [path for path in (settings.sources, settings.dataset, places.run) if path]
    lineages = [trace([reader], paths) for reader in readers]
    detections = [find_detection(reader, None, lineage) for reader, lineage in zip(readers, lineages, strict=True)]
    given = _answers(places.answers, detections)
    table = None if places.appearances is None else StageReader(places.appearances, ("appearances",))
    arguments = {name: value for name, value in asdict(settings).items() if name not in ELSEWHERE}
    arguments["inputs"] = places.inputs
    sums = {**file_sums([settings.sources] if settings.sources else []), ANSWERS: given.digest()}
    sources = [*places.inputs, *([places.appearances] if places.appearances else [])]
    header = header_of("groups", arguments, sums, sources)
    if not is_kept(output, header, settings.overwrite, settings.renew or places.run is not None):
        inputs = [
            Input(
                reader,
                detection,
                ClipPaths(find_sources(settings.sources, *lineage.datasets), lineage.datasets),
                known_rows(reader, table, places.known, given, paths),
            )
            for reader, detection, lineage in zip(readers, detections, lineages, strict=True)
        ]
        found = _find(inputs, given, settings)
        with StageWriter(
            output, "groups", GROUPS_SCHEMA, arguments=arguments, models=sums, sources=sources,
            overwrite=settings.overwrite,
        ) as writer:  # fmt: skip
            _write(writer, inputs, given, found)
            for batch in merged([reader.clips() for reader in readers]):
                batch = after(batch, writer.last_clip)
                writer.add_clips(batch.cast(CLIPS_SCHEMA) if batch.schema != CLIPS_SCHEMA else batch)
            writer.close()
    result = StageReader(output, ("groups",))
    words = str(write_csv(result, settings.csv))
    print(f"groups: {words}")
    if settings.report is not None:
        write_report(result, readers, settings, [words])
    print(f"groups: {time.monotonic() - started:.1f} s -> {output}, {settings.csv}")
    some = any(batch.column("group").to_numpy().max(initial=-1) >= 0 for batch in result.batches(["group"]))
    if places.run is not None and some:
        print(as_called(f'next: python -m rcnn people add "NAME" --group 0 --run {shlex.quote(places.run)}'))


def _open(paths: Sequence[str]) -> list[StageReader]:
    """The inputs; raises InputError if one is given twice, or was made with another model than the first."""
    readers = [StageReader(path, ("feature",)) for path in paths]
    for number, reader in enumerate(readers):
        if any(files.same(reader.path, other.path) for other in readers[:number]):
            raise InputError(f"--inputs {','.join(paths)}: names {reader.path} twice")
        if reader.width != readers[0].width or reader.manifest["models"] != readers[0].manifest["models"]:
            raise InputError(
                f"{reader.path}: was made with another model than {readers[0].path}, so their vectors can't be "
                "compared; group them one after the other"
            )
    return readers


def _answers(path: str | None, detections: Sequence[StageReader]) -> Given:
    """The answers about existing tracks; none without a file."""
    standing = read_standing(path)
    return meaning(relocate(standing, FaceIndex(detections))[0]) if standing else Given()


def _find(inputs: Sequence[Input], given: Given, settings: GroupsSettings) -> Grouped:
    """The groups of all unknown tracks, in the order of `read_unknown`.

    In memory are the moments, the graph and an index of 16 bits a number; the vectors lie in a file.
    """
    films, starts, ends = ([np.zeros(0, kind)] for kind in (np.int64, np.float64, np.float64))
    wanted = {spot for pair in (*given.together, *given.apart) for spot in pair}
    rows: dict[Spot, int] = {}
    count, width = 0, inputs[0].features.width
    folder = None if files.is_url(str(settings.output)) else files.parent(str(settings.output)) or "."
    if folder is not None:
        files.make_dir(folder)
    with TemporaryFile(dir=folder) as file:
        total = sum(each.features.accounts.ok for each in inputs)
        clips = until_stopped(read_unknown(inputs, given.shown.keys(), True))
        for clip in progress(clips, what="vectors", unit="clip", total=total):
            file.write(normalise(clip.vectors).astype(STORED).tobytes())
            films.append(np.full(len(clip.tracks), film_number(clip.source), np.int64))
            starts.append(clip.starts)
            ends.append(clip.ends)
            spots = [Spot(clip.clip.name, int(track)) for track in clip.tracks] if wanted else []
            rows.update((spot, count + place) for place, spot in enumerate(spots) if spot in wanted)
            count += len(clip.tracks)
        file.flush()
        vectors = np.memmap(file, STORED, "r", shape=(count, width)) if count else np.zeros((0, width), STORED)
        how = GroupingSettings.of(card_of(inputs[0].features), count)
        if settings.alike is not None:
            how = replace(how, alike=settings.alike, joined=settings.alike)
        return find_groups(
            vectors,
            Moments(*map(np.concatenate, (films, starts, ends))),
            how,
            *([(rows[one], rows[other]) for one, other in pairs if one in rows and other in rows]
              for pairs in (given.together, given.apart)),
        )  # fmt: skip


def film_number(source: str) -> int:
    """A number that identifies a file: the names of many films would take too much memory."""
    return int.from_bytes(
        hashlib.blake2b(source.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True
    )


def _write(writer: StageWriter, inputs: Sequence[Input], given: Given, found: Grouped) -> None:
    """The rows of the table; resumes where an earlier run was stopped."""
    done, row = writer.state.get("clips", 0), 0
    clips = read_unknown(inputs, given.shown.keys(), False)
    total = sum(each.features.accounts.ok for each in inputs)
    with progress(what="groups", unit="clip", total=total, initial=done) as bar:
        for number, some in enumerate(until_stopped(batches_of(clips, BATCH_CLIPS))):
            count = sum(len(clip.tracks) for clip in some)
            rows, row = slice(row, row + count), row + count
            if number * BATCH_CLIPS < done:
                continue
            if count:
                writer.add_rows(_record(some, found.groups[rows], found.likeness[rows]))
            done += len(some)
            writer.save(clips=done)
            bar.update(len(some))


def _record(clips: Sequence[Seen], found: np.ndarray, likeness: np.ndarray) -> pa.RecordBatch:
    counts = [len(clip.tracks) for clip in clips]

    def each(values: Iterable[str]) -> pa.Array:
        return pa.array([value for value, count in zip(values, counts, strict=True) for _ in range(count)], pa.string())

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(clip, name) for clip in clips])

    columns = {
        "name": each(clip.clip.name for clip in clips),
        "split": each(clip.clip.split for clip in clips),
        "track": pa.array(joined("tracks"), pa.int32()),
        "group": pa.array(found, pa.int32()),
        "source": each(clip.source for clip in clips),
        "start": pa.array(joined("starts")),
        "end": pa.array(joined("ends")),
        "time": pa.array(joined("times")),
        "box": vector_array(joined("boxes")),
        "likeness": pa.array(likeness),
    }
    return pa.RecordBatch.from_arrays([columns[field.name] for field in GROUPS_SCHEMA], schema=GROUPS_SCHEMA)
