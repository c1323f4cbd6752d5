"""What a page was made with: programs, models, recipes and dates."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .. import files
from ..installation import PROGRAM, VERSION
from ..tables import MANIFEST, StageReader

DIGITS = 12  # of a sha256 that are shown
LISTS = ".txt"  # of names and of sources, whose sums stand beside those of models


@dataclass(frozen=True)
class Model:
    """A file of a model: its name, the beginning of its sha256, and the stages that used it."""

    file: str
    digest: str
    stages: Sequence[str]


@dataclass(frozen=True)
class Made:
    """What a page was made with.

    version : of this program
    date : when the newest directory was finished, UTC; empty if that is not known
    recipes : of the stages, each once
    models : in the order in which stages used them
    licences : of the models, in words, by what they were called
    """

    version: str = ""
    date: str = ""
    recipes: Sequence[str] = ()
    models: Sequence[Model] = ()
    licences: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> list[str]:
        """All but the models, in words."""
        parts = [f"{PROGRAM} {self.version}".strip()]
        if self.recipes:
            parts.append(f"recipe {' and '.join(self.recipes)}")
        if self.date:
            parts.append(f"results of {self.date} UTC")
        return parts


def made_with(stages: Sequence[StageReader]) -> Made:
    """What some stage directories were made with."""
    users: dict[tuple[str, str], list[str]] = {}
    for reader in stages:
        for file, digest in reader.manifest["models"].items():
            if file.endswith(LISTS):
                continue
            names = users.setdefault((file, digest), [])
            if reader.stage not in names:
                names.append(reader.stage)
    recipes = dict.fromkeys(str(reader.arguments["recipe"]) for reader in stages if reader.arguments.get("recipe"))
    models = [Model(file, digest[:DIGITS], stages) for (file, digest), stages in users.items()]
    licences = {
        os.path.basename(model): licence
        for reader in stages
        for model, licence in (reader.manifest.get("licences") or {}).items()
    }
    return Made(VERSION, _newest(stages), list(recipes), models, licences)


def _newest(stages: Sequence[StageReader]) -> str:
    """When the last of the manifests on this disk was written."""
    times = []
    for reader in stages:
        if not files.is_url(reader.path):
            try:
                times.append(os.stat(files.join(files.plain(reader.path), MANIFEST)).st_mtime)
            except OSError:
                continue
    return datetime.fromtimestamp(max(times), UTC).strftime("%Y-%m-%d %H:%M") if times else ""
