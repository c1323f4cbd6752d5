"""The known models in `model/zoo.toml`: descriptions, input formats and download addresses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from ...errors import InputError
from ...files.json import reason
from ...files.schema import Count, from_toml
from ...files.text import read_text
from ...installation import MODELS

MAX_BYTES = 1 << 20
INSIDE = r"\A(?!/)(?!(.*/)?\.\.(/|\Z))[^\0]+\Z"  # a path that does not lead out of its folder
ZOO = MODELS / "zoo.toml"


@dataclass(frozen=True)
class ModelFile:
    """A file of a model.

    name : path within `model/`, with / between folders
    sha256 : of its bytes; empty if unknown
    url : of the file or of the archive (.zip) that contains it; empty if there is none
    member : its name in the archive; empty if the URL is the file itself
    size : bytes of the download; 0 if unknown
    """

    name: Annotated[str, Meta(pattern=INSIDE)]
    sha256: Annotated[str, Meta(pattern=r"\A([0-9a-f]{64})?\Z")] = ""
    url: str = ""
    member: str = ""
    size: Count = 0


@dataclass(frozen=True)
class KnownModel:
    """An entry of `zoo.toml`.

    give : the value for `--model` or `--detector`, in `model/`
    parameters : the content of an equivalent X.toml next to the file
    page : web page of the model
    training : training data
    commercial : whether its licence allows commercial use; None if not stated
    """

    name: str
    what: str
    give: str
    licence: str
    accuracy: str
    page: str
    training: str
    files: tuple[ModelFile, ...]
    commercial: bool | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


class _Registry(Struct):
    """The file as a whole."""

    model: list[KnownModel]


def known_models(path: Path | None = None) -> dict[str, KnownModel]:
    """All entries of a registry by name, by default the project's own; empty if the file does not exist.

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
        models = from_toml(read_text(str(path), MAX_BYTES), _Registry).model
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is damaged ({reason(error)}); get it again") from None
    return {model.name: model for model in models}


def by_sha256(digest: str) -> KnownModel | None:
    """The model that contains a file with this sha256."""
    models = known_models().values()
    return next((model for model in models if digest in {file.sha256 for file in model.files}), None)


def by_file_name(path: str) -> KnownModel | None:
    """The model with a file of this name and unknown sha256; with a known sha256, the name alone is not trusted."""
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
