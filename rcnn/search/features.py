"""The searched vectors."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from ..files.text import printable
from ..tables import StageReader
from .index import SearchIndex, open_index


def open_features(paths: Sequence[str]) -> list[StageReader]:
    """Readers of feature directories made with one model.

    Raises
    ------
    InputError
        If one is not complete, is given twice, or was made with another model.
    """
    if len(set(paths)) != len(paths):
        raise InputError(f"--features {','.join(paths)}: has a directory twice")
    readers = [StageReader(path, ("feature",)) for path in paths]
    for reader in readers[1:]:
        if reader.manifest.get("models") != readers[0].manifest.get("models"):
            raise InputError(
                f"{reader.path}: was made with another model than {readers[0].path}; search them one after the other"
            )
    return readers


def open_indexes(readers: Sequence[StageReader]) -> tuple[dict[str, SearchIndex], list[str]]:
    """The indexes of features, by the paths of the features; and a line for each, used or not.

    Raises
    ------
    InputError
        If one is damaged.
    """
    found, lines = {}, []
    for reader in readers:
        index = open_index(reader)
        if isinstance(index, SearchIndex):
            found[reader.path] = index
            lines.append(f"index: {printable(index.path)}; --exact compares with all {index.manifest.rows} tracks")
        elif index is not None:
            lines.append(f"index: not used: {printable(index)}")
    return found, lines
