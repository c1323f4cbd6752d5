"""Full commands of the stages, for messages: the one that makes a missing directory, and the next one after it."""

from __future__ import annotations

import os
import posixpath
import shlex
from collections.abc import Sequence

from .. import files
from ..clips.misplaced import LISTS
from ..files.json import read_json
from ..installation import as_called, call_of
from .schema import KINDS, MANIFEST, PROGRESS

DRIVEN = "RCNN_DRIVEN"  # set by run.sh, which runs the next command itself
DETECT, FEATURE, GENFEAT, PREDICT = "detect", "feature", "genfeat", "predict"  # keys of KINDS
SEED, TRAINVAL, TEST = "seed", "trainval", "test"
NAMED = 3  # directories in a message
CLASSIFIER = "./model/iqiyi,40"  # train_mlp.py's default


def making(stage: str, path: str) -> str:
    """The command that makes a stage directory, with its inputs next to it as in run.sh.

    Parameters
    ----------
    stage : a key of `KINDS`
    path : of the directory
    """
    part = _part(path)
    inputs = {
        DETECT: ["--stage", part],
        FEATURE: ["--input", _beside(path, f"det_{part}")],
        GENFEAT: ["--inputs", _beside(path, f"feat_{TRAINVAL}")],
        PREDICT: ["--model", CLASSIFIER, "--inputs", _beside(path, f"feat_{part}")],
        "appearances": ["--features", _beside(path, f"feat_{TEST}"), "--known", _beside(path, f"feat_{TRAINVAL}")],
        "groups": ["--inputs", _beside(path, f"feat_{TEST}")],
    }
    return _command(KINDS[stage].script, [*inputs[stage], "--output", path])


def first(stages: Sequence[str], path: str) -> str:
    """What makes a directory of one of some stages, in words: the scripts, and the whole command where one is meant."""
    named = {"det": DETECT, "feat": FEATURE, TRAINVAL: GENFEAT, "pred": PREDICT}
    meant = [stage for prefix, stage in named.items() if files.base_name(path.rstrip("/")).startswith(prefix)]
    stage = next((each for each in meant if each in stages), stages[0] if len(stages) == 1 else None)
    scripts = " or ".join(KINDS[each].script for each in ([stage] if stage else stages))
    return f"{scripts} first: {making(stage, path)}" if stage else f"{scripts} first"


def following(stage: str, path: str, recipe: str = SEED) -> str:
    """The next command after a complete stage directory; empty if there is none.

    Parameters
    ----------
    stage, path : as for `making`
    recipe : of the run
    """
    part = _part(path)
    given = {
        DETECT: ("feature.py", ["--input", path, "--output", _beside(path, f"feat_{part}")]),
        FEATURE: ("genfeat.py", ["--inputs", path, "--output", _beside(path, TRAINVAL)])
        if part == TRAINVAL
        else ("predict.py", ["--model", CLASSIFIER, "--inputs", path, "--output", _beside(path, f"pred_{part}")]),
        GENFEAT: ("train_mlp.py", ["--data", path]),
        PREDICT: (
            "submit.py",
            ["--inputs", path, "--output", _beside(path, "submission.txt"), "--report", _beside(path, "report.html")],
        ),
    }
    if stage not in given:
        return ""
    script, words = given[stage]
    return _command(script, [*words, *([] if recipe == SEED else ["--recipe", recipe])])


def predicting(model: str, data: str, recipe: str = SEED) -> str:
    """The next command after a classifier `PREFIX,EPOCH` that was trained on the training set `data`."""
    features, output = _beside(data, f"feat_{TEST}"), _beside(data, f"pred_{TEST}")
    more = [] if recipe == SEED else ["--recipe", recipe]
    return _command("predict.py", ["--model", model, "--inputs", features, "--output", output, *more])


def training(model: str, inputs: str) -> str:
    """The command that makes a classifier `PREFIX,EPOCH` for the features `inputs`."""
    prefix = model.rpartition(",")[0] or model
    return _command("train_mlp.py", ["--data", _beside(inputs, TRAINVAL), "--prefix", prefix])


def say_next(command: str) -> None:
    """Print the next command, unless run.sh runs it, or there is none."""
    if command and DRIVEN not in os.environ:
        print(as_called(f"next: {command}"))


def misplaced(path: str, stages: Sequence[str]) -> str:
    """What is wrong with a path that should be the output of some stages, and what to give instead; else empty.

    Parameters
    ----------
    path : a file or directory without a manifest
    stages : keys of `KINDS`
    """
    if files.is_url(path) or not os.path.exists(path) or os.path.exists(files.join(path, PROGRESS)):
        return ""
    path = path.rstrip("/") or path
    above = files.parent(path) or os.curdir
    for dataset in (path, above):
        if files.is_dir(files.join(dataset, LISTS)):
            words = ("--dataset", dataset, "--stage", TEST, "--output", f"./output/det_{TEST}")
            what = "is a data set" if dataset == path else f"is a part of the data set {dataset}"
            return f"{what}, which detect.py reads first: {_command('detect.py', words)}"
    for directory in (above, files.parent(above) or os.curdir):
        if _stage_of(directory) is not None:
            return f"is a part of a stage directory; give the whole, {directory}"
    if files.is_dir(path):
        inside = [files.join(path, name) for name in sorted(files.names(path))]
        found = [each for each in inside if _stage_of(each) in stages]
        if found:
            what = "is not an output of a stage, but contains outputs of stages"
            if len(stages) < len(KINDS):
                scripts = " or ".join(KINDS[stage].script for stage in stages)
                what = f"is not an output of {scripts}, but contains one"
            return f"{what}: give {' or '.join(found[:NAMED])}"
    return ""


def _stage_of(path: str) -> str | None:
    """The stage that wrote a directory; None where none did."""
    try:
        manifest = read_json(files.join(path, MANIFEST))
    except (OSError, ValueError):
        return None
    return manifest.get("stage") if isinstance(manifest, dict) else None


def _command(script: str, words: Sequence[str]) -> str:
    return " ".join([call_of(script), *map(shlex.quote, words)])


def _part(path: str) -> str:
    return TRAINVAL if TRAINVAL in files.base_name(path.rstrip("/")) else TEST


def _beside(path: str, name: str) -> str:
    folder = posixpath.dirname(path.rstrip("/"))
    return f"{folder}/{name}" if folder else name
