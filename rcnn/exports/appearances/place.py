"""Writes export files to the given path, or to a folder next to it if there are several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from ... import files
from ...errors import InputError
from .text import Unique


@dataclass(frozen=True)
class Output:
    """A file: its name without extension, used if there are several, and its text in pieces."""

    stem: str
    text: Iterable[str]


def folder_of(path: str) -> str:
    """The folder for several files: `who` of `who.vtt`."""
    name = files.base_name(path)
    return files.join(files.parent(path), name[: name.rindex(".")])


def write_outputs(path: str, outputs: Iterator[Output]) -> str:
    """Write one output to `path`, several into `folder_of` it, each atomically.

    Returns
    -------
    What was written, in words: `who.vtt`, or `who/, 3 files`.

    Raises
    ------
    InputError
        If there are several, and files of an earlier run exist.
    OSError
        If a file can't be written.
    """
    first = list(islice(outputs, 2))
    files.make_dir(files.parent(path))
    if len(first) == 1:
        _write(path, first[0])
        return path
    folder = folder_of(path)
    if files.exists(path):
        raise InputError(
            f"{path}: exists, and this time several files are needed; remove it, the files go to {folder}/"
        )
    ending = files.base_name(path)[len(files.base_name(folder)) :]
    files.make_dir(folder)
    if old := [name for name in files.names(folder) if name.lower().endswith(ending.lower())]:
        raise InputError(
            f"{files.join(folder, min(old))}: exists, and the files of {path} go there; remove {folder}/, "
            "or give --output another path"
        )
    stems = Unique()
    count = 0
    for output in chain(first, outputs):
        _write(files.join(folder, f"{stems(output.stem)}{ending}"), output)
        count += 1
    return f"{folder}/, {count} files"


def _write(path: str, output: Output) -> None:
    def write(temporary: str) -> None:
        with open(temporary, "w", encoding="utf-8", newline="") as file:  # keep line ends unchanged
            for piece in output.text:
                file.write(piece)

    files.write_whole(path, write)
