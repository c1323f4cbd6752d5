"""Settings of `python -m rcnn people` and `forget`, which change the people of a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...settings import kinds
from ...settings.fields import FILES, REQUIRED, RUN, Settings, setting
from .places import FOUND


def _run() -> Any:
    """`str`: the folder of the run."""
    return setting(FOUND, "the --output of find or run.sh", kinds.text, "DIR", FILES)


def _dataset() -> Any:
    """`str | None`: the data set of the run."""
    text = "data set of the run, whose lists change; left out: DIR/dataset of the run, else the one that detect.py read"
    return setting(None, text, kinds.text, "DIR", FILES)


def _name(help: str, metavar: str = "NAME") -> Any:
    """`str`: of a person."""
    return setting(REQUIRED, help, kinds.text, metavar, FILES, positional=True)


@dataclass(frozen=True)
class AddPersonSettings(Settings):
    """Options of `python -m rcnn people add`; see its help."""

    name: str = _name("of the person; a known person gets more photographs")
    photographs: tuple[Path, ...] = setting(
        (),
        "photographs of the person; one is enough, none with --group",
        kinds.Kind("photographs", lambda text: text, lambda value: tuple(map(Path, value))),
        "PHOTO",
        FILES,
        positional=True,
        many=True,
    )
    run: str = _run()
    dataset: str | None = _dataset()
    link: bool = setting(
        False,
        "use the photographs where they are; left out: they are copied into the data set, and you may delete them",
        kinds.flag,
        None,
        RUN,
    )
    group: int | None = setting(
        None,
        "the group of python -m rcnn groups that is this person, instead of photographs",
        kinds.at_least(0),
        "N",
        FILES,
    )
    groups: str | None = setting(
        None, "NAME or NAME.csv written by groups; left out: groups of the run", kinds.text, "NAME[.csv]", FILES
    )

    def _complete(self) -> None:
        if self.group is None and not self.photographs:
            raise InputError(f"{self.name}: give photographs of the person, or --group N of python -m rcnn groups")
        if self.group is not None and (self.photographs or self.link):
            raise InputError(f"--group {self.group}: replaces photographs; leave one of the two out")
        if self.group is None and self.groups is not None:
            raise InputError(f"--groups {self.groups}: also give --group N, the group of {self.name}")


@dataclass(frozen=True)
class MergePeopleSettings(Settings):
    """Options of `python -m rcnn people merge`; see its help."""

    stays: str = _name("the person whose label and name are kept")
    goes: str = _name("the same person under another name", "OTHER")
    run: str = _run()
    dataset: str | None = _dataset()


@dataclass(frozen=True)
class RenamePersonSettings(Settings):
    """Options of `python -m rcnn people rename`; see its help."""

    name: str = _name("current name; a folder that still has it remains this person's")
    new: str = _name("new name of the person", "NEW")
    run: str = _run()
    dataset: str | None = _dataset()


@dataclass(frozen=True)
class ListPeopleSettings(Settings):
    """Options of `python -m rcnn people list`; see its help."""

    run: str = _run()
    dataset: str | None = _dataset()


@dataclass(frozen=True)
class ForgetSettings(Settings):
    """Options of `python -m rcnn forget`; see its help."""

    name: str = _name("of the person")
    run: str = _run()
    dataset: str | None = _dataset()
    yes: bool = setting(False, "don't ask first; a removal can't be undone", kinds.flag, None, RUN)
