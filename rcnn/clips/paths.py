"""The file of a clip, for display: the one that it was made of, else its path in the data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import files
from ..errors import InputError
from .dataset import FOLDERS, Clip


class ClipPaths:
    """Paths of clips. Folders are listed only if a split has several of them.

    Parameters
    ----------
    sources : the file that a clip was made of, by clip name; others are shown with their path
    datasets : directories of the data sets; missing ones are skipped
    """

    def __init__(self, sources: Mapping[str, str], datasets: Sequence[str]) -> None:
        self._sources, self._datasets = sources, datasets
        self._folders: dict[str, list[tuple[str, frozenset[str] | None]]] = {}  # by split; None: any contents

    def of(self, clip: Clip) -> str:
        """The source of a clip; else its path relative to the data set; else its name."""
        if clip.name in self._sources:
            return self._sources[clip.name]
        if clip.split not in self._folders:
            self._folders[clip.split] = list(self._look(clip.split))
        for folder, names in self._folders[clip.split]:
            if names is None or clip.name in names:
                return f"{folder}/{clip.name}"
        return clip.name

    def _look(self, split: str) -> Sequence[tuple[str, frozenset[str] | None]]:
        found: list[tuple[str, str]] = []
        for root in self._datasets:
            try:
                found += [(path, files.relative(path, root)) for path in files.folders(root, FOLDERS[split])]
            except (InputError, OSError):
                continue
        if len(found) == 1:
            return [(found[0][1], None)]
        return [(relative, frozenset(files.names(path))) for path, relative in found]
