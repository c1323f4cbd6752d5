"""Settings of what changes who is looked for in a run that is done: `python -m rcnn people` and `forget`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...settings import kinds
from ...settings.fields import FILES, REQUIRED, RUN, Settings, setting

FOUND = "./found"  # where `python -m rcnn find` puts everything


def _run() -> Any:
    """`str`: the folder of the run."""
    return setting(FOUND, "the --output of find or run.sh, with all that the run made", kinds.text, "DIR", FILES)


def _dataset() -> Any:
    """`str | None`: the data set of the run."""
    text = "data set of the run, whose lists change; left out: DIR/dataset of the run, else the one that detect.py read"
    return setting(None, text, kinds.text, "DIR", FILES)


def _name(help: str, metavar: str = "NAME") -> Any:
    """`str`: of a person."""
    return setting(REQUIRED, help, kinds.text, metavar, FILES, positional=True)


@dataclass(frozen=True)
class AddPersonSettings(Settings):
    """What `python -m rcnn people add` takes; see its help."""

    name: str = _name("of the person; one that is known gets more photographs")
    photographs: tuple[Path, ...] = setting(
        (),
        "photographs of the person, one is enough; none with --group",
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
        "take the photographs from where they lie; left out: they are copied into the data set, and may go",
        kinds.flag,
        None,
        RUN,
    )
    group: int | None = setting(
        None,
        "the group of python -m rcnn groups that is this person, in place of photographs",
        kinds.at_least(0),
        "N",
        FILES,
    )
    groups: str | None = setting(
        None, "NAME or NAME.csv that groups wrote; left out: groups of the run", kinds.text, "NAME[.csv]", FILES
    )

    def _complete(self) -> None:
        if self.group is None and not self.photographs:
            raise InputError(f"{self.name}: give photographs of the person, or --group N of python -m rcnn groups")
        if self.group is not None and (self.photographs or self.link):
            raise InputError(f"--group {self.group}: is in place of photographs; leave one of the two out")
        if self.group is None and self.groups is not None:
            raise InputError(f"--groups {self.groups}: give --group N, too: which of them is {self.name}")


@dataclass(frozen=True)
class MergePeopleSettings(Settings):
    """What `python -m rcnn people merge` takes; see its help."""

    stays: str = _name("whose label and name stay")
    goes: str = _name("who is the same person, under another name", "OTHER")
    run: str = _run()
    dataset: str | None = _dataset()


@dataclass(frozen=True)
class RenamePersonSettings(Settings):
    """What `python -m rcnn people rename` takes; see its help."""

    name: str = _name("of now; a folder that is still called so goes on to be this person's")
    new: str = _name("under which the person is shown from now on", "NEW")
    run: str = _run()
    dataset: str | None = _dataset()


@dataclass(frozen=True)
class ListPeopleSettings(Settings):
    """What `python -m rcnn people list` takes; see its help."""

    run: str = _run()
    dataset: str | None = _dataset()


@dataclass(frozen=True)
class ForgetSettings(Settings):
    """What `python -m rcnn forget` takes; see its help."""

    name: str = _name("of the person")
    run: str = _run()
    dataset: str | None = _dataset()
    yes: bool = setting(False, "don't ask first; what was removed can't be brought back", kinds.flag, None, RUN)
