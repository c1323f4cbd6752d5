"""The inputs of a data set of `gendata.py`, `gt_v2/made.json`, so that unchanged clips are kept and new ones added."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..clips.folder import Item, Skipped
from ..clips.layout import FOLDERS, LISTS
from ..errors import InputError
from ..files.json import read_json, write_json
from .settings import GendataSettings

MADE_FILE = f"{LISTS}/made.json"
FREE = ("output", "overwrite", "workers")  # arguments that do not change the result


class Made(Struct):
    """The inputs of a data set.

    arguments : of the run
    items : size in bytes and time of change, ns since 1970, of every file that was tried, by `Item.identity`
    others : digest of the files that were not tried
    clips : identities of the items that clips were made of
    """

    arguments: dict[str, Any]
    items: dict[str, tuple[int, int]]
    others: str
    clips: list[str] = []

    @staticmethod
    def of(settings: GendataSettings, source: Path, items: Sequence[Item], skipped: Iterable[Skipped]) -> Made:
        """The inputs of a run over the folder `source`, before any clip is made."""
        arguments = {name: value for name, value in asdict(settings).items() if name not in FREE}
        arguments |= {"input": os.fsencode(source).decode(errors="backslashreplace"), "size": list(settings.size)}
        names = "\n".join(sorted(f"{skip.file}\t{skip}" for skip in skipped))
        return Made(
            arguments,
            {item.identity: _mark(item.path) for item in items},
            hashlib.sha256(os.fsencode(names)).hexdigest(),
        )

    def write(self, root: Path, clips: Iterable[str]) -> None:
        """Write it into a data set."""
        record = {"arguments": self.arguments, "items": self.items, "others": self.others, "clips": sorted(clips)}
        write_json(str(root / MADE_FILE), record)


def _mark(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def read_made(output: Path) -> Made | None:
    """The record of a complete data set; None if it has no readable one."""
    try:
        made: Made = read_json(str(output / MADE_FILE), Made)
    except (OSError, ValueError):
        return None
    return made


def check_arguments(output: Path, was: Made, now: Made) -> None:
    """Raise InputError, with the names of the arguments, if a data set was made with other ones."""
    others = [
        f"{name} ({was.arguments.get(name)}, now {now.arguments.get(name)})"
        for name in sorted({*was.arguments, *now.arguments})
        if was.arguments.get(name) != now.arguments.get(name)
    ]
    if others:
        raise InputError(
            f"--output {output}: is complete and was made with another {', another '.join(others)}; give the same, "
            "--overwrite to replace it, or another --output"
        )


def clips_there(output: Path) -> dict[str, Path]:
    """The clips in a data set, by the identity of their items."""
    folders = [output / folder for folder in FOLDERS.values()]
    return {path.stem.rpartition("_")[2]: path for folder in folders if folder.is_dir() for path in folder.iterdir()}


def same_items(was: Made, now: Made, there: Mapping[str, Path]) -> dict[str, Path]:
    """Clips of unchanged items, by identity."""
    return {name: there[name] for name in was.clips if name in there and was.items.get(name) == now.items.get(name)}


def changes(was: Made, now: Made, kept: int) -> str:
    """The number of items of each kind, in words."""
    new, gone = now.items.keys() - was.items.keys(), was.items.keys() - now.items.keys()
    return f"{kept} clips kept, {len(new)} files new, {len(now.items) - len(new) - kept} tried again, {len(gone)} gone"


def take_over(clip: Path, place: Path) -> None:
    """Put a clip of the earlier data set into the new one, as a hard link if the file system can do that."""
    with contextlib.suppress(OSError):
        os.link(clip, place, follow_symlinks=False)
        return
    shutil.copy2(clip, place, follow_symlinks=False)
