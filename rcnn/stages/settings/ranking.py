"""Settings of predict.py, submit.py, the search and its index."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from ...errors import InputError
from ...scores.rerankings import RERANKINGS
from ...scores.verdicts import VERDICTS
from ...settings import kinds, shared
from ...settings.apart import check_apart, check_file
from ...settings.fields import FILES, MODELS, REQUIRED, Settings, setting
from ..recipes import options_of_recipe, recipe_setting
from .appearances import VERDICT_LIST
from .places import CLASSIFIER, FEATURES, PREDICTIONS, TEST_FEATURES, found_of, point_to_found
from .vectors import INPUTS, LR_STEP, NONE

NORM, IMPOSTORS = "norm", "impostors"  # --calibrate
FACES = "faces"  # --propagate


@dataclass(frozen=True)
class PredictSettings(Settings):
    """Options of `predict.py`; see its help."""

    model: str = setting(
        f"{CLASSIFIER},{LR_STEP[-1]}", "classifier saved by train_mlp.py", kinds.text, "PREFIX,EPOCH", MODELS
    )
    inputs: tuple[str, ...] = setting((TEST_FEATURES,), "output of feature.py", kinds.paths, INPUTS, FILES)
    output: str = setting(PREDICTIONS, "where the probabilities go", kinds.text, "DIR", FILES)
    calibrate: str | None = setting(
        None,
        "make scores of different labels comparable; norm: scale weights to one length; impostors: subtract what other "
        "people's "
        "clips in the training set score. Left out: none",
        kinds.choice(NONE, NORM, IMPOSTORS),
    )
    propagate: str | None = setting(
        None,
        "faces: tracks of one film with similar faces share their scores. Left out: none",
        kinds.choice(NONE, FACES),
    )
    gpu: int | tuple[int, ...] | None = shared.gpus()
    workers: int | None = shared.workers()
    ray: str | None = shared.ray()
    split: tuple[int, int] = shared.split()
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()
    recipe: str = recipe_setting("predict")

    def _complete(self) -> None:
        self._fill(**options_of_recipe("predict", self.recipe))
        for name in ("calibrate", "propagate"):
            if getattr(self, name) == NONE:
                self._put(**{name: None})
        if self.propagate is not None and self.split[1] > 1:
            raise InputError(f"--propagate {self.propagate}: needs all clips of a film; leave --split out")


@dataclass(frozen=True)
class SubmitSettings(Settings):
    """Options of `submit.py`; see its help."""

    inputs: tuple[str, ...] = setting((PREDICTIONS,), "output of predict.py", kinds.paths, INPUTS, FILES)
    output: str = setting(
        "./output/submission.txt", "the submission; an existing one is replaced", kinds.text, "FILE", FILES
    )
    weights: tuple[float, ...] = setting((1.0,), "weight of each input in the sum", kinds.numbers, "W[,W...]")
    rerank: str | None = setting(
        None,
        "clips with similar faces share their scores; expansion: with each clip's nearest; reciprocal: between clips "
        "that are near each other, by their common neighbours; diffusion: over several steps. Left out: none",
        kinds.choice(NONE, *RERANKINGS),
    )
    features: tuple[str, ...] | None = setting(
        None, "output of feature.py for these clips, for --rerank", kinds.paths, INPUTS, FILES
    )
    neighbours: int = setting(10, "nearest tracks of each track that --rerank uses", kinds.positive, "N")
    gaps: float | None = setting(
        None,
        "clips without a face that are pieces of a film get S times the scores of the adjacent pieces. "
        "Left out: they are not ranked",
        kinds.share(low_included=False),
        "S",
    )
    gt: str | None = setting(
        None, "ground truth, LABEL NAME NAME ... on each line: prints MAP@100", kinds.text, "FILE", FILES
    )
    names: str | None = shared.names()
    sources: str | None = shared.sources()
    report: str | None = setting(None, "an HTML page of the ranking with faces", kinds.text, "FILE", FILES)
    report_people: int = setting(5000, "maximum number of people on that page", kinds.positive, "N")
    appearances: str | None = setting(
        None, "output of python -m rcnn appearances: the page shows who appears when", kinds.text, "DIR", FILES
    )
    recipe: str = recipe_setting("submit", sums=True)

    def _complete(self) -> None:
        check_file("--output", self.output, "submission.txt")
        check_file("--report", self.report)
        if self.appearances is not None and self.report is None:
            raise InputError(f"--appearances {self.appearances}: is for the page; give --report FILE, too")
        check_apart(
            {"--output": self.output, "--report": self.report},
            {
                "--inputs": self.inputs, "--gt": self.gt, "--names": self.names, "--sources": self.sources,
                "--appearances": self.appearances, "--features": self.features,
            },
        )  # fmt: skip
        self._fill(**options_of_recipe("submit", self.recipe))
        if self.rerank == NONE:
            self._put(rerank=None)
        if (self.rerank is None) != (self.features is None):
            raise InputError(
                f"--rerank {self.rerank}: needs the vectors of the clips; give --features {TEST_FEATURES}"
                if self.rerank
                else f"--features {','.join(self.features or ())}: are for --rerank; give it, too"
            )


@dataclass(frozen=True)
class SearchSettings(Settings):
    """Options of `python -m rcnn search`; see its help."""

    image: tuple[str, ...] = setting(
        REQUIRED, "photographs of one person; several are better than one", kinds.paths, "FILE", FILES, many=True
    )
    features: tuple[str, ...] = setting(
        None,
        f"outputs of feature.py; left out: {FEATURES} and {TEST_FEATURES}",
        kinds.paths,
        INPUTS,
        FILES,
    )
    count: int = setting(20, "clips to list", kinds.positive, "N")
    verdicts: tuple[str, ...] = setting(
        VERDICTS[:2], "the clips to list: some of yes,maybe,no, or all", VERDICT_LIST, "V[,V...]"
    )
    false_hits: float = shared.false_hits(
        'how many of 1,000 clips without the person, and of 1,000 photographs of unknown people, may get a "yes"'
    )
    face: int | None = setting(
        None, "N-th face from the left; left out: the large one near the middle", kinds.positive, "N"
    )
    exact: bool = setting(False, "compare with all tracks, even if the features have an index", kinds.flag)
    model: str | None = setting(
        None, "embedding model; left out: the one that made the features", kinds.text, "PREFIX,EPOCH", MODELS
    )
    detector: str | None = setting(
        None, "face detector; left out: the one that found the clips' faces", kinds.text, "PREFIX,EPOCH", MODELS
    )
    licence: str = shared.licence()
    dataset: str | None = shared.labels()
    names: str | None = shared.names()
    sources: str | None = shared.sources()
    report: str | None = setting(None, "an HTML page of the clips with faces", kinds.text, "FILE", FILES)
    gpu: int | None = shared.gpu()

    def _complete(self) -> None:
        check_file("--report", self.report)
        check_apart(
            {"--report": self.report}, {"--image": self.image, "--names": self.names, "--sources": self.sources}
        )
        if self.features is None:
            self._put(features=_features_there(f"python -m rcnn search --image {shlex.join(self.image)}"))


@dataclass(frozen=True)
class IndexSettings(Settings):
    """Options of `python -m rcnn index`; see its help."""

    features: tuple[str, ...] = setting(
        None,
        f"outputs of feature.py; the index of DIR goes to DIR.index; left out: {FEATURES} and {TEST_FEATURES}",
        kinds.paths,
        INPUTS,
        FILES,
    )
    overwrite: bool = shared.overwrite()

    def _complete(self) -> None:
        if self.features is None:
            self._put(features=_features_there("python -m rcnn index"))


def _features_there(command: str) -> tuple[str, ...]:
    """The default directories of features that exist; `command` is named with --features if there are none."""
    both = (FEATURES, TEST_FEATURES)
    point_to_found("--features", both, f"{command} --features {','.join(map(found_of, both))}")
    there = tuple(path for path in both if os.path.isdir(path))
    if not there:
        from ...tables.next_steps import making  # loads Arrow, which would slow down --help

        raise InputError(
            f"--features: not given, and neither {FEATURES} nor {TEST_FEATURES} exists; run feature.py first: "
            f"{making('feature', TEST_FEATURES)}"
        )
    return there
