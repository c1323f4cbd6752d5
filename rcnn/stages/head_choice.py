"""Which classifier a training set gets: templates while there are few clips per person, else a learnt one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from ..config import config
from ..installation import how_to_install
from .recipes import OPTIONS, SEED
from .settings import TrainSettings
from .settings.vectors import AUTO, COSINE, MLP, TEMPLATES

# Median clips per person from which a learnt head ranks better than the templates, by benchmarks/few.py. An
# mlp did not at up to 40, the most that was measured; above that it is tried (docs/ranking.md).
LEAST_CLIPS = {COSINE: 2, MLP: 50}


BELOW_CENTROIDS = "ranks below nearest centroids"


@dataclass(frozen=True)
class Head:
    """How a classifier computes its scores.

    kind : MLP, COSINE or TEMPLATES
    why : the reason for the choice, in words
    free : whether the templates may replace it
    """

    kind: str
    why: str
    free: bool = False

    @property
    def line(self) -> str:
        """The line to print about it."""
        return f"{self.kind}: {self.why}"

    @property
    def warning(self) -> str:
        """A warning that nearest centroids would have ranked better; empty if not, or if unknown."""
        return f"warning: below centroids: {self.why}" if BELOW_CENTROIDS in self.why else ""


def choose_head(settings: TrainSettings, labels: np.ndarray) -> Head:
    """The head for a training set, as `--head` says. Without PyTorch `auto` takes the templates.

    Parameters
    ----------
    labels : (n,) int64, of the clips that train
    """
    if settings.head != AUTO:
        return Head(settings.head, "asked for")
    learnt = OPTIONS["train_mlp"]["head"] if settings.recipe != SEED else MLP
    people = np.bincount(labels[labels != config.SUBMIT.NOBODY])
    clips = float(np.median(people[people > 0])) if people.any() else 0.0
    least = LEAST_CLIPS[learnt]
    counted = f"{clips:g} clips a person"
    if clips < least:
        return Head(TEMPLATES, f"{counted}, under {least} from which {learnt} ranks better")
    if find_spec("torch") is None:
        return Head(TEMPLATES, f"{counted}; {learnt} may rank better and needs PyTorch: {how_to_install('train')}")
    return Head(learnt, f"{counted}, {least} or more", free=True)


def better_head(head: Head, learnt: float | None, templates: float | None, where: str) -> Head:
    """The head that ranks some clips better; if equal, the templates, if they may replace it.

    Parameters
    ----------
    head : the learnt one
    learnt, templates : MAP@100 of it and of the templates, 0..1; None if there was nothing to rank
    where : which clips
    """
    if learnt is None or templates is None:
        return head
    figures = f"MAP@100 {learnt:.4f} of {head.kind}, {templates:.4f} of the templates on {where}"
    if learnt > templates or (learnt == templates and not head.free):
        return Head(head.kind, f"{head.why}; {figures}")
    if head.free:
        return Head(TEMPLATES, f"{head.kind} ranks no better: {figures}")
    advice = "give --head templates, or leave out the flags that say how to train"
    return Head(head.kind, f"{head.why}, but {BELOW_CENTROIDS}: {figures}; {advice}")
