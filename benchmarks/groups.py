"""Quality of grouping tracks of unknown people, compared with other methods, and its cost with many tracks.

    python benchmarks/groups.py faces --cache output/few.npz
    python benchmarks/groups.py video --output output/real
    python benchmarks/groups.py scale --tracks 1000000 --output output/scale

`faces`: photographs of people with several photographs and of many with one. `video`: tracks of real videos, each of
one person, from detect.py and feature.py; sessions of one person should join. People are split by a hash of the name:
parameters were chosen on one half (`--choose` prints the choice), the table shows the other half. `scale`: synthetic
vectors with realistic cosines, in a file with 16 bits per component.
"""

from __future__ import annotations

import csv
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.appearances.videos import MODELS as PAIRS
from benchmarks.appearances.videos import make_set, name_of
from benchmarks.few import CLEAN, OURS, embed, number
from benchmarks.made_faces import PART_ROWS, MadeFaces
from rcnn.clips.paths import ClipPaths
from rcnn.commands.arguments import Parser, positive
from rcnn.errors import InputError, run_script
from rcnn.faces.card import read_thresholds
from rcnn.files import sha256
from rcnn.people.grouping import GroupingSettings, find_groups
from rcnn.people.moments import Moments
from rcnn.people.neighbours import near_pairs
from rcnn.report import trace
from rcnn.scores.card_thresholds import CardThresholds
from rcnn.stages.clip_tracks import find_detection
from rcnn.stages.detect import detect
from rcnn.stages.feature import feature
from rcnn.stages.groups import STORED, film_number
from rcnn.stages.settings import DetectSettings, FeatureSettings
from rcnn.stages.unknown_tracks import Input, read_unknown
from rcnn.tables import StageReader
from rcnn.training.people import held_out

FACES, VIDEO, SCALE = "faces", "video", "scale"
NAMES = {"MobileFaceNet": PAIRS["published"].embedding, OURS: PAIRS["ours"].embedding}
THRESHOLDS = np.arange(0.24, 0.68, 0.03)  # cosine thresholds that the other methods choose from
NEIGHBOURS = (1, 2)  # of a core point, including itself
RATES = (1e-2, 1e-3, 1e-4)  # of a model card
PAIRS_OF_STRANGERS = 2_000_000
QUARTERS = 4
MB = 1e6


@dataclass(frozen=True)
class Quality:
    """Agreement of groups with people, all 0..1. B-cubed (Bagga and Baldwin 1998) is a mean over tracks; a single track
    is a group of one. Pairs are pairs of tracks."""

    precision: float
    recall: float
    pair_precision: float
    pair_recall: float

    @property
    def f(self) -> float:
        return 2 * self.precision * self.recall / (self.precision + self.recall)

    def __str__(self) -> str:
        parts = (self.f, self.precision, self.recall, self.pair_precision, self.pair_recall)
        return " | ".join(f"{part:.4f}" for part in parts)


def quality(people: np.ndarray, groups: np.ndarray) -> Quality:
    """Compare groups (n,), -1 for a single track, with people (n,)."""
    alone = groups < 0
    groups = np.where(alone, groups.max(initial=0) + 1 + np.arange(len(groups)), groups)
    _, person = np.unique(people, return_inverse=True)
    _, group = np.unique(groups, return_inverse=True)
    shared = coo_matrix((np.ones(len(person)), (person, group))).tocsr().tocoo()
    sizes, own = np.bincount(group), np.bincount(person)
    right = (shared.data * (shared.data - 1)).sum()
    return Quality(
        float((shared.data**2 / sizes[shared.col]).sum() / len(person)),
        float((shared.data**2 / own[shared.row]).sum() / len(person)),
        float(right / max((sizes * (sizes - 1)).sum(), 1)),
        float(right / max((own * (own - 1)).sum(), 1)),
    )


@dataclass(frozen=True)
class Tracks:
    """Tracks of people, and the thresholds of the model card; only `counted` tracks are evaluated."""

    vectors: np.ndarray
    people: np.ndarray
    moments: Moments
    card: CardThresholds | None
    counted: np.ndarray

    @cached_property
    def distances(self) -> np.ndarray:
        """1 minus the cosine of each pair."""
        return np.clip(1 - self.vectors @ self.vectors.T, 0, 2)

    @cached_property
    def tree(self) -> np.ndarray:
        """The tree of average linkage."""
        from scipy.cluster.hierarchy import linkage
        from scipy.spatial.distance import squareform

        return linkage(squareform(self.distances, checks=False), "average")

    def half(self, which: int) -> Tracks:
        """The tracks of half of the people; uncounted tracks are in both halves."""
        halves = {person: number("groups", person) % 2 == which for person in np.unique(self.people)}
        mine = np.array([halves[person] for person in self.people]) | ~self.counted
        return Tracks(self.vectors[mine], self.people[mine], self.moments[mine], self.card, self.counted[mine])

    def judge(self, groups: np.ndarray) -> Quality:
        return quality(self.people[self.counted], groups[self.counted])


class _Rows:
    """Vectors with the interface for `near_pairs`."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors, self.width = vectors, vectors.shape[1]

    def __len__(self) -> int:
        return len(self._vectors)

    def unit(self, rows: np.ndarray | slice) -> np.ndarray:
        return self._vectors[rows]


def ours(tracks: Tracks) -> np.ndarray:
    settings = GroupingSettings.of(tracks.card, len(tracks.vectors))
    return find_groups(tracks.vectors, tracks.moments, settings).groups


def pure(tracks: Tracks, groups: np.ndarray) -> str:
    """The number of pure groups in each quarter by sureness, in words; if known."""
    people, groups = tracks.people[tracks.counted], groups[tracks.counted]
    found = [people[groups == number] for number in range(groups.max(initial=-1) + 1)]
    one = np.array([len(set(mine)) == 1 for mine in found if len(mine) > 1])
    quarters = [part for part in np.array_split(one, QUARTERS) if len(part)]
    return ", ".join(f"{part.sum()} of {len(part)}" for part in quarters)


def components(tracks: Tracks, threshold: float) -> np.ndarray:
    return connected_components(csr_matrix(tracks.distances <= 1 - threshold), directed=False)[1]


def dbscan(tracks: Tracks, threshold: float, least: int) -> np.ndarray:
    from sklearn.cluster import DBSCAN

    return DBSCAN(eps=1 - threshold, min_samples=least, metric="precomputed").fit_predict(tracks.distances)


def hdbscan(tracks: Tracks, least: int) -> np.ndarray:
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(min_cluster_size=2, min_samples=least, metric="precomputed", copy=True)
    return found.fit_predict(tracks.distances.astype(np.float64))


def average(tracks: Tracks, threshold: float) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster

    return fcluster(tracks.tree, 1 - threshold, "distance")


def leiden(tracks: Tracks, threshold: float) -> np.ndarray:
    """The dense parts of the neighbour graph, without joining."""
    from rcnn.people.communities import dense_parts

    edges = near_pairs(_Rows(tracks.vectors), len(tracks.vectors), threshold)
    return dense_parts(edges, len(tracks.vectors), threshold, DENSITY)


DENSITY = GroupingSettings().density
WAYS: dict[str, tuple[Callable[..., np.ndarray], Iterable[tuple]]] = {
    "connected components": (components, [(each,) for each in THRESHOLDS]),
    "DBSCAN (scikit-learn)": (dbscan, [(each, least) for each in THRESHOLDS for least in NEIGHBOURS]),
    "HDBSCAN (scikit-learn)": (hdbscan, [(least,) for least in NEIGHBOURS]),
    "average link (SciPy)": (average, [(each,) for each in THRESHOLDS]),
    "Leiden alone": (leiden, [(each,) for each in THRESHOLDS]),
}


def table(name: str, tracks: Tracks) -> None:
    """Print a line per method: tuned on one half of the people, evaluated on the other; and the best value there."""
    choose, check = tracks.half(0), tracks.half(1)
    people, several = np.unique(check.people[check.counted], return_counts=True)
    print(
        f"\n{name}: {check.counted.sum()} tracks of {len(people)} people, {(several > 1).sum()} of them with several "
        f"tracks, and {(~check.counted).sum()} tracks of others"
    )
    print("| | F | precision | recall | pairs: precision | pairs: recall | best F |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    groups = ours(check)
    print(f"| ours, by the card | {check.judge(groups)} | |", flush=True)
    for way, (function, settings) in WAYS.items():
        found = {setting: choose.judge(function(choose, *setting)).f for setting in settings}
        best = max(found, key=lambda setting: found[setting])
        looked = {setting: check.judge(function(check, *setting)) for setting in found}
        top = max(each.f for each in looked.values())
        shown = ", ".join(f"{value:.3g}" for value in best)
        print(f"| {way} at {shown} | {looked[best]} | {top:.4f} |", flush=True)
    print(f"groups of one person, from the most certain quarter to the least certain: {pure(check, groups)}")


def read_card(model: str) -> CardThresholds | None:
    prefix, _, epoch = model.rpartition(",")
    file = f"{prefix}-{int(epoch):04d}.params"
    return read_thresholds(model, {os.path.basename(file): sha256(file)})


def faces(folder: Path, cache: Path) -> None:
    found = embed(folder, cache)
    people = np.array([name.partition("/")[0] for name in found["names"]])
    for name, model in NAMES.items():
        mine = np.array([name != OURS or held_out(person) for person in people])
        vectors = np.ascontiguousarray(found[f"{name}/{CLEAN}"][mine])
        counted = np.ones(len(vectors), bool)
        table(
            f"photographs, {name}",
            Tracks(vectors, people[mine], Moments.unknown(len(vectors)), read_card(model), counted),
        )


def read_video(source: Path, output: Path, pair: str) -> Tracks:
    """Detect and embed missing videos. Only single tracks of files with one person count: of two overlapping tracks,
    one shows somebody else."""
    models = PAIRS[pair]
    places = {stage: f"{output}/{stage}-{pair}" for stage in ("det", "feat")}
    detect(
        DetectSettings(
            model=models.embedding, detector=models.detector, quality_threshold=models.quality,
            dataset=f"{output}/data", stage="test", output=places["det"], gpu=-1, recipe="best",
        )
    )  # fmt: skip
    feature(FeatureSettings(model=models.embedding, input=places["det"], output=places["feat"], gpu=-1, recipe="best"))
    features = StageReader(places["feat"], ("feature",))
    lineage = trace([features], [str(output)])
    known = np.zeros(features.rows, bool)
    read = Input(features, find_detection(features, None, lineage), ClipPaths({}, []), known)
    with (source / "manifest.csv").open(newline="") as file:
        who = {name_of(row["file"]): row["person"] for row in csv.DictReader(file)}
    vectors, people, counted, films, starts, ends = ([] for _ in range(6))
    for seen in read_unknown([read], (), True):
        person, count = who[seen.clip.name], len(seen.tracks)
        overlap = (seen.starts[:, None] < seen.ends) & (seen.starts < seen.ends[:, None])
        vectors.append(seen.vectors)
        people += [person or seen.clip.name] * count
        counted += [bool(person)] * count if overlap.sum() == count else [False] * count
        films += [film_number(seen.clip.name)] * count
        starts.append(seen.starts)
        ends.append(seen.ends)
    moments = Moments(np.array(films), np.concatenate(starts), np.concatenate(ends))
    return Tracks(np.concatenate(vectors), np.array(people), moments, read_card(models.embedding), np.array(counted))


class LabelledFaces(MadeFaces):
    """Synthetic tracks with known identities."""

    def part(self, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of a part, and their people."""
        self._centres = np.zeros((0, 0), np.float32)
        vectors = self.vectors(start)
        _, people = np.unique(self._centres[:, 0], return_inverse=True)
        return vectors, people + start

    def _tracks(self, random: np.random.Generator, centres: np.ndarray, alike: np.ndarray) -> np.ndarray:
        self._centres = centres
        return super()._tracks(random, centres, alike)


def scale(folder: Path, tracks: int, width: int) -> None:
    """Time, memory and quality for synthetic tracks, three per film, one after the other."""
    maker = LabelledFaces(folder / f"made{tracks}x{width}", tracks, width, 1)
    file = folder / f"made{tracks}x{width}.vectors"
    people = np.zeros(tracks, np.int64)
    stored = np.memmap(file, STORED, "w+", shape=(tracks, width))
    for start in range(0, tracks, PART_ROWS):
        vectors, people[start : start + len(vectors)] = maker.part(start)
        stored[start : start + len(vectors)] = vectors
    stored.flush()
    random = np.random.default_rng(0)
    pairs = random.integers(0, tracks, (PAIRS_OF_STRANGERS, 2))
    pairs = pairs[people[pairs[:, 0]] != people[pairs[:, 1]]][: PAIRS_OF_STRANGERS // 2]
    cosines = np.concatenate(
        [
            np.einsum("nd,nd->n", *(np.asarray(stored[part], np.float32) for part in some.T))
            for some in np.array_split(pairs, 64)
        ]
    )
    card = CardThresholds(RATES, tuple(float(np.quantile(cosines, 1 - rate)) for rate in RATES))
    shuffled = random.permutation(tracks)
    films, turns = shuffled // 3, (shuffled % 3).astype(float)
    moments = Moments(films, turns, turns + 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    began, worked = time.monotonic(), time.process_time()
    settings = GroupingSettings.of(card, tracks)
    found = find_groups(np.memmap(file, STORED, "r", shape=(tracks, width)), moments, settings)
    seconds, processor = time.monotonic() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{tracks} tracks of {len(np.unique(people))} people, {width} wide: cosine {settings.alike:.3f}, "
        f"{found.count} groups, {seconds:.0f} s ({processor:.0f} s of processor), peak {peak / MB:.0f} MB "
        f"(before {before / MB:.0f}), file {file.stat().st_size / MB:.0f} MB; {quality(people, found.groups)}",
        flush=True,
    )
    file.unlink()


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/groups.py faces --cache output/few.npz")
    parser.add_argument("what", choices=(FACES, VIDEO, SCALE))
    parser.add_argument("--faces", type=Path, default=Path("../shared/faces"), metavar="DIR", help="PERSON/*.jpg")
    parser.add_argument("--cache", type=Path, default=Path("output/few.npz"), metavar="FILE", help="vector cache")
    parser.add_argument(
        "--videos", type=Path, default=Path("../shared/realvideo"), metavar="DIR", help="folder with manifest.csv"
    )
    parser.add_argument("--output", type=Path, default=Path("output/groups"), metavar="DIR", help="for all output")
    parser.add_argument("--tracks", type=positive, default=1_000_000, metavar="N", help="tracks for scale")
    parser.add_argument("--width", type=positive, default=128, metavar="D", help="length of a synthetic vector")
    args = parser.parse_args()
    if args.what == FACES:
        faces(args.faces, args.cache)
    elif args.what == VIDEO:
        if not (args.videos / "manifest.csv").is_file():
            raise InputError(f"--videos {args.videos}: has no manifest.csv; give the folder of real videos")
        args.output.mkdir(parents=True, exist_ok=True)
        make_set(args.videos, args.output / "data")
        for pair in PAIRS:
            table(f"videos, {pair} models", read_video(args.videos, args.output, pair))
    else:
        args.output.mkdir(parents=True, exist_ok=True)
        process = get_context("spawn").Process(target=scale, args=(args.output, args.tracks, args.width))
        process.start()  # a separate process, to measure its own peak memory
        process.join()
        if process.exitcode:
            raise InputError("the tracks could not be grouped")


if __name__ == "__main__":
    run_script(main)
