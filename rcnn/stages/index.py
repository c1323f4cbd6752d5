"""The index of a search as a command."""

from __future__ import annotations

import shlex

from ..files.text import printable
from ..search.building import build_index
from ..search.features import open_features
from ..tables.next_steps import say_next
from .settings import IndexSettings


def index(settings: IndexSettings) -> None:
    """Make the index of each feature directory, or update it.

    Raises
    ------
    InputError
        If features can't be read, or an index can't be written.
    """
    for reader in open_features(settings.features):
        built = build_index(reader, settings.overwrite)
        found = built.manifest
        what = f"index: {found.rows} tracks of {found.clips} clips -> {printable(built.path)}"
        if built.new or built.gone:
            parts = f"{built.new_rows} tracks in {built.new} new parts, {built.kept} parts kept, {built.gone} gone"
            print(f"{what}: {parts}; {found.seconds:.1f} s")
        else:
            print(f"{what}: is complete and up to date; it is kept")
    say_next(f"python -m rcnn search --image PHOTO.jpg --features {shlex.quote(','.join(settings.features))}")
