"""The vectors that are searched."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from ..tables import StageReader


def open_features(paths: Sequence[str]) -> list[StageReader]:
    """Readers of feature directories that one model made.

    Raises
    ------
    InputError
        If one is not complete, is given twice, or was made with another model.
    """
    if len(set(paths)) != len(paths):
        raise InputError(f"--features {','.join(paths)}: names a directory twice")
    readers = [StageReader(path, ("feature",)) for path in paths]
    for reader in readers[1:]:
        if reader.manifest.get("models") != readers[0].manifest.get("models"):
            raise InputError(
                f"{reader.path}: was made with another model than {readers[0].path}; search them one after the other"
            )
    return readers
