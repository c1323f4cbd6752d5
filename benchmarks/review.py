"""What answers at the desk give: ranking and false hits against their number, uncertain ones first against at random.

    python benchmarks/review.py --cache output/few.npz

Of some people one photograph each is known. Half of all other photographs may be asked about, reduced, dark and noisy;
what was learnt is judged on the other half, about which nothing is ever asked. People are split by a hash of the name:
the way to use a "no" was chosen on one half, `--check` looks at the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from few import CLEAN, SMALL, embed, number

from rcnn.commands.arguments import Parser, numbers, positive
from rcnn.errors import run_script
from rcnn.faces.vectors import normalise
from rcnn.scores.probability import fit_curve
from rcnn.scores.metrics import mean_average_precision, score

STRANGER = 0  # label
FALSE_HITS = 0.01  # share of strangers set aside that get a yes before the first answer
MAYBE_TIMES = 30  # as in rcnn.scores.calibration
STEP = 10  # answers after which the order is made anew
PENALTY = 0.25  # of the mean denied vector, taken off the mean of a person
NOTHING, RIVAL, PENALISED = "nothing", "not this one", "penalised"
WAYS = (NOTHING, RIVAL, PENALISED)
UNCERTAIN, RANDOM = "uncertain", "random"


@dataclass(frozen=True)
class Draw:
    """Unit vectors (n, D) and labels (n,), 0 for strangers: what is known, may be asked about, is judged, and strangers
    by whom the threshold is set."""

    known: np.ndarray
    labels: np.ndarray
    pool: np.ndarray
    pool_labels: np.ndarray
    judged: np.ndarray
    judged_labels: np.ndarray
    aside: np.ndarray
    right: np.ndarray


@dataclass
class Desk:
    """What has been answered about the rows of the pool, and the cosines that this gives.

    way : what becomes of a no
    """

    drawn: Draw
    way: str
    centred: bool = False
    shown: dict[int, int] = field(default_factory=dict)
    denied: dict[int, set[int]] = field(default_factory=dict)

    @property
    def people(self) -> int:
        return int(self.drawn.labels.max())

    def cosines(self, rows: np.ndarray) -> np.ndarray:
        """Of rows (n, D) with each person, (n, people)."""
        drawn = self.drawn
        found = np.empty((len(rows), self.people), np.float32)
        for person in range(1, self.people + 1):
            own = [row for row, label in self.shown.items() if label == person]
            against = [row for row, labels in self.denied.items() if person in labels]
            vectors = np.concatenate([drawn.known[drawn.labels == person], drawn.pool[own]])
            mean = vectors.mean(0)
            if against and self.way == PENALISED:
                mean = mean - PENALTY * drawn.pool[against].mean(0)
            column = rows @ normalise(mean)
            if self.centred and (own or against):
                plain = normalise(drawn.known[drawn.labels == person].mean(0))
                column -= np.median(drawn.pool @ normalise(mean)) - np.median(drawn.pool @ plain)
            if against and self.way == RIVAL:
                column -= np.maximum((rows @ drawn.pool[against].T).max(1) - column, 0)
            found[:, person - 1] = column
        return found

    def answer(self, row: int, person: int) -> None:
        """What somebody who knows all people says when asked whether a row shows a person."""
        if self.drawn.pool_labels[row] == person:
            self.shown[row] = person
        else:
            self.denied.setdefault(row, set()).add(person)


def thresholds(desk: Desk) -> tuple[float, float]:
    """Of yes and maybe, by the strangers set aside."""
    best = desk.cosines(desk.drawn.aside).max(1)
    return float(np.quantile(best, 1 - FALSE_HITS)), float(np.quantile(best, 1 - MAYBE_TIMES * FALSE_HITS))


def play(drawn: Draw, way: str, centred: bool, order: str, marks: list[int], seed: int) -> Iterator[tuple[float, float, float, float]]:
    """MAP@100, share of known people with a yes for the right one, and false hits per 1,000, at each mark of answers;
    and of those asked since the mark before, the share that was no."""
    random = np.random.default_rng(seed)
    desk = Desk(drawn, way, centred)
    yes, maybe = thresholds(desk)
    curve0 = fit_curve(drawn.right, desk.cosines(drawn.aside).max(1))
    asked = noes = since = 0
    for mark in marks:
        since, noes = asked, 0
        while asked < mark:
            cosines = desk.cosines(drawn.pool)
            for row, people in desk.denied.items():
                cosines[row, [person - 1 for person in people]] = -1
            best = cosines.max(1)
            open_rows = np.array([row for row in range(len(best)) if row not in desk.shown])
            listed = open_rows[best[open_rows] >= maybe]
            rows = listed if len(listed) else open_rows
            if not len(rows):
                break
            curve = curve0.adjusted(best)
            key = np.abs(curve(best[rows]) - 0.5) if order == UNCERTAIN else random.random(len(rows))
            for row in rows[np.argsort(key, kind="stable")][: min(STEP, mark - asked)].tolist():
                desk.answer(row, int(cosines[row].argmax()) + 1)
                noes += row not in desk.shown
                asked += 1
        yield (*judge(desk, yes), noes / max(asked - since, 1))


def judge(desk: Desk, yes: float) -> tuple[float, float, float]:
    """MAP@100, hits and false hits on what was never asked about."""
    drawn = desk.drawn
    cosines, labels = desk.cosines(drawn.judged), drawn.judged_labels
    order = np.argsort(-cosines, 0, kind="stable")
    people = range(1, desk.people + 1)
    ranking = {person: [str(row) for row in order[:, person - 1]] for person in people}
    truth = {person: [str(row) for row in np.flatnonzero(labels == person)] for person in people}
    best, over = cosines.argmax(1) + 1, cosines.max(1) >= yes
    hits = (over & (best == labels))[labels > 0].mean()
    return mean_average_precision(score(ranking, truth)), float(hits), 1000 * float((over & (best != labels)).mean())


def draw(found: dict[str, np.ndarray], model: str, check: bool, people: int, seed: int) -> Draw:
    """Of photographs of one half of the people."""
    clean, small = found[f"{model}/{CLEAN}"], found[f"{model}/{SMALL}"]
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(found["names"]):
        rows.setdefault(name.partition("/")[0], []).append(row)
    mine = {name: own for name, own in rows.items() if number("few", name) % 2 == check}
    random = np.random.default_rng(seed)
    many = sorted((name for name in mine if len(mine[name]) > 6), key=lambda name: number(str(seed), name))[:people]
    known, pool, judged = [], [], []
    for label, name in enumerate(many, 1):
        own = random.permutation(mine[name])[:41].tolist()
        known.append((own[0], label))
        for place, row in enumerate(own[1:]):
            (pool if place % 2 else judged).append((row, label))
    for place, name in enumerate(sorted({*mine} - {*many}, key=lambda name: number(f"s{seed}", name))):
        judged_or = (pool, judged)[place % 2]
        judged_or += [(row, STRANGER) for row in mine[name][:3]]
    aside = [own[0] for name, own in sorted(rows.items()) if name not in mine][:600]
    right = np.array([clean[own[0]] @ small[row] for name, own in rows.items() if name not in mine for row in own[1:4]])
    parts = [np.array(part) for part in (known, pool, judged)]
    return Draw(
        clean[parts[0][:, 0]], parts[0][:, 1],
        small[parts[1][:, 0]], parts[1][:, 1],
        small[parts[2][:, 0]], parts[2][:, 1],
        small[aside],
        right,
    )  # fmt: skip


def table(name: str, drawn: Callable[[int], Draw], draws: int, marks: list[int]) -> None:
    """Print what each way and order comes to."""
    for order in (UNCERTAIN, RANDOM):
        for way, centred in ((w, c) for w in WAYS for c in (False, True)):
            results = [list(play(each, way, centred, order, marks, seed)) for seed, each in ((s, drawn(s)) for s in range(draws))]
            mean = np.mean(results, 0)
            for mark, (precision, hits, false, noes) in zip(marks, mean, strict=True):
                print(
                    f"{name:<16}{order:<11}{way + centred * ' c':<16}{mark:>6}{100 * precision:>9.2f}{100 * hits:>9.1f}{false:>9.1f}"
                    f"{100 * noes:>8.0f}", flush=True,
                )  # fmt: skip


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/review.py --cache output/few.npz")
    add = parser.add_argument
    add("--faces", default="../shared/faces", type=Path, metavar="DIR", help="folder of PERSON/*.jpg")
    add("--cache", default="output/few.npz", type=Path, metavar="FILE", help="keeps the embeddings")
    add("--people", default=20, type=positive, metavar="N", help="that are known")
    add("--answers", default=(0, 30, 100, 300), type=numbers, metavar="N,...", help="after which it is judged")
    add("--draws", default=5, type=positive, metavar="N", help="of people and photographs")
    add("--check", action="store_true", help="the half of the people that nothing was chosen on")
    args = parser.parse_args()
    found = embed(args.faces, args.cache)
    print(f"{'model':<16}{'asked':<11}{'a no is':<14}{'answers':>6}{'MAP@100':>8}{'hits %':>9}{'false/1k':>9}{'no %':>8}")
    marks = [int(value) for value in args.answers]
    for model in ("MobileFaceNet", "face-m"):
        table(model, lambda seed, m=model: draw(found, m, args.check, args.people, seed), args.draws, marks)


if __name__ == "__main__":
    run_script(main)
