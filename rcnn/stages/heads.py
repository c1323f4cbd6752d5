"""Makes the classifier of a training set, and judges it against the templates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..errors import InputError
from ..networks.checkpoint import load_checkpoint
from ..networks.graphs.classifier import ClassifierShape
from ..training.cosine import CosineClassifier, start_at_templates
from ..training.distributed import share_statistics
from ..training.epochs import Schedule, train_epochs
from ..training.judging import hold_out, mean_precision
from ..training.mlp import Classifier, Trainable, initialise
from ..training.momentum import Momentum
from ..training.sharded import ShardedClassifier, initialise_shard, learner_of
from ..training.team import Team
from .head_choice import Head, better_head
from .settings import TrainSettings
from .settings.vectors import AUTO, MLP, TEMPLATES
from .training_set import TrainingSet

SMALLEST_BATCH, LARGEST_BATCH = 16, 1024  # chosen without --per-batch-size
STEPS_AN_EPOCH = 16  # minimum that the choice aims at
# The same if --head auto trains an mlp. An epoch then has enough steps however few clips there are, because it goes
# through them several times (docs/ranking.md).
SMALLEST_AUTO_BATCH, AUTO_STEPS_AN_EPOCH = 32, 25
MOST_TRIED = 20_000  # clips of a training set that is trained on twice, the first time for evaluation


@dataclass(frozen=True)
class HeadTrainer:
    """Makes heads for a training set.

    settings : with the number of classes
    least_fan_out : see `initialise`
    device : that trains
    """

    settings: TrainSettings
    team: Team
    data: TrainingSet
    shape: ClassifierShape
    least_fan_out: int
    device: torch.device

    def schedule(self, head: Head, count: int) -> Schedule:
        """How long a head trains on a number of clips; the templates do not train."""
        settings = self.settings
        by_steps = settings.head == AUTO and head.kind == MLP
        least = SMALLEST_AUTO_BATCH if by_steps else SMALLEST_BATCH
        size = _batch_size(settings.per_batch_size, count, least)
        self.team.check_batch(size)
        rate, passes = settings.lr, 1
        if by_steps:
            passes = -(-AUTO_STEPS_AN_EPOCH // (count // size))
            rate *= (size / LARGEST_BATCH) ** 0.5  # Krizhevsky, arXiv:1404.5997
        elif size != settings.per_batch_size:
            rate *= size / LARGEST_BATCH  # Goyal et al., arXiv:1706.02677: the rate belongs to the batch
        end = settings.begin_epoch if head.kind == TEMPLATES else settings.last_epoch
        steps, begin = settings.lr_step, settings.begin_epoch
        return Schedule(rate, steps, begin, end, size, settings.max_steps, passes=passes)

    def begin(self, head: Head, rows: np.ndarray) -> tuple[Trainable, Momentum, torch.Generator]:
        """A head with its initial weights, on the device, its optimizer, and the source of the order of the clips.

        Parameters
        ----------
        rows : (n,) bool, the clips of the training set that it learns from

        Raises
        ------
        InputError
            If it can't start from the classifier that `--pretrained` names.
        """
        settings = self.settings
        generator = torch.Generator().manual_seed(settings.seed)
        model = self._initial(head, rows, generator)
        if settings.pretrained:
            try:
                model.load(load_checkpoint(settings.pretrained).params)
            except ValueError as error:
                raise InputError(
                    f"--pretrained {settings.pretrained}: {error}; give a classifier of these widths, or --num-classes"
                ) from None
        share_statistics(model, self.team)
        model.to(self.device)
        return model, Momentum(model.named_mxnet_parameters(), settings.mom, settings.wd), generator

    def _initial(self, head: Head, rows: np.ndarray, generator: torch.Generator) -> Trainable:
        settings, shape = self.settings, self.shape
        if head.kind != MLP:
            cosine = CosineClassifier(shape.features, shape.classes, settings.margin, settings.scale)
            start_at_templates(cosine, *self.data.rows(rows, torch.device("cpu")), generator, self.data.people)
            return cosine
        if settings.shard_classes and self.team.size > 1:
            shard = ShardedClassifier(shape, self.team)
            initialise_shard(shard, settings.network, generator, self.least_fan_out)
            return shard
        model = Classifier(shape)
        initialise(model, settings.network, generator, self.least_fan_out)
        return model

    def try_out(self, head: Head, training: np.ndarray) -> Head:
        """Train on four in five clips and people, and evaluate on the others; a large training set is not tried.

        Parameters
        ----------
        head : which the templates may replace
        training : (n,) bool, the clips to learn from
        """
        if training.sum() > MOST_TRIED:
            advice = "give --split 0, which holds 1% out"
            return replace(
                head, why=f"{head.why}; not compared with the templates, with over {MOST_TRIED} clips: {advice}"
            )
        held = training & self.data.judging
        held[held] = hold_out(self.data.known(held), self.settings.seed)
        rest = training & ~self.data.with_all_rows(held)
        schedule = self.schedule(head, int(rest.sum()))
        model, optimizer, generator = self.begin(head, rest)
        learner = learner_of(model, self.team)
        for _ in train_epochs(learner, self.data.rows(rest, self.device), None, schedule, optimizer, generator):
            pass
        return self.judge(head, model, rest, held, "every fifth clip and person, held out")

    def judge(self, head: Head, model: Trainable, trained: np.ndarray, judging: np.ndarray, where: str) -> Head:
        """Compare the learnt head with the templates of the same clips; see `better_head`.

        Parameters
        ----------
        trained, judging : (n,) bool, the clips that it was trained on, and those that are ranked
        where : words for the latter
        """
        if isinstance(model, ShardedClassifier):
            return head  # no single process has the scores of all classes
        known = np.unique(self.data.labels[trained])
        clips = self.data.rows(judging, self.device)
        templates = self._initial(Head(TEMPLATES, ""), trained, torch.Generator()).to(self.device)
        extra = self.data.extra
        learnt, plain = (mean_precision(each, *clips, known, extra) for each in (model, templates))
        return self.team.from_first(better_head(head, learnt, plain, where))


def _batch_size(wanted: int | None, count: int, least: int) -> int:
    size = wanted or min(LARGEST_BATCH, max(least, count // STEPS_AN_EPOCH))
    if size > count:
        if wanted:
            print(f"--per-batch-size {wanted} is more than the {count} clips; {count} is used")
        return count
    return size
