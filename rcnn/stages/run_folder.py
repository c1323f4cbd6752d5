"""The folder of a run of `python -m rcnn find` or `run.sh`: its stage directories and its data set."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from .. import files
from ..errors import InputError
from ..files import on_disk
from ..files.lock import LOCK, take_lock
from ..settings.fields import Settings, options_of
from ..tables import KINDS, MANIFEST
from ..tables.manifest import read_manifest
from ..tables.schema import INDEX, PROGRESS
from .recipes import RECIPES
from .settings.places import TEST, TRAINVAL

DATASET = "dataset"  # data set in a run of find
CLASSIFIER = "iqiyi"  # prefix of the classifier's files
FLAG = "--run"

One = TypeVar("One", bound=Settings)


@dataclass(frozen=True)
class RunFolder:
    """A run.

    root : its folder
    stages : manifest of each complete stage directory in it, by name, in the order of the stages
    stopped : names of those in which a run was stopped
    """

    root: str
    stages: Mapping[str, Mapping[str, Any]]
    stopped: tuple[str, ...]

    @staticmethod
    def read(root: str) -> RunFolder:
        """Read the folder of a run.

        Raises
        ------
        InputError
            If it is not a run, or a manifest can't be read.
        """
        root = on_disk(root, FLAG)
        if not os.path.isdir(root):
            raise InputError(f"{FLAG} {root}: there is no such folder; give the --output of find or run.sh")
        found, stopped = {}, []
        for name in sorted(os.listdir(root)):
            path = os.path.join(root, name)
            if os.path.islink(path) or not os.path.isdir(path):
                continue
            if os.path.isfile(os.path.join(path, MANIFEST)) and not name.endswith(INDEX):
                found[name] = read_manifest(path, tuple(KINDS))
            elif os.path.isfile(os.path.join(path, PROGRESS)) or os.path.isdir(os.path.join(path, "before")):
                stopped.append(name)
        order = list(KINDS)
        stages = dict(sorted(found.items(), key=lambda item: order.index(item[1]["stage"])))
        return RunFolder(root, stages, tuple(stopped))

    def path(self, name: str) -> str:
        """Path of an entry."""
        return os.path.join(self.root, name)

    def of(self, stage: str) -> list[str]:
        """Names of a stage's complete directories."""
        return [name for name, manifest in self.stages.items() if manifest["stage"] == stage]

    def has(self, *names: str) -> bool:
        """Whether all of these stage directories are complete."""
        return all(name in self.stages for name in names)

    def check_has(self, *names: str) -> None:
        """Raise InputError unless these stage directories are complete; a name may be a stage, for any of its own."""
        lacking = [name for name in names if name not in self.stages and not self.of(name)]
        if lacking:
            self._check_is_run()
            raise InputError(
                f"{FLAG} {self.root}: has no complete {' and '.join(lacking)}; give the find or run.sh command that "
                f"made it again, which goes on where it stopped"
            )

    def _check_is_run(self) -> None:
        if not self.stages and not self.stopped:
            raise InputError(f"{FLAG} {self.root}: is not a run; give the --output of find or run.sh")

    def dataset(self, given: str | None = None) -> str:
        """The run's data set.

        Raises
        ------
        InputError
            If it does not exist.
        """
        if given is not None:
            return on_disk(given, "--dataset")
        own = self.path(DATASET)
        if os.path.isdir(own):
            return own
        named = [self.stages[name]["arguments"].get("dataset") for name in self.of("detect")]
        for path in named:
            if isinstance(path, str) and files.may_follow(path, [self.root]) and os.path.isdir(files.plain(path)):
                return files.plain(path)
        self._check_is_run()
        where = f"its manifests name {named[0]}, which does not exist" if named else "it has no det_trainval"
        raise InputError(f"{FLAG} {self.root}: {where}; give --dataset DIR")

    def check_finished(self) -> None:
        """Raise InputError if a stage was interrupted."""
        if self.stopped:
            path = self.path(self.stopped[0])
            raise InputError(
                f"{path}: a run was stopped there, so it is not complete; run the stopped command to its end, or "
                f"remove it with rm -r {shlex.quote(path)}, then give this command again"
            )

    def source_names(self, name: str) -> dict[int, str]:
        """The unchanged directories of this run that one was made from, by index."""
        found = {}
        for place, source in enumerate(self.stages[name]["sources"]):
            other = files.base_name(str(source["path"]).rstrip("/"))
            if other in self.stages and files.sha256(files.join(self.path(other), MANIFEST)) == source["manifest"]:
                found[place] = other
        return found

    def training_command(self, dataset: str) -> str:
        """The command that trains the classifier again and runs the stages after it, in words."""
        if files.same(dataset, self.path(DATASET)):
            own = f"python -m rcnn find --output {shlex.quote(self.root)}"
            return f"{own}, with the --people and --clips of before,"
        models = [self.stages[name]["arguments"].get("model") for name in self.of("predict")]
        prefix = next((model.rpartition(",")[0] for model in models if isinstance(model, str)), self.path(CLASSIFIER))
        given = {"--dataset": dataset, "--output": self.root, "--prefix": prefix}
        words = " ".join(f"{flag} {shlex.quote(value)}" for flag, value in given.items())
        recipe = f" --recipe {self.recipe}" if self.recipe in RECIPES[1:] else ""
        return f"./run.sh {words}{recipe} --stage 3"

    def settings(self, kind: type[One], name: str, **changes: Any) -> One:
        """The settings of a stage directory of this run, for rebuilding it."""
        given = self.stages[name]["arguments"]
        known = {option: given[option] for option in options_of(kind) if given.get(option) is not None}
        return kind(**{**known, "output": self.path(name), "overwrite": False, "renew": True, **changes})

    @property
    def recipe(self) -> Any:
        """The recipe of the run; None if no stage records it."""
        return next((manifest["arguments"].get("recipe") for manifest in self.stages.values()), None)


@contextmanager
def held(root: str, flag: str = FLAG) -> Iterator[None]:
    """Lock a run, so that one command at a time changes it; raises InputError if it is locked.

    Parameters
    ----------
    flag : option that gives the folder, for messages
    """
    try:
        files.make_dir(root)
        lock = take_lock(os.path.join(root, LOCK), root, flag)
    except OSError as error:
        raise InputError(
            f"{flag} {root}: can't be written: {error.strerror or error}; give {flag} a folder that you may write"
        ) from None
    try:
        yield
        lock.check()
    finally:
        lock.release()


PARTS = {part: (f"det_{part}", f"feat_{part}") for part in (TRAINVAL, TEST)}
