"""Measures appearances in films joined from real videos: the figures of docs/appearances.md.

python -m benchmarks.appearances --output output/appearances-benchmark           # half of the people, for tuning
python -m benchmarks.appearances --output output/appearances-benchmark --test    # the other half: evaluate once
"""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from rcnn.clips.dataset import TEST, TRAIN, VAL, Clip
from rcnn.commands.arguments import Parser, number, numbers
from rcnn.config import config
from rcnn.errors import run_script
from rcnn.faces.pooling import Weighting
from rcnn.scores.intervals import match_intervals
from rcnn.scores.verdicts import MAYBE, YES
from rcnn.stages.appearances import appearances
from rcnn.stages.recipes import BEST, options_of_recipe
from rcnn.stages.settings import AppearancesSettings
from rcnn.tables import StageReader

from .films import Film, Shot, cut
from .people import KNOWN, PIECE, PIECES, STRANGERS_SEEN, draw_shot, halves, material, pieces
from .tables import write_tables
from .videos import MODELS, RATE, Video, make_set, read_videos

SEEDS = (0.0, 1.0, 2.0, 3.0, 4.0)
FALSE_HITS = (1.0, 10.0, 100.0)  # per 1,000 clips
FILMS, SHOTS = 8, 16  # per seed, per film
CAST = 4  # known people per film
STRANGE, EMPTY = 0.4, 0.1  # shares of shots with a stranger, and with nobody


@dataclass(frozen=True)
class World:
    """Everything drawn for a seed: clips of known people and strangers, films, and clips of unseen strangers."""

    names: list[str]
    labels: dict[str, int]
    known: list[Film]
    films: list[Film]
    strangers: list[Film]


def draw(videos: Sequence[Video], people: Sequence[str], seed: int, weighting: Weighting) -> World:
    """Assign people at random: known people, strangers for calibration, and unseen strangers."""
    rng = np.random.default_rng(seed)
    mine = {person: [video for video in videos if video.person == person] for person in people}
    order = [people[index] for index in rng.permutation(len(people))]
    of_known = {person: found for person in order if (found := material(mine[person], rng))}
    names = sorted(list(of_known)[: round(len(of_known) * KNOWN)])
    strangers = [person for person in order if person not in names and mine[person]]
    seen = strangers[: round(len(strangers) * STRANGERS_SEEN)]
    unseen = strangers[len(seen) :]
    whole = {person: [(video, 0, video.looks) for video in mine[person]] for person in strangers}
    clips: list[tuple[Clip, list[Shot]]] = []
    labels: dict[str, int] = {}
    for label, person in enumerate(names, 1):
        for shot in pieces(of_known[person].known, PIECES, rng):
            clips.append((Clip(f"{TRAIN}_{len(clips):05d}.mp4", "", TRAIN), [shot]))
            labels[clips[-1][0].name] = label
    for person in seen:
        for shot in pieces(whole[person], PIECES, rng):
            clips.append((Clip(f"{VAL}_{len(clips):05d}.mp4", "", VAL), [shot]))
    films = [
        (Clip(f"film_{index:05d}.mp4", "", TEST), _script(names, of_known, unseen, whole, rng))
        for index in range(FILMS)
    ]
    alone = [shot for person in unseen for shot in pieces(whole[person], 10**6, rng)]
    others = [(Clip(f"other_{index:05d}.mp4", "", TEST), [shot]) for index, shot in enumerate(alone)]
    return World(
        names, labels, *([film for each in part if (film := cut(*each, weighting))] for part in (clips, films, others))
    )


def _script(names: Sequence[str], of_known: Mapping, unseen: Sequence[str], whole: Mapping, rng) -> list[Shot]:
    """The shots of a film: a few recurring known people, strangers, and nobody; never the same one twice in a row."""
    cast = [names[index] for index in rng.permutation(len(names))[:CAST]]
    shots: list[Shot] = []
    last = ""
    while len(shots) < SHOTS:
        kind = rng.random()
        if kind < EMPTY:
            shots.append(Shot(None, 0, float(rng.uniform(0.5, PIECE))))
            continue
        pool = unseen if kind < EMPTY + STRANGE else cast
        person = pool[rng.integers(len(pool))]
        if person == last:
            continue
        shots.append(draw_shot(whole[person] if person in whole else of_known[person].searched, rng))
        last = person
    return shots


def write_world(world: World, place: Path, pair: str) -> None:
    """Write the stage directories of a seed."""
    for name, films in (("known", world.known), ("films", world.films), ("strangers", world.strangers)):
        names = {film.faces.clip.name for film in films}
        labels = {name: label for name, label in world.labels.items() if name in names}
        write_tables(films, place / name, MODELS[pair], labels)


def measure(world: World, place: Path, false_hits: float) -> dict[str, float]:
    """Run the stage on the films and on the strangers, and count."""
    figures: dict[str, float] = {}
    rows = _run(place, "films", false_hits)
    for name, verdicts in (("yes", (YES,)), ("yes or maybe", (YES, MAYBE))):
        found, true, matched, errors = 0, 0, 0, []
        for film in world.films:
            for label, person in enumerate(world.names, 1):
                mine = [
                    (row["start"], row["end"])
                    for row in rows.get(film.faces.clip.name, ())
                    if row["who"] == label and row["verdict"] in verdicts
                ]
                truth = film.spans.get(person, [])
                pairs = match_intervals(np.array(mine), np.array(truth))
                found, true, matched = found + len(mine), true + len(truth), matched + len(pairs)
                errors += [abs(mine[one][side] - truth[two][side]) * RATE for one, two in pairs for side in (0, 1)]
        figures[f"recall, {name}"] = 100 * matched / max(true, 1)
        figures[f"precision, {name}"] = 100 * matched / found if found else math.nan
        figures[f"median error in looks, {name}"] = float(np.median(errors)) if errors else math.nan
    figures["appearances"] = true
    rows = _run(place, "strangers", false_hits)
    hits = sum(any(row["verdict"] == YES for row in mine) for mine in rows.values())
    figures["strangers' clips"] = len(world.strangers)
    figures["false hits per 1,000"] = 1000 * hits / len(world.strangers)
    return figures


def _run(place: Path, name: str, false_hits: float) -> dict[str, list[dict]]:
    """The rows of the appearance table, by clip."""
    output = f"{place}/{name}/appearances"
    paths = {"features": f"{place}/{name}/feat", "known": (f"{place}/known/feat",), "output": output}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        appearances(AppearancesSettings(**paths, false_hits=false_hits, overwrite=True))
    rows: dict[str, list[dict]] = {}
    for batch in StageReader(output, ("appearances",)).batches():
        for row in batch.to_pylist():
            rows.setdefault(row["name"], []).append(row)
    return rows


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python -m benchmarks.appearances --output output/appearances-benchmark")
    add = parser.add_argument
    add("--videos", type=Path, default=Path("../shared/realvideo"), metavar="DIR", help="PERSON/*.mp4, manifest.csv")
    add("--output", type=Path, default=Path("output/appearances-benchmark"), metavar="DIR", help="for all output")
    add("--seeds", type=numbers, default=SEEDS, metavar="S,S,...", help="seeds of people, films and cuts")
    add("--models", action="append", choices=MODELS, help="only this pair; repeatable")
    add("--unlike", type=number, metavar="COSINE", help="override TRACK.UNLIKE of config")
    usual = options_of_recipe("feature", BEST)["weight_power"]
    add("--power", type=number, default=usual, metavar="P", help="exponent of quality in face weights; 0: equal")
    add("--test", action="store_true", help="use the half of the people reserved for evaluation")
    args = parser.parse_args()
    if args.unlike is not None:
        config.TRACK.UNLIKE = args.unlike
    make_set(args.videos, args.output / "data")
    record: dict[str, dict[str, list[float]]] = {}
    for pair in args.models or MODELS:
        videos = read_videos(args.videos, args.output, pair)
        people = halves(videos)[args.test]
        for seed in map(int, args.seeds):
            world = draw(videos, people, seed, Weighting(True, False, args.power))
            write_world(world, args.output / "work", pair)
            for false_hits in FALSE_HITS:
                figures = measure(world, args.output / "work", false_hits)
                for name, value in figures.items():
                    record.setdefault(f"{pair}, {false_hits:g}", {}).setdefault(name, []).append(value)
    print_table(record)
    (args.output / f"{'test' if args.test else 'choice'}.json").write_text(json.dumps(record, indent=1))


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation, in text; of a seed in which nothing is found, some figures are undefined."""
    return f"{mean(values):.1f} ± {stdev(values) if len(values) > 1 else 0:.1f}" if values else "-"


def print_table(record: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Print mean and standard deviation over the seeds."""
    names = list(next(iter(record.values())))
    print("| models, false hits asked |", " | ".join(names), "|")
    print("| --- |", " | ".join(["---:"] * len(names)), "|")
    for row, columns in record.items():
        cells = [spread([value for value in values if not math.isnan(value)]) for values in columns.values()]
        print(f"| {row} |", " | ".join(cells), "|")


if __name__ == "__main__":
    run_script(main)
