"""Features of faces, as iQIYI-VID-2019 shipped them in pickles, to one vector a clip or a track."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pyarrow as pa

from .. import files
from ..clips.official import listed_parts
from ..errors import InputError
from ..files.pickled import PickledDict
from ..files.text import printable
from ..tables import (
    CLIPS_SCHEMA,
    NO_FACE,
    Accounts,
    StageWriter,
    after,
    check_output,
    features_schema,
)
from ..tables.header import file_sums, header_of, is_kept
from ..tables.kept import Stream
from ..tables.next_steps import following, say_next
from ..tables.schema import NO_SOURCE, NO_VIDEO
from ..tables.sorting import Chunks
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .official_clips import ClipsOfPickles, Reading
from .settings import ImportSettings
from .settings.clips import ALL

READING = ".reading"  # suffix of the output's name: what is read and not sorted yet
NOT_SHIPPED = "no pickle has it"


def import_features(settings: ImportSettings) -> None:
    """Read the pickles, write the features, print a summary.

    The pickles are read in their own order, into chunks on disk next to the output, which are sorted and merged.
    Only a chunk and the names of the clips with labels are in memory.

    Raises
    ------
    InputError
        If an argument is wrong, or a pickle can't be read or holds something else.
    """
    started = time.monotonic()
    check_output(settings.output, True)
    for path in settings.inputs:
        if not files.is_file(path):
            raise InputError(f"{path}: does not exist; give a pickle like face_train_v2.pickle")
    listed = listed_parts(settings.dataset) if settings.dataset is not None else {}
    sums = file_sums(settings.inputs)
    arguments = {**asdict(settings), "model": files.base_name(settings.inputs[0])}
    header = header_of("feature", arguments, sums)
    if is_kept(settings.output, header, settings.overwrite, settings.renew):
        files.remove_tree(files.suffixed(settings.output.rstrip("/"), READING))
        return
    width = first_width(settings.inputs)
    schema = features_schema(width, settings.faces == ALL)
    with StageWriter(
        settings.output, "feature", schema, arguments=arguments, models=sums, overwrite=settings.overwrite
    ) as writer:
        if writer.grows:
            raise InputError(
                f"{settings.output}: was made from other pickles; give --overwrite to replace it, or another --output"
            )
        folder = files.suffixed(settings.output.rstrip("/"), READING)
        reading = Reading.begun(folder, header, settings.overwrite)
        clips = ClipsOfPickles(settings, schema, listed, reading)
        clips.read()
        faces = _write_sorted(clips, listed, writer)
        counts = writer.close(faces_used=faces, faces_seen=clips.reading.seen)["counts"]
        files.remove_tree(folder)
    _say(settings, Accounts.of(counts, settings.output), faces, width, time.monotonic() - started)


def first_width(paths: Sequence[str]) -> int:
    """The length of the vectors: that of the first one found.

    Raises
    ------
    InputError
        If none is found.
    """
    for path in paths:
        for _, entries in PickledDict(path, frozenset()):
            for entry in entries if isinstance(entries, list | tuple) else ():
                vector = entry[-1] if isinstance(entry, list | tuple) and entry else None
                if isinstance(vector, np.ndarray) and vector.ndim == 1 and len(vector):
                    return len(vector)
    raise InputError(
        f"{' '.join(paths)}: no clip has a face [frame, box, score, quality, vector]; give the features of faces, "
        "heads or bodies as iQIYI-VID-2019 shipped them"
    )


def _write_sorted(clips: ClipsOfPickles, listed: dict[str, str], writer: StageWriter) -> int:
    """Write what was read, by name, and the clips that only the files of labels have; returns the number of faces
    used."""
    chunks = clips.reading.chunks
    chunks.check()
    absent = _absent(chunks, clips.reading.parts, listed, clips.is_mine)
    rows = Stream(after(batch, writer.last_clip) for batch in chunks.merged("clips", absent))
    total = clips.reading.clips + absent.num_rows
    done = writer.state.get("clips", 0)
    with progress(what="import-features", unit="clip", total=total, initial=done) as bar:
        for batch in until_stopped(chunks.merged("rows")):
            batch = after(batch, writer.last_row)
            if not len(batch):
                continue
            writer.add_rows(pa.RecordBatch.from_arrays(batch.columns, schema=writer.schema))
            before = done
            for some in rows.until(batch.column("name")[-1].as_py(), with_it=True):
                writer.add_clips(pa.RecordBatch.from_arrays(some.columns, schema=CLIPS_SCHEMA))
                done += len(some)
            writer.save(clips=done)
            bar.update(done - before)
        for some in rows.until(None):
            writer.add_clips(pa.RecordBatch.from_arrays(some.columns, schema=CLIPS_SCHEMA))
    return clips.reading.used


def _absent(
    chunks: Chunks, parts: Collection[str], listed: Mapping[str, str], is_mine: Callable[[str], bool]
) -> pa.RecordBatch:
    """Rows of the clips that are in the files of labels and in no pickle; refuses a clip that occurs twice."""
    left = {name for name, part in listed.items() if part in parts and is_mine(name)}
    last = ""
    for name in chunks.names("clips"):
        if name == last:
            raise InputError(
                f"clip {printable(name)} is in the pickles twice; give each clip once, and write faces and heads to "
                "separate "
                "outputs, which genfeat.py joins"
            )
        left.discard(name)
        last = name
    nothing = {**NO_SOURCE, **NO_VIDEO, "state": NO_FACE, "reason": NOT_SHIPPED, "frames": 0, "faces": 0}
    rows = [{"name": name, "split": listed[name], **nothing} for name in sorted(left)]
    return pa.RecordBatch.from_pylist(rows, CLIPS_SCHEMA)


def _say(settings: ImportSettings, accounts: Accounts, faces: int, width: int, seconds: float) -> None:
    tracks = f" in {accounts.rows} tracks" if settings.faces == ALL else ""
    print(
        f"import-features: {accounts.clips} clips, {accounts.ok} with faces{tracks}, {faces} faces used, "
        f"{accounts.no_face} without, {accounts.unreadable} unreadable, {width} wide, {seconds:.1f} s "
        f"-> {settings.output}"
    )
    print(f"accounts: {accounts}")
    say_next(following("feature", settings.output))
