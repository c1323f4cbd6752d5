"""The files of a classifier: whether the existing one is what a training would produce; one training at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict

from .. import files
from ..errors import InputError
from ..files import sha256
from ..files.json import read_json
from ..files.lock import Lock
from ..networks.checkpoint import checkpoint_files
from ..networks.zoo.record import TrainingOrigin
from ..networks.zoo.roles import fold_prefix, members_of, train_record
from ..tables import MANIFEST
from ..tables.header import file_sums
from ..training.team import Team
from .settings import TrainSettings
from .settings.vectors import NEVER

# may differ when it resumes
FREE_ARGUMENTS = ("gpu", "verbose", "ce_loss", "ckpt", "overwrite", "renew", "data", "prefix", "shard_classes")


def final_of(settings: TrainSettings) -> str:
    """`PREFIX,EPOCH` of the result of a training."""
    return f"{settings.prefix},{settings.last_epoch}"


def snapshot_path(settings: TrainSettings) -> str:
    """Path of the snapshot of a training in progress."""
    return f"{settings.prefix}-training.params"


def own_members(settings: TrainSettings, whole: bool) -> tuple[str, ...]:
    """The checkpoints `PREFIX,EPOCH` that a training writes.

    Parameters
    ----------
    whole : all that `--folds` asks for; else only the one with the prefix
    """
    numbers = range(1, (settings.folds or 0) + 1) if whole else ()
    folds = (f"{fold_prefix(settings.prefix, number)},{settings.last_epoch}" for number in numbers)
    return tuple(folds) or (final_of(settings),)


def is_kept(team: Team, settings: TrainSettings, whole: bool = True) -> bool:
    """Whether the existing classifier is what this training would produce; if so, prints that.

    Parameters
    ----------
    whole : as for `own_members`

    Raises
    ------
    InputError
        If another training made it and --renew is not given.
    """
    final, path = final_of(settings), train_record(final_of(settings))
    if settings.ckpt == NEVER or settings.overwrite or not _is_there(settings, whole):
        return False
    try:
        record = read_json(path, TrainingOrigin)
    except (OSError, ValueError):
        raise InputError(
            f"{path}: does not say how {final} was made; give --overwrite to replace it, or another --prefix"
        ) from None
    was, sums = record.arguments, {**record.files, "training set": record.training_set}
    now = json.loads(json.dumps(asdict(settings)))
    if settings.num_classes is None:
        now["num_classes"] = was.get("num_classes")  # it follows from the training set
    free = {*FREE_ARGUMENTS, "pretrained"}
    others = [
        f"{name} ({was.get(name)}, now {now.get(name)})"
        for name in sorted({*was, *now} - free)
        if was.get(name) != now.get(name)
    ]
    changed = [name for name, digest in sums_of(settings, whole).items() if sums.get(name) != digest]
    members = own_members(settings, whole)
    gone = [
        os.path.basename(path)
        for path in (checkpoint_files(member)[1] for member in members)
        if not os.path.exists(path)
    ]
    changed += [] if others else gone
    if not others and not changed:
        if team.leads:
            print(f"train_mlp.py: {final} exists and was made from the same inputs; it is kept", flush=True)
        return True
    if others or not settings.renew:
        raise InputError(
            f"{final}: was made with another {', another '.join([*others, *changed])}; give the same, --overwrite to "
            f"replace it, or another --prefix"
        )
    if team.leads:
        what = " and ".join(f"with another {name}" for name in changed)
        print(f"train_mlp.py: {final} was made {what}; it is made again", flush=True)
        for name in (path,) if len(members) > 1 else (checkpoint_files(final)[1],):
            os.remove(name)
    return False


def _is_there(settings: TrainSettings, whole: bool) -> bool:
    """Whether a classifier has the prefix. A run that was killed in its last step has left weights without their
    record; it resumes from its snapshot."""
    final = final_of(settings)
    if whole and (settings.folds or members_of(final) != (final,)):
        return os.path.exists(train_record(final))
    return os.path.exists(checkpoint_files(final)[1]) and not os.path.exists(snapshot_path(settings))


def forget_record(settings: TrainSettings) -> None:
    """Remove the record of what is about to be replaced, so that old and new folds are never taken for one
    classifier."""
    with suppress(FileNotFoundError):
        os.remove(train_record(final_of(settings)))


def sums_of(settings: TrainSettings, whole: bool = False, final: str | None = None) -> dict[str, str]:
    """sha256 of the training set's manifest, of what the training started from, and of the classifier's own files.

    Parameters
    ----------
    whole : as for `own_members`
    final : `PREFIX,EPOCH` of the classifier; None for that of the last epoch
    """
    members = (final,) if final else own_members(settings, whole)
    paths = [path for member in members for path in checkpoint_files(member) if os.path.exists(path)]
    if settings.pretrained:
        paths += checkpoint_files(settings.pretrained)
    return {"training set": sha256(files.join(settings.data, MANIFEST)), **file_sums(paths)}


@contextmanager
def locked(prefix: str) -> Iterator[None]:
    """One training at a time on a prefix."""
    try:
        files.make_dir(os.path.dirname(prefix))
        lock = Lock(f"{prefix}-lock", prefix, "--prefix")
    except OSError as error:
        raise InputError(f"{prefix}: can't be written: {error.strerror or error}; give another --prefix") from None
    try:
        yield
        lock.check()
    finally:
        lock.release()
