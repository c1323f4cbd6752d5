"""Settings of feature.py, genfeat.py, merge and train_mlp.py."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ...errors import InputError
from ...networks.zoo.record import MOST_FOLDS
from ...networks.zoo.roles import EMBEDDING, find_model
from ...settings import kinds, shared
from ...settings.fields import FILES, MODELS, REQUIRED, RUN, Settings, setting
from ..recipes import options_of_recipe, recipe_setting
from .clips import OFF, ON, SAMPLING
from .places import CLASSIFIER, DETECTED, FEATURES, TRAINING_SET, TRAINVAL

MAIN, AGREE = "main", "agree"  # --tracks
AUTO, MLP, COSINE, TEMPLATES = "auto", "mlp", "cosine", "templates"  # --head
ONE, CLASSES = "one", "classes"  # --strangers
QUALITY, SCORE, BOTH = "quality", "score", "both"  # --weights
REPORT, DROP, NONE = "report", "drop", "none"  # --noise; the last one also of other options
NOISE_TABLE = "-noise.csv"  # suffixes of PREFIX
NEVER, AT_END, EVERY_EPOCH = 0, 1, 2  # --ckpt
# Settings of how to train; giving one of them selects a head that is trained
HOW_TO_TRAIN = (
    "network", "lr", "per_batch_size", "num_filter", "lr_step", "wd", "mom", "begin_epoch", "end_epoch", "pretrained",
    "max_steps", "fbn", "margin", "scale", "shard_classes",
)  # fmt: skip
LR_STEP = (30, 35, 40)  # epochs, the last of which ends the training
INPUTS = "A[,B...]"
USUAL_POWER, USUAL_DRAWS = 1.0, 1  # of --weights and --means
MOST_DRAWS = 100
USUAL_STRANGER_CLIPS = 3


@dataclass(frozen=True)
class FeatureSettings(Settings):
    """Options of `feature.py`; see its help."""

    model: str = shared.model(EMBEDDING, "embedding model")
    input: str = setting(f"{DETECTED}{TRAINVAL}", "output of detect.py", kinds.text, "DIR", FILES)
    output: str = setting(FEATURES, "where the vectors go", kinds.text, "DIR", FILES)
    gpu: int | tuple[int, ...] | None = shared.gpus()
    workers: int | None = shared.workers()
    ray: str | None = shared.ray()
    precision: str = shared.precision()
    licence: str = shared.licence()
    aug: int = setting(
        0,
        "0: the crop; 1: also its mirror image; 2: also brightness, contrast, saturation at -0.1 and +0.1",
        kinds.choice(0, 1, 2),
    )
    sampling: int | None = setting(
        None,
        f"use the faces of frames N, 2N, 3N, ...; left out: {SAMPLING}, or 1 if detect.py sampled by --rate",
        kinds.positive,
        "N",
    )
    weights: str | None = setting(
        None,
        "weight of a face in the vector of its clip: the quality of its crop, the detector's score, both, or "
        "none for equal weights; left out: none",
        kinds.choice(NONE, QUALITY, SCORE, BOTH),
    )
    weight_power: float | None = setting(
        None, f"exponent of --weights; left out: {USUAL_POWER:g}", kinds.more_than_none, "P"
    )
    means: tuple[int, ...] | None = setting(
        None,
        "write more vectors to train on, for genfeat.py --means on: means of K random faces of the clip "
        "or track; left out: none",
        kinds.rising,
        "K[,K...]",
    )
    draws: int | None = setting(
        None, f"maximum number of --means for each K; left out: {USUAL_DRAWS}", kinds.between(1, MOST_DRAWS), "N"
    )
    split: tuple[int, int] = shared.split()
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()
    recipe: str = recipe_setting("feature")

    def _complete(self) -> None:
        options = options_of_recipe("feature", self.recipe)
        if self.weights is not None:
            options.pop("weight_power", None)  # it belongs to the recipe's own weights
        self._fill(**options)
        if self.weights == NONE and "weights" not in options:
            self._put(weights=None)  # if a recipe sets weights, "none" records that they were switched off
        if self.weights in (None, NONE) and self.weight_power is not None:
            raise InputError("--weight-power: is for --weights quality, score or both; give one of them, too")
        if self.means is None and self.draws is not None:
            raise InputError("--draws: is for --means; give --means, too")
        if self.weights not in (None, NONE):
            self._fill(weight_power=USUAL_POWER)
        if self.means is not None:
            self._fill(draws=USUAL_DRAWS)
        self._put(model=find_model(self.model, EMBEDDING))


@dataclass(frozen=True)
class GenfeatSettings(Settings):
    """Options of `genfeat.py`; see its help."""

    inputs: tuple[str, ...] = setting((FEATURES,), "output of feature.py", kinds.paths, INPUTS, FILES)
    output: str = setting(TRAINING_SET, "where the training set goes", kinds.text, "DIR", FILES)
    dataset: str | None = shared.labels()
    answers: str | None = shared.answers()
    answered: tuple[str, ...] | None = setting(
        None,
        "output of feature.py for other clips, whose tracks are used for training if an answer says whom they show",
        kinds.paths,
        INPUTS,
        FILES,
    )
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()
    recipe: str = recipe_setting("genfeat")
    tracks: str = setting(
        None,
        "if detect.py --faces all found several people in a clip, whom the label belongs to: the "
        "main one, or the one most similar to the label's other clips",
        kinds.choice(MAIN, AGREE),
        usual=MAIN,
    )
    means: str | None = setting(
        None,
        "on: also train on the means written by feature.py --means, as further clips of the same label; left out: off",
        kinds.choice(OFF, ON),
    )
    strangers: str | None = setting(
        None,
        "one: clips of unknown people are class 0; classes: each stranger gets a class, numbered above the "
        "people and not ranked; left out: one",
        kinds.choice(ONE, CLASSES),
    )
    stranger_clips: int | None = setting(
        None,
        f"minimum number of clips in a class, for --strangers classes; left out: {USUAL_STRANGER_CLIPS}",
        kinds.at_least(2),
        "N",
    )
    not_this_one: str | None = setting(
        None,
        "on: if detect.py --faces all found several people in a clip with a label, also train on the others: "
        "as unknown people, or with --strangers classes as classes of their own; left out: off",
        kinds.choice(OFF, ON),
    )

    def _complete(self) -> None:
        self._fill(**options_of_recipe("genfeat", self.recipe))
        self._put(**{name: None for name in ("means", "not_this_one") if getattr(self, name) == OFF})
        if self.strangers == ONE:
            self._put(strangers=None)
        if self.strangers is None and self.stranger_clips is not None:
            raise InputError("--stranger-clips: is for --strangers classes; give that, too")
        if self.strangers is not None:
            self._fill(stranger_clips=USUAL_STRANGER_CLIPS)


@dataclass(frozen=True)
class MergeSettings(Settings):
    """Options of `python -m rcnn merge`; see its help."""

    inputs: tuple[str, ...] = setting(
        REQUIRED, "outputs of detect, feature or predict", kinds.paths, "A,B[,...]", FILES
    )
    output: str = setting(REQUIRED, "where the merged output goes", kinds.text, "DIR", FILES)
    dataset: str | None = setting(
        None, "data set whose clips must all be present; left out: the one of detect.py", kinds.text, "DIR", FILES
    )
    overwrite: bool = shared.overwrite()


@dataclass(frozen=True)
class TrainSettings(Settings):
    """Options of `train_mlp.py`; see its help."""

    data: str = setting(TRAINING_SET, "output of genfeat.py", kinds.text, "DIR", FILES)
    prefix: str = setting(CLASSIFIER, "saved as PREFIX-symbol.json, PREFIX-EEEE.params", kinds.text, "PREFIX", FILES)
    ckpt: int = setting(
        AT_END,
        "save 0: nothing; 1: at the end; 2: every epoch",
        kinds.choice(NEVER, AT_END, EVERY_EPOCH),
        None,
        RUN,
    )
    network: str = setting(
        None, "initial weights, r*, y*: by fan-out; i*, x*: by fan-in", kinds.text, "NAME", usual="r50"
    )
    lr: float = setting(None, "learning rate", kinds.number, "RATE", usual=0.2)
    per_batch_size: int | None = setting(
        None, "clips per step; left out: up to 1024, 16 steps per epoch", kinds.positive, "N"
    )
    num_classes: int | None = setting(
        None,
        "number of people, plus class 0 for unknown people (4935: the challenge's); left out: that of the training set",
        kinds.positive,
        "N",
    )
    num_filter: int = setting(None, "width of the hidden layers", kinds.positive, "N", usual=1024)
    lr_step: tuple[int, ...] = setting(
        None, "epochs at which the rate falls tenfold", kinds.epochs, "E,E,...", usual=LR_STEP
    )
    wd: float = setting(None, "weight decay", kinds.number, "W", usual=0.0005)
    mom: float = setting(None, "momentum", kinds.number, "M", usual=0.9)
    split: int = setting(
        1,
        "1: train on train and val; 0: hold out 1%; -1: validate on val; -2: like -1, without class 0",
        kinds.choice(1, 0, -1, -2),
    )
    begin_epoch: int = setting(0, "number of completed epochs", kinds.whole, "E")
    end_epoch: int | None = setting(None, "last epoch; left out: the last of --lr-step", kinds.positive, "E")
    pretrained: str | None = setting(None, "classifier to start from", kinds.text, "PREFIX,EPOCH", MODELS)
    verbose: int = setting(0, "print the loss every N steps; 0: never", kinds.whole, "N", RUN)
    max_steps: int = setting(0, "stop after N steps; 0: no limit", kinds.whole, "N", RUN)
    ce_loss: bool = setting(False, "print the cross-entropy of each epoch", kinds.flag, None, RUN)
    fbn: bool = setting(False, "add a BatchNorm on the features, before the first layer", kinds.flag)
    head: str = setting(
        None,
        "mlp: three fully connected layers; cosine: the cosine to a direction per person, learnt with a margin; "
        "templates: the cosine to the mean of each person's vectors; auto: templates with few clips per person or if "
        "they rank better, else mlp, or cosine with --recipe best. Left out: auto, or the latter if a training flag is "
        "given",
        kinds.choice(AUTO, MLP, COSINE, TEMPLATES),
    )
    margin: float = setting(None, "margin of --head cosine, in cosine", kinds.number, "M", usual=0.4)
    scale: float = setting(
        None, "scores are S times the cosine, for --head cosine and templates", kinds.number, "S", usual=16.0
    )
    folds: int | None = setting(
        None,
        "train N classifiers, PREFIX-fold1 to PREFIX-foldN, each without one fold of every person's clips; "
        "predict.py --model PREFIX,EPOCH averages their probabilities. Left out: one classifier, of all clips",
        kinds.between(2, MOST_FOLDS),
        "N",
    )
    noise: str | None = setting(
        None,
        "list clips that are less similar to their own label than to others, judged by the other clips, in "
        "PREFIX-noise.csv; report: train on them anyway; drop: leave them out. Left out: nothing is listed",
        kinds.choice(REPORT, DROP, NONE),
    )
    gpu: int | None = shared.gpu()
    shard_classes: bool = setting(
        False, "with torchrun: each process holds a part of the last layer", kinds.flag, None, RUN
    )
    seed: int = shared.seed("seed of the initial weights and of the order of clips")
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()
    recipe: str = recipe_setting("train_mlp")

    def _complete(self) -> None:
        defaults = {item.name: item.default for item in fields(self)}
        if all(getattr(self, name) == defaults[name] for name in HOW_TO_TRAIN):
            self._fill(head=AUTO)
        self._fill(**options_of_recipe("train_mlp", self.recipe))
        self._fill(head=MLP, lr_step=LR_STEP)
        if self.noise == NONE:
            self._put(noise=None)
        if self.begin_epoch >= self.last_epoch:
            raise InputError(f"--begin-epoch {self.begin_epoch}: training ends at epoch {self.last_epoch}")

    @property
    def last_epoch(self) -> int:
        """The epoch that ends the training."""
        return self.end_epoch or max(self.lr_step)
