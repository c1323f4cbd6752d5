"""The licences and the training data of models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..files import sha256_once
from ..files.text import printable
from ..networks.zoo.registry import KnownModel, by_sha256, known_models
from ..networks.zoo.roles import model_files
from ..networks.zoo.words import ANY, COMMERCIAL
from .card import card_owner, card_path, own_card

NOT_STATED = "not stated"
SHOWN = 40  # characters of a licence in a line
DETECTOR, EMBEDDING = "detector", "embedding"  # the first word of what a model is in the registry
FETCHED = "./model"  # where `zoo` puts files by default


@dataclass(frozen=True)
class Licence:
    """Licence of a model.

    name : the publisher's terms, in words
    training : its training data
    commercial : whether the licence allows commercial use; None if unknown
    """

    name: str = NOT_STATED
    training: str = NOT_STATED
    commercial: bool | None = None


def licence_of(model: str) -> Licence:
    """The licence of a model: from its own card, else by the sha256 of its files in the registry.

    File names are not used here: another file may have the name of a free one.

    Parameters
    ----------
    model : as given to --model and --detector

    Raises
    ------
    InputError
        If its card or the registry is damaged.
    """
    own = own_card(card_owner(model))
    known = _known(model)
    licence, training, commercial = (
        (known.licence, known.training, known.commercial) if known else (NOT_STATED, NOT_STATED, None)
    )
    return Licence(
        printable(own.licence or licence),
        printable(own.training or training),
        commercial if own.commercial is None else own.commercial,
    )


def _known(model: str) -> KnownModel | None:
    entries = [entry for entry in map(by_sha256, map(sha256_once, model_files(model))) if entry is not None]
    return entries[-1] if entries else None  # the weights come last


def licences_of(models: Sequence[str]) -> dict[str, str]:
    """The licences of models in words, by the values of --model and --detector: for manifests."""
    return {model: licence_of(model).name for model in models}


def check_licences(wanted: str, models: Mapping[str, str | None], quality: str | None = None) -> None:
    """Refuse models whose licence does not allow the use.

    Parameters
    ----------
    wanted : `ANY` or `COMMERCIAL`
    models : by flag; None for one that is not used
    quality : the flag of the quality model, which `--quality score` replaces

    Raises
    ------
    InputError
        With all of them, their licences, and the flags that take models that may be used instead.
    """
    if wanted == ANY:
        return
    used = {flag: (model, licence_of(model)) for flag, model in models.items() if model is not None}
    refused = {flag: (model, licence.name) for flag, (model, licence) in used.items() if not licence.commercial}
    if not refused:
        return
    flags: dict[tuple[str, str], list[str]] = {}
    for flag, given in refused.items():
        flags.setdefault(given, []).append(flag)
    named = ", and ".join(
        f"{' and '.join(which)} {model}: licence {_short(name)}" for (model, name), which in flags.items()
    )
    own = dict.fromkeys(model for model, _ in refused.values() if not _is_listed(model))
    cards = " and ".join(card_path(card_owner(model)) for model in own)
    card = f"; if your own licence allows it, write commercial = true into {cards}" if own else ""
    raise InputError(f"{named}, not for commercial use; {_instead(refused, quality)}{card}")


def _short(licence: str) -> str:
    """The licence without what explains it."""
    return licence.partition(":")[0][:SHOWN]


def _is_listed(model: str) -> bool:
    """Whether the registry has a model, known by its bytes or, where it has no sha256, by the end of its path."""
    if _known(model) is not None:
        return True
    paths = [Path(path).absolute().as_posix() for path in model_files(model)]
    names = [file.name for entry in known_models().values() for file in entry.files if not file.sha256]
    return any(path.endswith(f"/{name}") for path in paths for name in names)


def _instead(refused: Collection[str], quality: str | None) -> str:
    """The commands that fetch free models, and the flags that take them."""
    fetches, flags = [], []
    for flag in refused:
        if flag == quality:
            flags.append("--quality score")
            continue
        kind = DETECTOR if flag == "--detector" else EMBEDDING
        entry = _free(kind)
        if entry is not None:
            fetches.append(f"python -m rcnn zoo {entry.name}")
            flags.append(f"{flag} {FETCHED}/{entry.give}")
    get = f"{' && '.join(fetches)}, then " if fetches else ""
    return (
        f"{get}give {' '.join(flags)}" if flags else f"python -m rcnn zoo --licence {COMMERCIAL} lists those that are"
    )


def _free(kind: str) -> KnownModel | None:
    """The first model of a kind that anybody may use and `zoo` can fetch."""
    able = (entry for entry in known_models().values() if entry.commercial and all(file.url for file in entry.files))
    return next((entry for entry in able if entry.what.startswith(kind)), None)
