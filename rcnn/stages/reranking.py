"""`submit.py --rerank` and `--gaps`: similar clips, or neighbours in a film, affect each other's scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy import sparse

from ..clips.listed import TO_THE_END
from ..errors import InputError
from ..faces.vectors import normalise
from ..scores.diffusion import BLOCK_ROWS, best_classes, graph_of, smooth
from ..search.neighbours import nearest_of_all
from ..tables import NO_FACE, StageReader
from ..tables.join import concatenate, open_inputs
from .settings import SubmitSettings

READ_ROWS = 4096  # tracks read at a time
DIGITS = 3  # tolerance of the times at which a film is cut into pieces

Scored = tuple[list[str], np.ndarray]  # names of clips (n,), and their scores (n, classes) float32


def rerank(summed: Iterable[Scored], reader: StageReader, settings: SubmitSettings) -> Iterator[Scored]:
    """Clips, sorted by name, and their new scores, after all have been read.

    Memory: the 100 highest scores of each clip, and with `--rerank` the vectors.

    Parameters
    ----------
    summed : all clips with their scores, sorted by name
    reader : of predictions, for the clips without a face

    Raises
    ------
    InputError
        If the features can't be read, or have none of the clips.
    """
    names: list[str] = []
    blocks = []
    for block, scores in summed:
        names += block
        blocks.append(best_classes(scores))
    if not blocks:
        return
    found = sparse.vstack(blocks, format="csr")
    if settings.rerank is not None:
        found = smooth(found, _graph(names, settings), settings.rerank)
    if settings.gaps is not None:
        names, found = _fill_gaps(names, found, reader, settings.gaps)
    for start in range(0, len(names), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield names[rows], found[rows].toarray()


def _graph(names: Sequence[str], settings: SubmitSettings) -> sparse.csr_matrix:
    """The neighbours of clips by the vectors of their tracks; two clips are as similar as their most similar tracks."""
    features = settings.features or ()
    readers = open_inputs(features, ("feature",))
    number = {name: row for row, name in enumerate(names)}
    vectors = np.empty((readers[0].rows, sum(reader.width for reader in readers)), np.float32)
    clips = np.empty(len(vectors), np.int32)
    count = 0
    for batch in concatenate(readers, READ_ROWS):
        mine = np.array([number.get(name, -1) for name in batch.names], np.int32)
        chosen = mine >= 0
        end = count + int(chosen.sum())
        vectors[count:end] = normalise(batch.vectors[chosen])
        clips[count:end] = mine[chosen]
        count = end
    if not count:
        raise InputError(
            f"--features {','.join(features)}: have none of the clips with scores; give the features of these clips"
        )
    vectors, clips = vectors[:count], clips[:count]
    near, cosines = nearest_of_all(vectors, min(settings.neighbours, max(count - 1, 1)))
    row, place = np.nonzero(near >= 0)
    return graph_of(clips[row], clips[near[row, place]], cosines[row, place], len(names), settings.rerank or "")


def _fill_gaps(
    names: list[str], scores: sparse.csr_matrix, reader: StageReader, share: float
) -> tuple[list[str], sparse.csr_matrix]:
    """The same with the clips that have no face and are pieces of films: `share` of the greatest scores of the pieces
    right before and after."""
    number = {name: row for row, name in enumerate(names)}
    begins: dict[tuple[str, float], list[int]] = {}
    ends: dict[tuple[str, float], list[int]] = {}
    bare = []
    columns = ("name", "state", "source", "start", "end")
    for batch in reader.clips():
        for name, state, source, start, end in zip(*(batch.column(c).to_pylist() for c in columns), strict=True):
            if not (start or end != TO_THE_END):
                continue
            if name in number:
                begins.setdefault((source, _cut(start)), []).append(number[name])
                ends.setdefault((source, _cut(end)), []).append(number[name])
            elif state == NO_FACE:
                bare.append((name, source, start, end))
    found = [scores]
    for name, source, start, end in bare:
        near = [*ends.get((source, _cut(start)), []), *begins.get((source, _cut(end)), [])]
        if near:
            names = [*names, name]
            found.append(sparse.csr_matrix(share * scores[near].max(0)))
    order = sorted(range(len(names)), key=names.__getitem__)
    return [names[row] for row in order], sparse.vstack(found, format="csr", dtype=np.float32)[order]


def _cut(time: float) -> float:
    """Whether one piece starts where the other ends, up to rounding."""
    return round(time, DIGITS)
