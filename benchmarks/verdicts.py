"""Requested and actual false hits, recall, and probability calibration, on photographs in PERSON/*.jpg.

Clips are simulated: one to three photographs of a person each. Of some people half of the clips are known and the other
half is searched; strangers are other people, different ones for calibration trials and for search. Methods were chosen
on four fifths of the people (--choosing); the others, selected by `rcnn.training.people.held_out`, were evaluated
once."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from verification import RATES, embed_photographs

from benchmarks.models import OWN_EMBEDDING, PUBLISHED_DETECTOR
from rcnn.commands.arguments import Parser, add_gpu, positive
from rcnn.errors import InputError, run_script
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise
from rcnn.networks.engine import choose_device
from rcnn.people.templates import Gallery
from rcnn.scores import probability
from rcnn.scores.calibration import OperatingPoint, Trials, operating_point
from rcnn.scores.card_thresholds import CardThresholds
from rcnn.scores.verification import thresholds_at
from rcnn.tables import OK, StageWriter, features_schema, vector_array
from rcnn.training.people import held_out

ASKED = (1, 3, 10, 30, 100)  # false hits per 1,000 clips
LARGEST_CLIP = 3  # photographs
SETTINGS = ((1, 0), (1, 60), (10, 0), (10, 60), (40, 0), (40, 150))  # known people, clips of strangers


@dataclass(frozen=True)
class Run:
    """A simulated data set.

    searched, owner : (n,) cosine of a searched clip with the nearest person, and its true person; -1 for a stranger
    nearest : (n,) row of that person
    """

    trials: Trials
    people: int
    searched: np.ndarray
    nearest: np.ndarray
    owner: np.ndarray

    @property
    def stranger(self) -> np.ndarray:
        return self.owner < 0

    @property
    def right(self) -> np.ndarray:
        return self.owner == self.nearest


def embeddings(model: str, detector: str, folder: Path, gpu: int, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Names of people (n,) and unit vectors (n, D) of all photographs; cached in `cache`."""
    key = hashlib.sha256(f"{Path(model).resolve()} {Path(detector).resolve()} {folder.resolve()}".encode()).hexdigest()
    kept = cache / f"verdicts-{key[:16]}.npz"
    if not kept.is_file():
        device = choose_device(gpu)
        found = embed_photographs(
            folder, load_detector(detector, device), load_embedder(model, device), 0.3, 1.0, False, False
        )
        names = np.array(sorted({path.parent.name for path in folder.glob("*/*.jpg")}))
        np.savez(kept, people=names[found.labels], vectors=normalise(found.plain))
    with np.load(kept) as data:
        return data["people"], data["vectors"]


def clips_of(people: np.ndarray, vectors: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """The person and vector of each simulated clip; a person with at least two photographs has at least two clips."""
    for person in np.unique(people):
        left = rng.permutation(np.flatnonzero(people == person))
        first = True
        while len(left):
            most = max(1, len(left) // 2) if first else len(left)
            size = min(int(rng.integers(1, LARGEST_CLIP + 1)), most)
            yield str(person), normalise(vectors[left[:size]].sum(0))
            left, first = left[size:], False


def simulate(people: np.ndarray, vectors: np.ndarray, known: int, strangers: int, seed: list[int]) -> Run:
    """Simulate a data set of known people and clips of strangers, through a stage directory and `Gallery`."""
    rng = np.random.default_rng(seed)
    owners, rows = zip(*clips_of(people, vectors, rng), strict=True)
    owner, clips = np.array(owners), np.stack(rows)
    names, counts = np.unique(owner, return_counts=True)
    chosen = rng.choice(names[counts >= 3], min(known, int((counts >= 3).sum())), replace=False)
    others = rng.permutation(np.setdiff1d(names, chosen))
    taught: list[tuple[int, int]] = []  # clip, label
    searched: list[tuple[int, int]] = []
    for row, person in enumerate(np.sort(chosen)):
        mine = rng.permutation(np.flatnonzero(owner == person))
        half = min(max(2, len(mine) // 2), len(mine) - 1)
        taught += [(int(clip), row + 1) for clip in mine[:half]]
        searched += [(int(clip), row) for clip in mine[half:]]
    unknown = np.flatnonzero(np.isin(owner, others[: len(others) // 2]))
    taught += [(int(clip), -1) for clip in rng.permutation(unknown)[:strangers]]
    searched += [(int(clip), -1) for clip in np.flatnonzero(np.isin(owner, others[len(others) // 2 :]))]
    with tempfile.TemporaryDirectory() as folder:
        names = write_features(f"{folder}/known", clips[[clip for clip, _ in taught]])
        labels = {name: label for name, (_, label) in zip(names, taught, strict=True)}
        gallery = Gallery.read([f"{folder}/known"], labels)
        trials = gallery.trials()
    chosen_clips = np.array([clip for clip, _ in searched])
    found = gallery.nearest([f"s{n}" for n in range(len(searched))], np.zeros(len(searched)), clips[chosen_clips])
    return Run(trials, len(gallery.labels), *found, np.array([row for _, row in searched]))


def write_features(path: str, rows: np.ndarray) -> list[str]:
    """Write a stage directory of feature.py with one row per clip; returns the names."""
    schema = features_schema(rows.shape[1])
    names = [f"{number:06d}" for number in range(len(rows))]
    columns = [pa.array(names), pa.array(["train"] * len(names)), vector_array(rows)]
    with StageWriter(path, "feature", schema) as out:
        out.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))
        state = {"split": "train", "state": OK, "reason": "", "frames": 1, "faces": 1}
        out.add_clips([{"name": name, **state} for name in names])
        out.close()
    return names


def pooled(trials: Trials) -> Trials:
    """Trials with all impostors assigned to one person: a common threshold for all."""
    return replace(trials, impostor_person=np.zeros_like(trials.impostor_person))


def without_genuine(trials: Trials) -> Trials:
    """Trials without learning a probability curve, when only thresholds are needed."""
    return replace(trials, genuine=trials.genuine[:0], genuine_person=trials.genuine_person[:0], rival=None)


def points(run: Run, asked: float, card: CardThresholds) -> Iterator[tuple[str, OperatingPoint, np.ndarray]]:
    """The threshold methods, each with its operating point and the rows of people to apply it to."""
    nobody = Trials(*(np.zeros(0, kind) for kind in (np.float32, np.int32) * 2))
    one = np.zeros_like(run.nearest)
    yield "card alone", operating_point(nobody, run.people, asked, card), run.nearest
    trials = without_genuine(run.trials)
    if len(trials.impostor):
        yield "impostors, all alike", operating_point(pooled(trials), run.people, asked, None), one
        yield "impostors, by person", operating_point(trials, run.people, asked, None), run.nearest
        yield "by person, and card", operating_point(trials, run.people, asked, card), run.nearest


def hits(runs: list[Run], card: CardThresholds) -> dict[str, list[tuple[float, float, float]]]:
    """By method, for each of ASKED: false hits per 1,000 clips, and percent of right clips with "yes", and with "yes"
    or "maybe"."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for asked in ASKED:
        sums: dict[str, np.ndarray] = {}
        for run in runs:
            for way, point, people in points(run, asked, card):
                verdicts = point.verdicts(run.searched, people)
                yes, some = verdicts == "yes", verdicts != "no"
                mine = ~run.stranger
                counts = (
                    (yes & run.stranger).sum(),
                    run.stranger.sum(),
                    (yes & run.right).sum(),
                    (some & run.right).sum(),
                )
                sums[way] = sums.get(way, np.zeros(5)) + np.array([*counts, mine.sum()])
        for way, (false, strangers, right, more, known) in sums.items():
            found.setdefault(way, []).append((1000 * false / strangers, 100 * right / known, 100 * more / known))
    return found


def probabilities(runs: list[Run], share: float, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Brier score and expected calibration error of searched clips with a given share of known people."""
    predicted: dict[str, list[np.ndarray]] = {}
    truth = []
    for run in runs:
        known, strangers = (rng.permutation(np.flatnonzero(part)) for part in (~run.stranger, run.stranger))
        total = int(min(len(known) / share, len(strangers) / (1 - share)))
        rows = np.concatenate([known[: round(total * share)], strangers[: round(total * (1 - share))]])
        cosines, people = run.searched[rows], run.nearest[rows]
        truth.append(run.right[rows].astype(int))
        point = operating_point(without_genuine(run.trials), run.people, 1, None)
        best = run.trials.genuine > run.trials.rival
        right = (run.trials.genuine - point.centre[run.trials.genuine_person])[best]
        wrong = run.trials.impostor - point.centre[run.trials.impostor_person]
        for name, fit in (("Platt", probability.fit_platt), ("isotonic", probability.fit_isotonic)):
            each = replace(point, curve=fit(right, wrong))
            predicted.setdefault(name, []).append(each.probabilities(cosines, people))
            adjusted = each.adjusted(cosines, people)
            predicted.setdefault(f"{name}, EM", []).append(adjusted.probabilities(cosines, people))
    labels = np.concatenate(truth)
    judged = {name: probability.judge(np.concatenate(each), labels) for name, each in predicted.items()}
    return {name: (each.brier, each.error) for name, each in judged.items()}


def spread(values: list[float], digits: int) -> str:
    return f"{np.mean(values):.{digits}f} ± {np.std(values):.{digits}f}"


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/verdicts.py --model model/face-m,0 --gpu -1")
    add = parser.add_argument
    add("--detector", default=PUBLISHED_DETECTOR, metavar="PREFIX,EPOCH", help="face detector")
    add("--model", default=OWN_EMBEDDING, metavar="PREFIX,EPOCH", help="embedding network")
    add("--faces", default="../shared/faces", type=Path, metavar="DIR", help="folder of PERSON/*.jpg")
    add("--cache", default=tempfile.gettempdir(), type=Path, metavar="DIR", help="folder for cached embeddings")
    add("--seeds", default=5, type=positive, metavar="N", help="seeds for the spread")
    add("--repeats", default=10, type=positive, metavar="N", help="data sets per seed")
    add("--choosing", action="store_true", help="use the people reserved for tuning")
    add_gpu(parser)
    args = parser.parse_args()
    people, vectors = embeddings(args.model, args.detector, args.faces, args.gpu, args.cache)
    final = np.array([held_out(person) for person in people])
    if not final.any() or final.all():
        raise InputError(f"--faces {args.faces}: has too few people; name the folder above them")
    number = np.unique(people[~final], return_inverse=True)[1]
    card = CardThresholds(
        tuple(RATES.values()), tuple(thresholds_at(vectors[~final], number, list(RATES.values()))), "photographs"
    )
    part = ~final if args.choosing else final
    people, vectors = people[part], vectors[part]
    print(f"{args.model}: {len(people)} photographs of {len(np.unique(people))} people")
    print(f"card, of pairs of the people for choosing: {', '.join(f'{cosine:.3f}' for cosine in card.cosines)}")
    print("false hits per 1,000 clips of strangers (% of right clips with yes / with yes or maybe), asked:")
    for known, strangers in SETTINGS:
        runs = [
            [simulate(people, vectors, known, strangers, [seed, repeat]) for repeat in range(args.repeats)]
            for seed in range(args.seeds)
        ]
        impostors = np.mean([len(run.trials.impostor) for seed in runs for run in seed])
        print(f"\n{known} known people, {strangers} clips of strangers: {impostors:.0f} impostors")
        print("".join(f"{text:>30}" for text in ("", *(f"{asked}" for asked in ASKED))))
        found = [hits(seed, card) for seed in runs]
        for way in found[0]:
            cells = []
            for column in range(len(ASKED)):
                false, right, more = zip(*(each[way][column] for each in found if way in each), strict=True)
                cells.append(f"{spread(list(false), 1)} ({np.mean(right):.1f} / {np.mean(more):.1f})")
            print(f"{way:>30}" + "".join(f"{cell:>30}" for cell in cells), flush=True)
        if impostors < probability.FEWEST * 4 or known == 1:
            continue
        print(f"{'probabilities':>30}{'share known':>16}{'Brier':>20}{'calibration error':>20}")
        for share in (0.05, 0.2, 0.5):
            judged = [probabilities(seed, share, np.random.default_rng(number)) for number, seed in enumerate(runs)]
            for name in judged[0]:
                brier, error = zip(*(each[name] for each in judged), strict=True)
                print(f"{name:>30}{share:>16}{spread(list(brier), 4):>20}{spread(list(error), 4):>20}", flush=True)


if __name__ == "__main__":
    run_script(main)
