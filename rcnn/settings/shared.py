"""Settings shared by several programs: functions that make a dataclass field."""

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


def overwrite(what: str = "a complete output") -> Any:
    """`bool`: whether an existing output may be replaced."""
    return setting(False, f"replace {what}", kinds.flag, None, RUN)


def renew() -> Any:
    """`bool`: whether an existing output may be replaced if its inputs have changed."""
    text = "rebuild an output that was made with the same arguments, if its inputs or models have changed since"
    return setting(False, text, kinds.flag, None, RUN)


def processes() -> Any:
    """`int`: worker processes of a program that uses no network."""
    return setting(os.cpu_count() or 1, "processes", kinds.positive, "N", RUN)


def seed(what: str, kind: kinds.Kind = kinds.whole) -> Any:
    """`int`: seed of random numbers."""
    return setting(0, what, kind, "N", METHOD)


def gpus() -> Any:
    """`int | tuple[int, ...] | None`: the devices of a stage that may work on several."""
    text = f"CUDA device, -1 for the CPU; several: a worker process on each; {_NO_DEVICE}"
    return setting(None, text, kinds.devices, "N[,N...]", RUN)


def workers() -> Any:
    """`int | None`: number of workers, see `rcnn.workers.Plan`."""
    text = (
        "worker processes on this machine, or Ray actors; left out: one for each of several GPUs, as many as fit a Ray "
        "cluster, or threads of this process"
    )
    return setting(None, text, kinds.positive, "N", RUN)


def ray() -> Any:
    """`str | None`: the Ray cluster to work on."""
    text = "work on a Ray cluster: auto, HOST:PORT, or local for one on this machine"
    return setting(None, text, kinds.text, "ADDRESS", RUN)


def split() -> Any:
    """`tuple[int, int]`: which part of the clips, and the number of parts."""
    return setting((0, 1), "only part I (0 to N-1) of N", kinds.part, "I,N", RUN)


def precision() -> Any:
    """`str`: the numeric precision of networks."""
    text = (
        "fp32: exact; fp16: faster, with CUDA only; int8: faster, on the CPU only, calibrated on the run's first images"
    )
    return setting(FP32, text, kinds.choice(*PRECISIONS), None, RUN)


def model(role: Role, what: str, *aliases: str) -> Any:
    """`str`, or `str | None` if it may not be needed: a model; `find_model` finds it if it is left out."""
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
    """`str | None`: the names of the labels."""
    text = "lines of LABEL NAME; left out: gt_v2/names.txt of the data set, if it has one"
    return setting(None, text, kinds.text, "FILE", FILES)


def answers() -> Any:
    """`str | None`: the answers given at the desk."""
    text = "answers about tracks, the review.sqlite of a run; left out: none"
    return setting(None, text, kinds.text, "FILE", FILES)


def sources() -> Any:
    """`str | None`: which files the clips were made of."""
    text = (
        "lines of CLIP, tab, PATH: the file that a clip was made of; left out: gt_v2/clips.csv or gt_v2/sources.txt "
        "of the data set, if it has one"
    )
    return setting(None, text, kinds.text, "FILE", FILES)
