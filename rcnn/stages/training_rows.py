"""Rows of the training set for the clips of a batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ..config import config
from ..people.strangers import Clips, Strangers, Templates, companions
from ..tables.join import Batch
from ..tables.schema import MEAN, OTHER, OWN, has_kinds


@dataclass
class TrainingRows:
    """Makes the rows of batches of clips, and counts them.

    schema : of the training set
    strangers : their classes
    templates : of the people whose companions are used for training; None to leave those out
    counts : rows by kind
    nobody : clips of unknown people
    """

    schema: pa.Schema
    strangers: Strangers
    templates: Templates | None = None
    counts: Counter[str] = field(default_factory=Counter)
    nobody: int = 0

    def of(self, clips: Clips) -> pa.RecordBatch:
        """The rows of some clips: for each its own, then means of its faces, then its companions."""
        batch = clips.batch
        strangers = clips.labels == config.SUBMIT.NOBODY
        self.nobody += int(strangers.sum())
        self.counts[OWN] += len(clips.chosen)
        labels = clips.labels.copy()
        labels[strangers] = self._classes(clips, clips.chosen[strangers])
        if not has_kinds(self.schema):
            return self._record(clips, clips.chosen, labels, batch.vectors[clips.chosen])
        means = [batch.means[row] for row in clips.chosen] if batch.means else []
        counts = [len(each) for each in means] or [0] * len(labels)
        others = np.zeros(0, np.int64) if self.templates is None else companions(clips, self.templates)
        self.counts.update({MEAN: sum(counts), OTHER: len(others)})
        rows = np.concatenate([clips.chosen, np.repeat(clips.chosen, counts), others])
        vectors = np.concatenate([batch.vectors[clips.chosen], *means, batch.vectors[others]])
        labels = np.concatenate([labels, np.repeat(labels, counts), self._classes(clips, others)])
        kinds = np.repeat([OWN, MEAN, OTHER], [len(clips.chosen), sum(counts), len(others)])
        clip = np.searchsorted(clips.starts, rows, "right")
        order = np.argsort(clip, kind="stable")
        return self._record(clips, rows[order], labels[order], vectors[order], kinds[order])

    def _classes(self, clips: Clips, rows: np.ndarray) -> np.ndarray:
        """The labels (m,) int32 of tracks of unknown people."""
        found = [self.strangers.labels.get(place, config.SUBMIT.NOBODY) for place in clips.places(rows)]
        return np.array(found, np.int32)

    def _record(
        self, clips: Clips, rows: np.ndarray, labels: np.ndarray, vectors: np.ndarray, kinds: np.ndarray | None = None
    ) -> pa.RecordBatch:
        names, splits = ([values[row] for row in rows] for values in (clips.batch.names, clips.batch.splits))
        return Batch(names, splits, vectors).record(self.schema, labels, None if kinds is None else kinds.tolist())
