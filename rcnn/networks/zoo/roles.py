"""The default checkpoint of each stage, and messages for missing ones."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ...errors import InputError
from ...installation import MODELS as SHIPPED

ONNX = ".onnx"
PUBLISHED = "python -m rcnn zoo lists published ones"


@dataclass(frozen=True)
class Role:
    """The purpose of a checkpoint.

    flag : of the script
    seed : `PREFIX,EPOCH` of the challenge's commands, used if its files exist
    shipped : name among the models shipped with the program
    make : how to get or train one
    """

    flag: str
    seed: str
    shipped: str
    make: str

    def used(self, model: str) -> str:
        """A message naming the checkpoint used by default, to print after the flag."""
        if model == self.seed:
            return f"not given, {model} is used"
        return f"not given and {self.seed} does not exist, {model} is used"


DETECTOR = Role(
    "--detector", "./model/ssh-model/essh,0", "essh-m25,0", f"{PUBLISHED}, python -m rcnn train-detector makes one"
)
QUALITY = Role(
    "--model", "./model/model-r50-gg/model,0", "face-m,0", f"{PUBLISHED}, python -m rcnn train-embedding makes one"
)
EMBEDDING = Role(
    "--model", "./model/model-r100-gg/model,0", "face-m,0", f"{PUBLISHED}, python -m rcnn train-embedding makes one"
)


def model_files(model: str) -> tuple[str, ...]:
    """Paths of all files of a model.

    Parameters
    ----------
    model : `PREFIX,EPOCH`, with an existing PREFIX-train.json of a classifier and the members of its folds; `X.onnx`,
        with existing X.onnx.data (weights); or, for MTCNN's three checkpoints, `DIR` or `PREFIX`. An existing card,
        PREFIX.toml or X.toml, is one of the files

    Raises
    ------
    InputError
        If the text has another form, or one of the three is missing.
    """
    # they import numpy, which would delay --help and signal handling
    from ..checkpoint import checkpoint_files
    from ..checkpoint.cascade import cascade_checkpoints, is_cascade

    own: tuple[str, ...]
    beside = [card_path(card_owner(model))]
    if model.lower().endswith(ONNX):
        own = (model,)
        beside.append(f"{model}.data")
    elif is_cascade(model):
        own = tuple(path for checkpoint in cascade_checkpoints(model) for path in checkpoint_files(checkpoint))
    else:
        own = tuple(path for member in members_of(model) for path in checkpoint_files(member))
        beside.append(train_record(model))
    return *own, *(path for path in beside if os.path.isfile(path))


def card_path(path: str) -> str:
    """Path of the card of X.onnx: X.toml."""
    return f"{os.path.splitext(path)[0]}.toml"


def card_owner(model: str) -> str:
    """The X.onnx whose card X.toml belongs to a model; for the checkpoint `PREFIX,EPOCH` the card is PREFIX.toml."""
    return model if model.lower().endswith(ONNX) else f"{model.rpartition(',')[0] or model}.onnx"


def train_record(model: str) -> str:
    """Path of the training record of a classifier `PREFIX,EPOCH`."""
    return f"{model.rpartition(',')[0]}-train.json"


def fold_prefix(prefix: str, number: int) -> str:
    """Prefix of the classifier trained without fold `number`, counted from 1."""
    return f"{prefix}-fold{number}"


def members_of(model: str) -> tuple[str, ...]:
    """The checkpoints of a classifier: `PREFIX-fold1,EPOCH` and so on if its record has folds.

    Parameters
    ----------
    model : `PREFIX,EPOCH`; returned alone if it has no folds or no readable record
    """
    from .record import read_training_record

    prefix, _, epoch = model.rpartition(",")
    try:
        folds = read_training_record(train_record(model)).folds or 0
    except (OSError, ValueError):
        folds = 0
    return tuple(f"{fold_prefix(prefix, number)},{epoch}" for number in range(1, folds + 1)) or (model,)


def missing_file(model: str) -> str | None:
    """The first missing file of a model, None if all exist."""
    return next((path for path in model_files(model) if not os.path.isfile(path)), None)


def shipped_model(name: str) -> str:
    """Path of a model shipped with the program, relative if it is below the current folder.

    Parameters
    ----------
    name : like `face-m,0`, or a prefix
    """
    path = str(SHIPPED / name)
    below = os.path.relpath(path)
    return path if below.startswith(os.pardir) else below  # manifests store it, and are read elsewhere


def find_model(given: str | None, role: Role) -> str:
    """The checkpoint to use, `PREFIX,EPOCH`.

    The given one; else the challenge's default if its files exist; else the shipped one. `face-m,0`, without a folder,
    is the shipped one if no such file exists in the current folder.

    Raises
    ------
    InputError
        If one of its files does not exist; the message says where to get or how to train one.
    """
    if given is not None:
        path = missing_file(given)
        if path and os.path.basename(given) == given and missing_file(str(SHIPPED / given)) is None:
            return shipped_model(given)
        if path:
            raise InputError(f"{role.flag} {given}: there is no {path}; {role.make}")
        return given
    found = role.seed
    if missing_file(role.seed) is not None:
        found = shipped_model(role.shipped)
        path = missing_file(found)
        if path:
            raise InputError(f"{role.flag}: not given, and neither {role.seed} nor {path} exists; {role.make}")
    return found
