"""The models that are known, `model/zoo.toml`: what they are, what is done to the images that they are fed, and where
they come from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files.text import read_text

MAX_BYTES = 1 << 20
ZOO = Path(__file__).resolve().parents[3] / "model" / "zoo.toml"


@dataclass(frozen=True)
class ModelFile:
    """A file of a model.

    name : as it is to lie in `model/`, with / between folders
    sha256 : of its bytes; empty where it is not known
    url : from which it can be fetched as it is, or the archive (.zip) that holds it; empty where there is none
    member : its name in that archive; empty where the URL is the file itself
    """

    name: str
    sha256: str = ""
    url: str = ""
    member: str = ""


@dataclass(frozen=True)
class KnownModel:
    """An entry of `zoo.toml`.

    give : what `--model` or `--detector` takes, in `model/`
    parameters : what an X.toml beside the file would say
    page : where a person finds it
    """

    name: str
    what: str
    give: str
    licence: str
    accuracy: str
    page: str
    files: tuple[ModelFile, ...]
    parameters: Mapping[str, Any]


def known_models(path: Path | None = None) -> dict[str, KnownModel]:
    """All entries of a registry, of the project's own if none is named, by name; none where there is no such file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    return _read(ZOO if path is None else path)


@cache
def _read(path: Path) -> dict[str, KnownModel]:
    if not path.is_file():
        return {}
    try:
        entries = tomllib.loads(read_text(str(path), MAX_BYTES))["model"]
        models = [
            KnownModel(
                entry["name"],
                entry["what"],
                entry["give"],
                entry["licence"],
                entry["accuracy"],
                entry["page"],
                tuple(ModelFile(**file) for file in entry["files"]),
                entry.get("parameters", {}),
            )
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is damaged ({error}); get it again") from None
    return {model.name: model for model in models}


def by_sha256(digest: str) -> KnownModel | None:
    """The model that a file with this sha256 belongs to."""
    models = known_models().values()
    return next((model for model in models if digest in {file.sha256 for file in model.files}), None)


def by_file_name(path: str) -> KnownModel | None:
    """The model that has a file of this name whose sha256 is not known: only then the name says anything."""
    name = os.path.basename(path)
    return next(
        (
            model
            for model in known_models().values()
            for file in model.files
            if not file.sha256 and os.path.basename(file.name) == name
        ),
        None,
    )
