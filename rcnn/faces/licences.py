"""The licences and the training data of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..files import sha256_once
from ..files.text import printable
from ..networks.zoo.registry import by_sha256, known_models
from ..networks.zoo.roles import model_files
from ..networks.zoo.words import ANY, COMMERCIAL
from .card import card_owner, card_path, own_card

NOT_STATED = "not stated"
SHOWN = 200  # characters of a licence in a line


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
    entries = [entry for entry in map(by_sha256, map(sha256_once, model_files(model))) if entry is not None]
    known = entries[-1] if entries else None  # the weights come last
    licence, training, commercial = (
        (known.licence, known.training, known.commercial) if known else (NOT_STATED, NOT_STATED, None)
    )
    return Licence(
        printable(own.licence or licence),
        printable(own.training or training),
        commercial if own.commercial is None else own.commercial,
    )


def licences_of(models: Sequence[str]) -> dict[str, str]:
    """The licences of models in words, by the values of --model and --detector: for manifests."""
    return {model: licence_of(model).name for model in models}


def check_licences(wanted: str, models: Mapping[str, str | None]) -> None:
    """Refuse models whose licence does not allow the use.

    Parameters
    ----------
    wanted : `ANY` or `COMMERCIAL`
    models : by flag; None for one that is not used

    Raises
    ------
    InputError
        With all of them, their licences, and models that may be used.
    """
    if wanted == ANY:
        return
    used = {flag: (model, licence_of(model)) for flag, model in models.items() if model is not None}
    refused = {flag: (model, licence.name) for flag, (model, licence) in used.items() if not licence.commercial}
    if refused:
        kinds = dict.fromkeys("detector" if flag == "--detector" else "embedding" for flag in refused)
        free = [
            name
            for kind in kinds
            for name, entry in known_models().items()
            if entry.commercial and entry.what.startswith(kind)
        ]
        named = ", and ".join(f"{flag} {model}: licence {name[:SHOWN]}" for flag, (model, name) in refused.items())
        cards = " or ".join(dict.fromkeys(card_path(card_owner(model)) for model, _ in refused.values()))
        raise InputError(
            f"{named}, not for commercial use; python -m rcnn zoo --licence {COMMERCIAL} lists those that are "
            f"({', '.join(free)}), and if the licence of your own file allows it, write commercial = true into its "
            f"card, {cards}"
        )
