"""Names of the clips of a training set, of the files they were cut from, and of their people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..clips.names import find_people
from ..clips.sources import find_sources
from ..report import trace
from ..tables import StageReader
from ..tables.films import Films


@dataclass(frozen=True)
class ClipSources:
    """Of the rows of a stage's table.

    names, sources : (n,) of each clip, and of the file or film that it is a piece of; the clip's name if it is not a
        piece
    people : names of labels, where the data set has them
    """

    names: Sequence[str]
    sources: Sequence[str]
    people: Mapping[int, str]


def read_clip_sources(path: str) -> ClipSources:
    """Those of a training set, as far as its table of clips and the data set behind it know them.

    Raises
    ------
    InputError
        If it is not a training set, or damaged.
    """
    reader = StageReader(path, ("genfeat",))
    names = [name for batch in reader.batches(["name"]) for name in batch.column("name").to_pylist()]
    films = Films.of(reader)
    datasets = trace([reader]).datasets
    told = find_sources(None, *datasets, clips=set(names))
    sources = [films.sources.get(name) or told.get(name, name) for name in names]
    return ClipSources(names, sources, find_people(None, *datasets))
