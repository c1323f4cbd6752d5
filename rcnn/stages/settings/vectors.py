"""Settings of what makes vectors of faces, joins them, and learns from them: feature.py, genfeat.py, train_mlp.py."""

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
NOISE_TABLE = "-noise.csv"  # behind PREFIX
NEVER, AT_END, EVERY_EPOCH = 0, 1, 2  # --ckpt
# Settings of training that say how to train; whoever gives one has chosen a head that learns
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
    """What `feature.py` takes; see its help."""

    model: str = shared.model(EMBEDDING, "embedding model")
    input: str = setting(f"{DETECTED}{TRAINVAL}", "what detect.py wrote", kinds.text, "DIR", FILES)
    output: str = setting(FEATURES, "where the vectors go", kinds.text, "DIR", FILES)
    gpu: int | tuple[int, ...] | None = shared.gpus()
    workers: int | None = shared.workers()
    ray: str | None = shared.ray()
    precision: str = shared.precision()
    licence: str = shared.licence()
    aug: int = setting(
        0,
        "0: the crop; 1: and its mirror image; 2: and brightness, contrast, saturation at -0.1 and +0.1",
        kinds.choice(0, 1, 2),
    )
    sampling: int | None = setting(
        None,
        f"use the faces of frames N, 2N, 3N, ...; left out: {SAMPLING}, or 1 where detect.py looked by --rate",
        kinds.positive,
        "N",
    )
    weights: str | None = setting(
        None,
        "how much a face counts in the vector of its clip: by the quality of its crop, the detector's score, both, or "
        "none, where all count alike; left out: none",
        kinds.choice(NONE, QUALITY, SCORE, BOTH),
    )
    weight_power: float | None = setting(
        None, f"of --weights: their power; left out: {USUAL_POWER:g}", kinds.more_than_none, "P"
    )
    means: tuple[int, ...] | None = setting(
        None,
        "write further vectors to learn from, which genfeat.py --means on takes: means of K random faces of the clip "
        "or track; left out: none",
        kinds.rising,
        "K[,K...]",
    )
    draws: int | None = setting(
        None, f"of --means: how many of each K, at most; left out: {USUAL_DRAWS}", kinds.between(1, MOST_DRAWS), "N"
    )
    split: tuple[int, int] = shared.split()
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()
    recipe: str = recipe_setting("feature")

    def _complete(self) -> None:
        options = options_of_recipe("feature", self.recipe)
        if self.weights is not None:
            options.pop("weight_power", None)  # it is that of the recipe's own weights
        self._fill(**options)
        if self.weights == NONE and "weights" not in options:
            self._put(weights=None)  # where a recipe sets some, "none" says that they were taken back
        if self.weights in (None, NONE) and self.weight_power is not None:
            raise InputError("--weight-power: is of --weights quality, score or both; give one of them, too")
        if self.means is None and self.draws is not None:
            raise InputError("--draws: is of --means; give --means, too")
        if self.weights not in (None, NONE):
            self._fill(weight_power=USUAL_POWER)
        if self.means is not None:
            self._fill(draws=USUAL_DRAWS)
        self._put(model=find_model(self.model, EMBEDDING))


@dataclass(frozen=True)
class GenfeatSettings(Settings):
    """What `genfeat.py` takes; see its help."""

    inputs: tuple[str, ...] = setting((FEATURES,), "what feature.py wrote", kinds.paths, INPUTS, FILES)
    output: str = setting(TRAINING_SET, "where the training set goes", kinds.text, "DIR", FILES)
    dataset: str | None = shared.labels()
    answers: str | None = shared.answers()
    answered: tuple[str, ...] | None = setting(
        None,
        "what feature.py wrote of other clips, whose tracks teach where an answer says whom they show",
        kinds.paths,
        INPUTS,
        FILES,
    )
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()
    recipe: str = recipe_setting("genfeat")
    tracks: str = setting(
        None,
        "where detect.py --faces all found several people in a clip, which of them the label is taken to mean: the "
        "main one, or the one who is most like the label's other clips",
        kinds.choice(MAIN, AGREE),
        usual=MAIN,
    )
    means: str | None = setting(
        None,
        "on: the means that feature.py --means wrote teach, too, as further clips of the same label; left out: off",
        kinds.choice(OFF, ON),
    )
    strangers: str | None = setting(
        None,
        "one: clips of nobody known are class 0; classes: those of one stranger make a class of their own above the "
        "people, which no ranking shows; left out: one",
        kinds.choice(ONE, CLASSES),
    )
    stranger_clips: int | None = setting(
        None,
        f"of --strangers classes: clips that a class has at least; left out: {USUAL_STRANGER_CLIPS}",
        kinds.at_least(2),
        "N",
    )
    not_this_one: str | None = setting(
        None,
        "on: where detect.py --faces all found several people in a clip with a label, those whom the label does not "
        "mean teach, too: that they are nobody known, or with --strangers classes a class of their own; left out: off",
        kinds.choice(OFF, ON),
    )

    def _complete(self) -> None:
        self._fill(**options_of_recipe("genfeat", self.recipe))
        self._put(**{name: None for name in ("means", "not_this_one") if getattr(self, name) == OFF})
        if self.strangers == ONE:
            self._put(strangers=None)
        if self.strangers is None and self.stranger_clips is not None:
            raise InputError("--stranger-clips: is of --strangers classes; give that, too")
        if self.strangers is not None:
            self._fill(stranger_clips=USUAL_STRANGER_CLIPS)


@dataclass(frozen=True)
class MergeSettings(Settings):
    """What `python -m rcnn merge` takes; see its help."""

    inputs: tuple[str, ...] = setting(
        REQUIRED, "what detect, feature or predict wrote", kinds.paths, "A,B[,...]", FILES
    )
    output: str = setting(REQUIRED, "where the whole goes", kinds.text, "DIR", FILES)
    dataset: str | None = setting(
        None, "data set whose clips must all be there; left out: the one of detect.py", kinds.text, "DIR", FILES
    )
    overwrite: bool = shared.overwrite()


@dataclass(frozen=True)
class TrainSettings(Settings):
    """What `train_mlp.py` takes; see its help."""

    data: str = setting(TRAINING_SET, "what genfeat.py wrote", kinds.text, "DIR", FILES)
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
        None, "clips a step; left out: up to 1024, 16 steps an epoch", kinds.positive, "N"
    )
    num_classes: int | None = setting(
        None,
        "people, and class 0 for nobody known (4935: the challenge's); left out: as many as the training set has",
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
        "1: train on train and val; 0: hold out 1%; -1: validate on val; -2: all but class 0 (as -1)",
        kinds.choice(1, 0, -1, -2),
    )
    begin_epoch: int = setting(0, "epochs that are done already", kinds.whole, "E")
    end_epoch: int | None = setting(None, "last epoch; left out: the last of --lr-step", kinds.positive, "E")
    pretrained: str | None = setting(None, "classifier to start from", kinds.text, "PREFIX,EPOCH", MODELS)
    verbose: int = setting(0, "print the loss every N steps; 0: never", kinds.whole, "N", RUN)
    max_steps: int = setting(0, "stop after N steps; 0: no limit", kinds.whole, "N", RUN)
    ce_loss: bool = setting(False, "print the cross-entropy of each epoch", kinds.flag, None, RUN)
    fbn: bool = setting(False, "a BatchNorm on the features, before the first layer", kinds.flag)
    head: str = setting(
        None,
        "mlp: three fully connected layers; cosine: the cosine to one direction a person, learnt with a margin; "
        "templates: the cosine to the mean of each person's vectors; auto: templates with few clips a person or where "
        "they rank better, else mlp, or cosine by best. Left out: auto, or the last where a flag says how to train",
        kinds.choice(AUTO, MLP, COSINE, TEMPLATES),
    )
    margin: float = setting(None, "of --head cosine, in cosine", kinds.number, "M", usual=0.4)
    scale: float = setting(
        None, "of --head cosine and templates: scores are S times the cosine", kinds.number, "S", usual=16.0
    )
    folds: int | None = setting(
        None,
        "learn N classifiers, PREFIX-fold1 to PREFIX-foldN, each without one fold of every person's clips; "
        "predict.py --model PREFIX,EPOCH takes the mean of their probabilities. Left out: one of all clips",
        kinds.between(2, MOST_FOLDS),
        "N",
    )
    noise: str | None = setting(
        None,
        "list clips that are less like their own label than like others, by what the other clips say, in "
        "PREFIX-noise.csv; report: learn from them all the same; drop: leave them out. Left out: nothing is listed",
        kinds.choice(REPORT, DROP, NONE),
    )
    gpu: int | None = shared.gpu()
    shard_classes: bool = setting(
        False, "with torchrun: each process holds a part of the last layer", kinds.flag, None, RUN
    )
    seed: int = shared.seed("of the initial weights and of the order")
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
