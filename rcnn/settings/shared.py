"""Settings that several programs take, a function each that makes the field of a dataclass."""

from __future__ import annotations

import os
from typing import Any

from ..config import config
from ..networks.precision import FP32, PRECISIONS
from ..networks.zoo.roles import Role
from ..networks.zoo.words import ANY, LICENCES
from . import kinds
from .fields import FILES, METHOD, MODELS, RUN, setting

LEAST_NORM = config.CROP.LEAST_NORM  # embeddings are trained to have a smaller one for bad crops
_NO_DEVICE = "left out: device 0 if there is one, else the CPU"


def false_hits(what: str) -> Any:
    """`float`: how many of 1,000 may be wrong."""
    return setting(1.0, what, kinds.per_thousand, "F")


def gpu() -> Any:
    """`int | None`: the device of a program that works on one."""
    return setting(None, f"CUDA device, -1 for the CPU; {_NO_DEVICE}", kinds.device, "N", RUN)


def overwrite(what: str = "an output that is complete") -> Any:
    """`bool`: whether what is there may be replaced."""
    return setting(False, f"replace {what}", kinds.flag, None, RUN)


def renew() -> Any:
    """`bool`: whether what is there may be replaced where what it was made of has changed."""
    text = "make an output anew that was made with the same arguments, of inputs or models that have changed since"
    return setting(False, text, kinds.flag, None, RUN)


def processes() -> Any:
    """`int`: worker processes of a program that uses no network."""
    return setting(os.cpu_count() or 1, "processes", kinds.positive, "N", RUN)


def seed(what: str, kind: kinds.Kind = kinds.whole) -> Any:
    """`int`: another one gives other random numbers."""
    return setting(0, what, kind, "N", METHOD)


def gpus() -> Any:
    """`int | tuple[int, ...] | None`: the devices of a stage that may work on several."""
    text = f"CUDA device, -1 for the CPU; several for a worker process on each; {_NO_DEVICE}"
    return setting(None, text, kinds.devices, "N[,N...]", RUN)


def workers() -> Any:
    """`int | None`: how many do the work, see `rcnn.workers.Plan`."""
    text = (
        "worker processes on this machine, or actors of Ray; left out: one for each of several GPUs, what fits a Ray "
        "cluster, or threads of this process"
    )
    return setting(None, text, kinds.positive, "N", RUN)


def ray() -> Any:
    """`str | None`: the Ray cluster that does the work."""
    text = "work on a Ray cluster: auto, HOST:PORT, or local for one on this machine"
    return setting(None, text, kinds.text, "ADDRESS", RUN)


def split() -> Any:
    """`tuple[int, int]`: which part of the clips, of how many."""
    return setting((0, 1), "only part I (0 to N-1) of N", kinds.part, "I,N", RUN)


def precision() -> Any:
    """`str`: the numbers that networks multiply."""
    text = (
        "fp32: exact; fp16: faster, with CUDA only; int8: faster, on the CPU only, calibrated on the run's first images"
    )
    return setting(FP32, text, kinds.choice(*PRECISIONS), None, RUN)


def model(role: Role, what: str, *aliases: str) -> Any:
    """`str`, or `str | None` where it may not be needed: a model that `find_model` finds where it is left out."""
    text = (
        f"{what}, PREFIX,EPOCH or X.onnx; left out: {role.seed} where it exists, else the project's own {role.shipped}"
    )
    return setting(None, text, kinds.text, "MODEL", MODELS, aliases=aliases, found=role.used)


def licence() -> Any:
    """`str`: which models may be used."""
    text = "commercial: refuse models whose licence does not allow commercial use, or is not known"
    return setting(ANY, text, kinds.choice(*LICENCES), None, MODELS)


def labels() -> Any:
    """`str | None`: the data set that says who is in which clip."""
    text = "data set whose labels say who is in which clip; left out: the one that detect.py read"
    return setting(None, text, kinds.text, "DIR", FILES)


def names() -> Any:
    """`str | None`: what the labels are called."""
    text = "LABEL NAME a line; left out: gt_v2/names.txt of the data set, where it has one"
    return setting(None, text, kinds.text, "FILE", FILES)


def answers() -> Any:
    """`str | None`: what was answered at the desk."""
    text = "what was answered about tracks, the review.sqlite of a run; left out: nothing was"
    return setting(None, text, kinds.text, "FILE", FILES)


def sources() -> Any:
    """`str | None`: which files the clips were made of."""
    text = (
        "CLIP, a tab and PATH a line: the file that a clip was made of; left out: gt_v2/clips.csv or gt_v2/sources.txt "
        "of the data set, where it has one"
    )
    return setting(None, text, kinds.text, "FILE", FILES)
