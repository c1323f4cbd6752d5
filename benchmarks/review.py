"""Effect of answers at the desk: ranking and false hits by number of answers, uncertain first or in random order.

    python benchmarks/review.py --cache output/few.npz

One photograph each of some people is known. Half of all other photographs, degraded (small, dark, noisy), may be asked
about; evaluation uses the other half, about which nothing is asked. People are split by a hash of the name: the use of
"no" answers was tuned on one half, `--check` evaluates on the other. With `--videos` the same is done with tracks of
real videos of people with several sessions.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import few
from few import CLEAN, SMALL, embed, number

from rcnn.commands.arguments import Parser, numbers, positive
from rcnn.errors import run_script
from rcnn.faces.vectors import normalise
from rcnn.people.lessons import Lesson
from rcnn.people.meaning import Spot
from rcnn.scores.metrics import mean_average_precision, score
from rcnn.scores.probability import fit_curve
from rcnn.tables import StageReader
from rcnn.tables.schema import vectors as vectors_of
from rcnn.training.people import held_out

STRANGER = 0  # label
FALSE_HITS = 0.01  # share of held-out strangers with a yes before the first answer
MAYBE_TIMES = 30  # as in rcnn.scores.calibration
STEP = 10  # answers between two updates of the order
LEAST_PHOTOGRAPHS, MOST_PHOTOGRAPHS, OF_A_STRANGER = 7, 41, 3
ASIDE = 600  # strangers used to set the threshold
NOTHING, RIVAL, PENALISED = "nothing", "not this one", "penalised"
WAYS = ((PENALISED, False), (NOTHING, True), (RIVAL, True), (PENALISED, True))  # with whether cosines are shifted
UNCERTAIN, RANDOM = "uncertain", "random"


@dataclass(frozen=True)
class Draw:
    """Unit vectors (n, D) and labels (n,), 0 for strangers.

    known, pool, judged : rows that are known, may be asked about, and are used for evaluation
    aside : strangers used to set the threshold
    right : cosines (n,) of other people with one photograph of themselves
    """

    known: np.ndarray
    labels: np.ndarray
    pool: np.ndarray
    pool_labels: np.ndarray
    judged: np.ndarray
    judged_labels: np.ndarray
    aside: np.ndarray
    right: np.ndarray

    @property
    def spots(self) -> list[Spot]:
        """Spots of the pool's rows."""
        return [Spot(str(row), 0) for row in range(len(self.pool))]


@dataclass
class Desk:
    """The answers about the pool's rows, and the resulting cosines.

    way : effect of a no: nothing; a separate class that takes whatever is nearer to it; or the mean of denied rows is
        subtracted from the template, as in rcnn.people.lessons
    moved : whether cosines are shifted to the scale of photographs
    """

    drawn: Draw
    way: str
    moved: bool
    shown: dict[int, int] = field(default_factory=dict)
    denied: dict[int, set[int]] = field(default_factory=dict)

    @property
    def people(self) -> int:
        return int(self.drawn.labels.max())

    def cosines(self, rows: np.ndarray) -> np.ndarray:
        """Cosines of rows (n, D) with each person, (n, people)."""
        drawn, found, spots = self.drawn, [], self.drawn.spots
        for person in range(1, self.people + 1):
            own = [row for row, label in self.shown.items() if label == person]
            against = [row for row, labels in self.denied.items() if person in labels]
            taken = against if self.way == PENALISED else []
            known = drawn.known[drawn.labels == person]
            lesson = Lesson(
                known.sum(0, np.float64), len(known),
                tuple(spots[row] for row in own), drawn.pool[own],
                tuple(spots[row] for row in taken), drawn.pool[taken],
            )  # fmt: skip
            column = rows @ lesson.template() - (lesson.shift(spots, drawn.pool) if self.moved else 0)
            if against and self.way == RIVAL:
                column -= np.maximum((rows @ drawn.pool[against].T).max(1) - column, 0)
            found.append(column)
        return np.stack(found, 1).astype(np.float32)

    def answer(self, row: int, person: int) -> None:
        """The true answer to whether a row shows a person."""
        if self.drawn.pool_labels[row] == person:
            self.shown[row] = person
        else:
            self.denied.setdefault(row, set()).add(person)

    def head(self, nobody: bool) -> float:
        """MAP@100 of a head trained on the answers.

        Parameters
        ----------
        nobody : whether rows with only denials are class 0
        """
        drawn = self.drawn
        no = [row for row in self.denied if row not in self.shown] if nobody else []
        learnt = np.concatenate([drawn.known, drawn.pool[[*self.shown, *no]]])
        labels = np.concatenate([drawn.labels, np.array([*self.shown.values(), *(STRANGER for _ in no)], np.int64)])
        rows = np.arange(len(learnt))
        ranked = len(learnt) + np.arange(len(drawn.judged))
        vectors = np.concatenate([learnt, drawn.judged])
        asked = few.Draw(rows, labels, ranked, drawn.judged_labels)
        return few.measure(vectors, asked, *few.HEADS["cosine"])


def thresholds(desk: Desk) -> tuple[float, float]:
    """Thresholds of yes and maybe, from the strangers set aside."""
    best = desk.cosines(desk.drawn.aside).max(1)
    return float(np.quantile(best, 1 - FALSE_HITS)), float(np.quantile(best, 1 - MAYBE_TIMES * FALSE_HITS))


def play(desk: Desk, order: str, marks: list[int], seed: int) -> Iterator[tuple[float, float, float, float]]:
    """MAP@100, share of known people's clips with a correct yes, and false hits per 1,000, at each number of answers;
    and the share of "no" among the answers since the previous number."""
    random = np.random.default_rng(seed)
    drawn = desk.drawn
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
    """MAP@100, hits and false hits on the evaluation rows."""
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
    """Data from photographs of one half of the people; for our models, only of held-out people."""
    clean, small = found[f"{model}/{CLEAN}"], found[f"{model}/{SMALL}"]
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(found["names"]):
        rows.setdefault(name.partition("/")[0], []).append(row)
    held = {name for name in rows if held_out(name)}
    mine = {name for name in rows if number("few", name) % 2 == check} if model != few.OURS else held
    random = np.random.default_rng(seed)
    order = sorted(mine, key=lambda name: number(f"{seed}", name))
    many = [name for name in order if len(rows[name]) >= LEAST_PHOTOGRAPHS][:people]
    parts: tuple[list[tuple[int, int]], ...] = ([], [], [])  # known, pool, judged
    for label, name in enumerate(many, 1):
        own = random.permutation(rows[name])[:MOST_PHOTOGRAPHS].tolist()
        parts[0].append((own[0], label))
        for place, row in enumerate(own[1:]):
            parts[1 + place % 2].append((row, label))
    for place, name in enumerate(name for name in order if name not in many):
        parts[1 + place % 2].extend((row, STRANGER) for row in rows[name][:OF_A_STRANGER])
    others = [own for name, own in sorted(rows.items()) if name not in mine]
    right = np.array([clean[own[0]] @ small[row] for own in others for row in own[1 : 1 + OF_A_STRANGER]])
    (known, labels), (pool, pool_labels), (judged, judged_labels) = (np.array(part).T for part in parts)
    aside = small[[own[0] for own in others][:ASIDE]]
    return Draw(clean[known], labels, small[pool], pool_labels, small[judged], judged_labels, aside, right)


def draw_videos(folder: Path, features: Path, seed: int) -> Draw:
    """Data from single-person videos. For people with several sessions, one video is known, and those of other sessions
    are asked about or evaluated, in turn; the others are strangers."""
    vectors: dict[str, np.ndarray] = {}
    for batch in StageReader(str(features), ("feature",)).batches():
        for row in range(batch.num_rows):
            if batch.column("track")[row].as_py() == 0:
                name = batch.column("name")[row].as_py()
                vectors[name] = normalise(vectors_of(batch.column("feature"))[row])
    sessions: dict[str, dict[str, list[np.ndarray]]] = {}
    with open(folder / "manifest.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name = row["file"].replace("/", "__")
            if row["person"] and name in vectors:
                sessions.setdefault(row["person"], {}).setdefault(row["session"], []).append(vectors[name])
    random = np.random.default_rng(seed)
    order = random.permutation(sorted(sessions)).tolist()
    parts: tuple[list[tuple[np.ndarray, int]], ...] = ([], [], [], [])  # known, pool, judged, aside
    right: list[float] = []
    label = 0
    for place, name in enumerate(order):
        mine = [videos for _, videos in sorted(sessions[name].items())]
        if len(mine) > 1:
            label += 1
            first = mine.pop(int(random.integers(len(mine))))[0]
            parts[0].append((first, label))
            later = [video for videos in mine for video in videos]
            right += [float(first @ video) for video in later]
            for number_of, video in enumerate(later):
                parts[1 + (number_of + place) % 2].append((video, label))
        else:
            parts[1 + place % 3].extend((video, STRANGER) for video in mine[0])
    arrays = [(np.stack([vector for vector, _ in part]), np.array([who for _, who in part])) for part in parts]
    (known, labels), (pool, pool_labels), (judged, judged_labels), (aside, _) = arrays
    return Draw(known, labels, pool, pool_labels, judged, judged_labels, aside, np.array(right))


def table(name: str, drawn: Callable[[int], Draw], draws: int, marks: list[int], heads: bool) -> None:
    """Print the results of each order and method."""
    for order in (UNCERTAIN, RANDOM):
        for way, moved in WAYS:
            results, learnt = [], []
            for seed in range(draws):
                desk = Desk(drawn(seed), way, moved)
                results.append(list(play(desk, order, marks, seed)))
                if heads and (way, moved) == WAYS[-1]:
                    learnt.append([desk.head(nobody) for nobody in (False, True)])
            words = f"{way}{'' if moved else ', not moved'}"
            for mark, (precision, hits, false, noes) in zip(marks, np.mean(results, 0), strict=True):
                figures = f"{mark:>7}{100 * precision:>9.2f}{100 * hits:>8.1f}{false:>9.1f}{100 * noes:>7.0f}"
                print(f"{name:<15}{order:<11}{words:<22}{figures}", flush=True)
            if learnt:
                nothing, nobody = 100 * np.mean(learnt, 0)
                print(f"{name:<15}{order:<11}head: MAP@100 {nothing:.2f} without a no, {nobody:.2f} with class 0")


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/review.py --cache output/few.npz")
    add = parser.add_argument
    add("--faces", default="../shared/faces", type=Path, metavar="DIR", help="folder of PERSON/*.jpg")
    add("--cache", default="output/few.npz", type=Path, metavar="FILE", help="cache of the embeddings")
    add("--videos", default="../shared/realvideo", type=Path, metavar="DIR", help="folder with manifest.csv")
    add("--features", type=Path, metavar="DIR", help="output of feature.py for the videos, instead of photographs")
    add("--people", default=20, type=positive, metavar="N", help="known people")
    add("--answers", default=(0, 30, 100, 300), type=numbers, metavar="N,...", help="numbers of answers to evaluate at")
    add("--draws", default=5, type=positive, metavar="N", help="random draws of people and photographs")
    add("--check", action="store_true", help="use the half of the people reserved for evaluation")
    args = parser.parse_args()
    torch.set_num_threads(1)
    marks = [int(value) for value in args.answers]
    print(f"{'':<15}{'asked':<11}{'a no is':<22}{'answers':>7}{'MAP@100':>9}{'hits %':>8}{'false/1k':>9}{'no %':>7}")
    if args.features:
        table("videos", lambda seed: draw_videos(args.videos, args.features, seed), args.draws, marks, False)
        return
    found = embed(args.faces, args.cache)
    for model in few.MODELS:
        table(model, lambda seed, m=model: draw(found, m, args.check, args.people, seed), args.draws, marks, True)


if __name__ == "__main__":
    run_script(main)
