"""A draw at a level through the stages, by several methods: MAP@100 by how people are known."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rcnn.clips.dataset import read_ground_truth, read_listed_names
from rcnn.scores.metrics import LabelScore, score
from rcnn.stages.feature import feature
from rcnn.stages.genfeat import genfeat
from rcnn.stages.predict import predict
from rcnn.stages.recipes import OPTIONS
from rcnn.stages.settings import FeatureSettings, GenfeatSettings, PredictSettings, SubmitSettings, TrainSettings
from rcnn.stages.submit import submit
from rcnn.stages.train import train_mlp
from rcnn.tables import MANIFEST

from ..centroids import rank_by_centroids
from .chosen import choose_faces
from .draws import MODELS, TEACH, Draw, folder_name
from .methods import STAGES, Method
from .people import KINDS, SAME
from .remembered import remembered
from .scenes import rank_by_scenes
from .script import clean_of

MAIN, EVERYBODY = "main", "everybody"  # without and with those of the same recording
FOR_TEACHING = ("means", "draws")  # options of feature.py that change what teaches alone
SECOND = MODELS["own"].embedding  # beside the published one
Figures = dict[str, float]


def measure(
    draw: Draw, others: Sequence[Draw], models: str, level: str, methods: Iterable[Method]
) -> dict[str, Figures]:
    """Figures by method, those of an earlier run and new ones; see `figures_of`. They are kept in a file.

    Parameters
    ----------
    others : draws of the same side; their clips without known people are ranked too
    """
    path = draw.folder / "results" / draw.side / models / f"{draw.number}-{folder_name(level)}.json"
    results: dict[str, Figures] = json.loads(path.read_text()) if path.exists() else {}
    runs = Runs(draw, others, models, level)
    new = [method for method in methods if method.name not in results]
    if new:
        place = draw.folder / draw.side  # common to all draws, which share clips
        kept = {MODELS[models].embedding: place / f"embeddings-{models}-{folder_name(level)}.npz"}
        if any(method.joined for method in new):
            kept[SECOND] = place / f"embeddings-{models}-second-{folder_name(level)}.npz"
        with remembered(kept):
            for method in new:
                results[method.name] = runs.figures(method)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(results, indent=1, sort_keys=True))
    return results


class Runs:
    """The stage directories of a draw at a level; shared work of several methods is done once.

    Paths are MODELS/runs/LEVEL/DIGEST, a digest of the options, so that levels can be measured in parallel.
    """

    def __init__(self, draw: Draw, others: Sequence[Draw], models: str, level: str) -> None:
        self.draw, self.models, self.level = draw, models, level
        self.root = draw.place / models / "runs" / folder_name(level)
        known = frozenset(draw.cast.labels)
        foreign = [each for each in others if each.number != draw.number and each.faces(models, level).exists()]
        self.sources = [each.faces(models, level) for each in (draw, *foreign)]
        own = [clip.name for clip in draw.clips]
        self.names = {*own, *(clip.name for each in foreign for clip in clean_of(each.clips, known))}
        self.clips = [(each, clip) for each in (draw, *foreign) for clip in each.clips if clip.name in self.names]

    def figures(self, method: Method) -> Figures:
        """MAP@100 in percent, by kind; and the seconds of the stages."""
        started = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()):
            ranking = self.rank(method)
        found = figures_of(ranking, self.draw.truth(), self.draw.kinds())
        return {**found, "clips": len(self.names), "seconds": round(time.monotonic() - started, 2)}

    def rank(self, method: Method) -> Mapping[int, Sequence[str]]:
        pair, recipe = MODELS[self.models], method.recipe
        given = {stage: dict(method.options.get(stage, {})) for stage in STAGES}
        key = (recipe, pair.quality if method.quality is None else method.quality)
        plain = {name: value for name, value in given["feature"].items() if name not in FOR_TEACHING}
        embeddings = (pair.embedding, SECOND) if method.joined else (pair.embedding,)
        taught = [self.draw.faces(self.models, TEACH)]
        feat_teach = [str(self.features(TEACH, taught, key, given["feature"], each)) for each in embeddings]
        feat_test = [str(self.features(self.level, self.sources, key, plain, each)) for each in embeddings]
        joined = (method.joined,) if method.joined else ()  # directories without it keep their names
        trainval = self.place("trainval", key, given["feature"], given["genfeat"], *joined)
        if not (trainval / MANIFEST).exists():
            teach = str(self.draw.place / TEACH)
            genfeat(GenfeatSettings(tuple(feat_teach), str(trainval), teach, recipe=recipe, **given["genfeat"]))
        if method.centroids:
            return rank_by_centroids(str(trainval), feat_test[0])
        place = self.place("end", self.level, len(self.names), key, given, *joined)
        place.mkdir(parents=True, exist_ok=True)
        common: dict[str, Any] = {"recipe": recipe, "gpu": -1, "overwrite": True}
        classes = len(self.draw.cast.known) + 1
        prefix, scores, submission = (str(place / name) for name in ("iqiyi", "pred", "submission.txt"))
        training = TrainSettings(str(trainval), prefix, num_classes=classes, **common, **given["train"])
        train_mlp(training)
        predict(
            PredictSettings(f"{prefix},{training.last_epoch}", tuple(feat_test), scores, **common, **given["predict"])
        )
        if given["submit"].get("rerank"):
            given["submit"]["features"] = tuple(feat_test)
        if method.scene is not None:
            film_of = {clip.name: str(each.film(self.level, clip)) for each, clip in self.clips}
            mine = [clip for _, clip in self.clips]
            return rank_by_scenes(scores, mine, lambda clip: film_of[clip.name], method.scene, method.bare)
        submit(SubmitSettings((scores,), submission, recipe=recipe, **given["submit"]))
        return read_ground_truth(submission)

    def features(
        self, part: str, sources: Sequence[Path], key: tuple[str, float], given: Mapping[str, Any], embedding: str
    ) -> Path:
        """Run feature.py on the faces of `TEACH` or of a level, selected by a recipe and a quality threshold."""
        dataset = self.draw.place / folder_name(part)
        names = read_listed_names(str(dataset)) if part == TEACH else self.names
        faces = self.place("det", part, len(names), key)
        choose_faces(sources, faces, *key, names, dataset)
        other = (embedding,) if embedding != MODELS[self.models].embedding else ()
        target = self.place("feat", part, len(names), key, given, *other)
        if not (target / MANIFEST).exists():
            paths = (embedding, str(faces), str(target))
            feature(FeatureSettings(*paths, gpu=-1, recipe=key[0], **given))
        return target

    def place(self, *words: Any) -> Path:
        # the options of a recipe may change over time
        text = json.dumps((OPTIONS, words), default=dict, sort_keys=True)
        return self.root / f"{words[0]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def figures_of(
    ranking: Mapping[int, Sequence[str]], truth: Mapping[int, Sequence[str]], kinds: Mapping[int, str]
) -> Figures:
    """MAP@100 in percent of the people of each kind, of all except same-recording people, and of all."""
    scores = score(ranking, truth)
    groups = {kind: [each for each in scores if kinds[each.label] == kind] for kind in KINDS}
    groups[MAIN] = [each for each in scores if kinds[each.label] != SAME]
    groups[EVERYBODY] = scores
    return {name: round(100 * _mean(mine), 3) for name, mine in groups.items() if mine}


def _mean(scores: Sequence[LabelScore]) -> float:
    return sum(each.ap for each in scores) / len(scores)
