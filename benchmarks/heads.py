"""Cost of options of train_mlp.py, predict.py and submit.py at the size of the challenge, on synthetic vectors.

    python benchmarks/heads.py [--share 0.35] NAME ...

NAME is one of the functions below. Run each in a separate process, because the memory peak is that of the process.
`--share` uses a part of the clips.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy import sparse

from rcnn.faces.vectors import normalise
from rcnn.networks.engine import CPU, load_network
from rcnn.networks.graphs.classifier import OUTPUT, build_cosine_graph
from rcnn.scores.diffusion import BLOCK_ROWS, best_classes, graph_of, smooth
from rcnn.scores.rerankings import RERANKINGS
from rcnn.search.neighbours import nearest_of_all
from rcnn.stages.propagating import Pieces, propagate
from rcnn.stages.scoring import ROWS, PredictStep
from rcnn.tables.join import Batch
from rcnn.training.folds import deal_folds
from rcnn.training.label_noise import find_doubts

TRAIN, TEST, CLASSES, WIDTH = 392_537, 172_835, 4_935, 512
NEIGHBOURS = 10
SPREAD = 1.0  # norm of the noise of a clip around its person: cosines of 0.5 within a person
STRANGERS = 0.4  # share of the test clips
FILM = 300  # clips per film
WRONG = 0.05  # share of wrong labels
ALIKE = 0.35  # cosine from which a neighbour matters


def clips(count: int, strangers: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (n, WIDTH) float32 and their labels, 0 for strangers, who occur once each."""
    random = np.random.default_rng(0)
    labels = random.integers(1, CLASSES, count)
    labels[random.random(count) < strangers] = 0
    centres = normalise(random.standard_normal((CLASSES, WIDTH), np.float32))
    found = np.empty((count, WIDTH), np.float32)
    for start in range(0, count, ROWS):
        rows = slice(start, start + ROWS)
        own = normalise(random.standard_normal((len(labels[rows]), WIDTH), np.float32))
        found[rows] = normalise(centres[labels[rows]] * (labels[rows] > 0)[:, None] + SPREAD * own)
    return found, labels


def classifier(folds: int = 1) -> PredictStep:
    """A classifier of templates, repeated for each fold."""
    random = np.random.default_rng(0)
    bias = np.zeros(CLASSES, np.float32)
    centres = normalise(random.standard_normal((CLASSES, WIDTH), np.float32))
    centres[0], bias[0] = 0, 0.5
    graph = build_cosine_graph(centres, bias, 16.0)
    return PredictStep([load_network(graph, [OUTPUT], device=CPU)] * folds, np.zeros(0, np.int64))


def timed(what: str, action: Callable[[], object]) -> object:
    """The result of an action; prints seconds and this process's peak memory so far."""
    started, processor = time.monotonic(), time.process_time()
    result = action()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    used = time.process_time() - processor
    print(f"{what}: {time.monotonic() - started:.1f} s, {used:.1f} s of processor, peak {peak:.2f} GB", flush=True)
    return result


def scored(step: PredictStep, vectors: np.ndarray) -> Iterator[tuple[Batch, np.ndarray]]:
    for start in range(0, len(vectors), ROWS):
        part = vectors[start : start + ROWS]
        names = [f"{row:07d}" for row in range(start, start + len(part))]
        yield Batch(names, ["test"] * len(part), part), step.probabilities(part)


def rerank(count: int) -> None:
    vectors, _ = clips(count, STRANGERS)
    step = classifier()
    found = timed("scores", lambda: sparse.vstack([best_classes(s) for _, s in scored(step, vectors)], format="csr"))
    near, cosines = timed("neighbours", lambda: nearest_of_all(vectors, NEIGHBOURS))
    some = np.random.default_rng(1).permutation(count)[:200]
    cosines_of_all = vectors[some] @ vectors.T
    cosines_of_all[np.arange(len(some)), some] = -1
    exact = np.argsort(-cosines_of_all, axis=1)[:, :NEIGHBOURS]
    hits = [
        row in near[clip]
        for clip, line, rows in zip(some.tolist(), cosines_of_all, exact.tolist(), strict=True)
        for row in rows
        if line[row] >= ALIKE
    ]
    print(f"of the neighbours from a cosine of {ALIKE} on {np.mean(hits):.3f} are found")
    row, place = np.nonzero(near >= 0)
    for kind in RERANKINGS:
        graph = timed(f"graph, {kind}", lambda k=kind: graph_of(row, near[row, place], cosines[row, place], count, k))
        timed(f"smooth, {kind}", lambda g=graph, k=kind: smooth(found, g, k))
    timed("whole rows", lambda: [found[at : at + BLOCK_ROWS].toarray() for at in range(0, count, BLOCK_ROWS)] and None)


def noise(count: int) -> None:
    vectors, labels = clips(count, 0.2)
    random = np.random.default_rng(1)
    wrong = (random.random(count) < WRONG) & (labels > 0)
    labels[wrong] = random.integers(1, CLASSES, int(wrong.sum()))
    names = [f"{row:07d}" for row in range(count)]
    folds = timed("folds", lambda: deal_folds(labels, names, names, 5))
    listed = timed("noise", lambda: find_doubts(vectors, labels, folds).doubtful)
    found, right = listed[wrong].mean(), wrong[listed].mean()
    print(f"{found:.3f} of {int(wrong.sum())} wrong labels are listed, and {right:.3f} of the list are wrong")


def predict(count: int) -> None:
    vectors, _ = clips(count, STRANGERS)
    for folds in (1, 5):
        timed(f"predict, {folds} folds", lambda f=folds: sum(len(s) for _, s in scored(classifier(f), vectors)))


def films(count: int) -> None:
    vectors, _ = clips(count, STRANGERS)
    step = classifier()
    pieces = Pieces({f"{row:07d}": str(row // FILM) for row in range(count)}, {})
    timed("predict and propagate", lambda: sum(len(s) for _, s in propagate(scored(step, vectors), pieces, ROWS)))


SIZES = {rerank: TEST, noise: TRAIN, predict: TEST, films: TEST}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=[each.__name__ for each in SIZES])
    parser.add_argument("--share", type=float, default=1.0)
    arguments = parser.parse_args()
    for each, size in SIZES.items():
        if each.__name__ in arguments.names:
            count = int(size * arguments.share)
            print(f"{each.__name__}: {count} clips")
            each(count)


if __name__ == "__main__":
    main()
