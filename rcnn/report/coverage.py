"""The states of the clips and the faces of a detect directory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tables import OK, StageReader
from .data import Coverage, Qualities

NUMBER = re.compile(r"\d+(\.\d+)?")
REASONS = 8  # that are listed
STEP = 0.05  # of quality, if the manifest has no counts
MEASURES = {"norm": "norm of the embedding", "score": "score of the detector"}  # by --quality of detect.py


def read_coverage(reader: StageReader, wanted: Collection[str] = ()) -> tuple[Coverage, dict[str, str]]:
    """The coverage of a detect directory, and why its `wanted` clips have no face; empty for clips with a face."""
    states: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    why: dict[str, str] = {}
    for batch in reader.clips():
        for row in batch.select(["name", "state", "reason"]).to_pylist():
            states[row["state"]] += 1
            good = row["state"] == OK
            if not good:
                reasons[row["state"], NUMBER.sub("…", row["reason"])] += 1
            if row["name"] in wanted:
                why[row["name"]] = "" if good else ": ".join(filter(None, (row["state"], row["reason"])))
    counts = reader.manifest.get("counts", {})
    coverage = Coverage(
        reader.path,
        dict(states.most_common()),
        [(state, reason, count) for (state, reason), count in reasons.most_common(REASONS)],
        int(counts.get("faces_seen", reader.rows)),
        reader.rows,
        read_qualities(reader),
    )
    return coverage, why


def labels_of(readers: Sequence[StageReader]) -> set[int]:
    """The labels of known people that clips of training sets have."""
    labels: set[int] = set()
    for reader in readers:
        for batch in reader.batches(["label"]):
            found = batch.column("label").unique().to_numpy()
            labels.update(found[reader.of_people(found)].tolist())
    return labels


def learnt_labels(readers: Sequence[StageReader], wanted: Collection[int]) -> dict[str, int]:
    """The label of each clip of training sets that has one of the wanted ones."""
    numbers = pa.array(sorted(wanted), pa.int32())
    labels: dict[str, int] = {}
    for reader in readers:
        for batch in reader.batches(["name", "label"]):
            rows = batch.filter(pc.is_in(batch.column("label"), numbers))
            labels.update(zip(rows.column("name").to_pylist(), rows.column("label").to_pylist(), strict=True))
    return labels


def read_qualities(reader: StageReader) -> Qualities:
    """Quality of all chosen faces; only of kept ones, if the manifest has no counts."""
    threshold = reader.arguments.get("quality_threshold")
    threshold = float(threshold) if isinstance(threshold, int | float) else None
    # a directory without the argument predates it, when only the norm existed
    measure = MEASURES.get(str(reader.arguments.get("quality", "norm")), "quality")
    counts = reader.manifest.get("counts", {})
    histogram, step = counts.get("quality_histogram"), counts.get("quality_step")
    if isinstance(histogram, dict) and isinstance(step, float) and step > 0:
        return Qualities(measure, {int(number): int(count) for number, count in histogram.items()}, step, threshold)
    kept: Counter[int] = Counter()
    for batch in reader.batches(["quality"]):
        kept.update((batch.column("quality").to_numpy() / STEP).astype(np.int64).tolist())
    return Qualities(measure, kept, STEP, threshold, kept_only=int(counts.get("faces_seen", 0)) > reader.rows)
