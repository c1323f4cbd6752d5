"""Parameters that an ONNX file does not contain: its card, X.toml next to X.onnx, or its entry in the registry."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

from msgspec import Meta

from ..errors import InputError
from ..files import sha256_once, write_whole
from ..files.json import reason
from ..files.schema import checked, from_toml
from ..files.text import read_text
from ..networks.engine.images import ImageInput, Three
from ..networks.zoo.registry import by_file_name, by_sha256
from ..networks.zoo.roles import card_owner, card_path
from ..networks.zoo.words import BGR, RGB
from ..scores.card_thresholds import CardThresholds
from .recognised import LOG

MAX_BYTES = 1 << 16  # of a card
SIDES = (32, 4096)  # pixels: the longer side of a detector's images is a multiple of the first, and at most the second
Whole = Annotated[int, Meta(gt=-(1 << 53), lt=1 << 53)]  # maximum of a float
Value = bool | Whole | float | str | list[Whole | float | list[Whole | float]] | dict[str, Whole | float]  # of a field
INSIGHTFACE = 'colour = "rgb"\nmean = 127.5\nstd = 127.5'  # the card of its embeddings
EXAMPLE = 'colour = "rgb", mean = 127.5, std = 127.5'


@dataclass(frozen=True)
class Card:
    """Parameters of a model; None for those not given.

    colour : order of the channels, "rgb" or "bgr"
    mean, std : of the channels in that order, in values of 0..255: the network's input is (value - mean) / std
    threshold : smallest probability of a face
    nms : largest intersection over union of two faces
    side : longer side in pixels of the images that a detector was made for
    largest : height in pixels of the largest face that it finds in such images
    min_sizes : sides of RetinaFace's priors in pixels, stride by stride
    strides : of RetinaFace's priors, in pixels
    output : name of the embedding output
    thresholds : of an embedding, cosines by false match rate, as `benchmarks/verification.py` prints them
    quality : of an embedding, the smallest norm of a kept face
    licence : the publisher's terms, in words
    training : its training data
    commercial : whether the licence allows commercial use
    """

    colour: str | None = None
    mean: Three | None = None
    std: Three | None = None
    threshold: float | None = None
    nms: float | None = None
    side: int | None = None
    largest: float | None = None
    min_sizes: tuple[tuple[float, ...], ...] | None = None
    strides: tuple[int, ...] | None = None
    output: str | None = None
    thresholds: CardThresholds | None = None
    quality: float | None = None
    licence: str | None = None
    training: str | None = None
    commercial: bool | None = None

    def or_else(self, other: Card) -> Card:
        """The fields of this card, and for those not given the other card's."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(other, **{name: value for name, value in said.items() if value is not None})

    def image(self, default: ImageInput) -> ImageInput:
        """The input format, with `default` for what is not given."""
        return ImageInput(
            default.rgb if self.colour is None else self.colour == RGB,
            default.mean if self.mean is None else self.mean,
            default.std if self.std is None else self.std,
        )


def read_card(path: str) -> Card:
    """The parameters of an ONNX file: from its own card, else by its sha256, else by its name.

    Raises
    ------
    InputError
        If the file does not exist, or the card is damaged or has an unknown field.
    """
    own = own_card(path)
    if not os.path.isfile(path):
        raise InputError(f"{path}: there is no such file; put the model there")
    known = by_sha256(sha256_once(path))
    if known is None and own == Card():
        known = by_file_name(path)
        if known is not None:
            LOG.info("%s: taken for %s by its name; %s can override that", path, known.name, card_path(path))
    return own if known is None else own.or_else(parse_card(known.parameters, known.name))


def own_card(path: str) -> Card:
    """The contents of the card next to X.onnx; empty if there is none.

    Raises
    ------
    InputError
        If the card is damaged or has an unknown field.
    """
    beside = card_path(path)
    if not os.path.isfile(beside):
        return Card()
    try:
        content = from_toml(read_text(beside, MAX_BYTES), dict[str, Value])
    except (OSError, ValueError) as error:
        raise InputError(f"{beside}: can't be read ({error}); write it as in {EXAMPLE}, one per line") from None
    return parse_card(content, beside)


def read_thresholds(model: str, sums: Mapping[str, str]) -> CardThresholds | None:
    """Cosines of an embedding by false match rate: from its own card, else from the registry; None if not measured.

    Parameters
    ----------
    model : `PREFIX,EPOCH`, with the card PREFIX.toml, or `X.onnx`; its files may be elsewhere
    sums : sha256 of the model's files, by name, as a manifest has them

    Raises
    ------
    InputError
        If the card is damaged.
    """
    own = own_card(card_owner(model)).thresholds if model else None
    known = [entry for entry in map(by_sha256, sums.values()) if entry is not None]
    found = [own, *(parse_card(entry.parameters, entry.name).thresholds for entry in known)]
    return next((replace(each, model=os.path.basename(model)) for each in found if each is not None), None)


def write_card(card: Card, path: str) -> None:
    """Write the card of X.onnx next to it."""

    def text(value: Any) -> str:
        if isinstance(value, CardThresholds):
            pairs = zip(value.rates, value.cosines, strict=True)
            entries = [f'"{rate!r}" = {cosine!r}' for rate, cosine in pairs]
            return f"{{ {', '.join(entries)} }}"
        if isinstance(value, tuple):
            return f"[{', '.join(map(text, value))}]"
        return json.dumps(value) if isinstance(value, str | bool) else repr(value)  # TOML's spelling

    said = {field.name: getattr(card, field.name) for field in fields(card)}
    lines = [f"{name} = {text(value)}\n" for name, value in said.items() if value is not None]

    def write(temporary: str) -> None:
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(lines)

    write_whole(card_path(path), write)


def parse_card(content: Mapping[str, Any], source: str) -> Card:
    """A card from the contents of a TOML file.

    Raises
    ------
    InputError
        If a field is unknown or has an invalid value.
    """
    names = [field.name for field in fields(Card)]
    for name in content:
        if name not in names:
            raise InputError(f"{source}: {name[:40]!r} is not a field of a model's card; there are {', '.join(names)}")
    try:
        values = checked(content, dict[str, Value])
        return Card(**{name: _PARSE[name](value) for name, value in values.items()})
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: {reason(error)}; write it as in {EXAMPLE}, one per line") from None


def _colour(value: Any) -> str:
    if value not in (RGB, BGR):
        raise ValueError(f'colour {value!r} is neither "rgb" nor "bgr"')
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _share(value: Any) -> float:
    if not 0 < _number(value) <= 1:
        raise ValueError(f"{value!r} is not between 0 and 1")
    return float(value)


def _norm(value: Any) -> float:
    if _number(value) < 0:
        raise ValueError(f"quality {value!r} is less than 0")
    return float(value)


def _side(value: Any) -> int:
    if type(value) is not int or value < SIDES[0] or value > SIDES[1] or value % SIDES[0]:
        raise ValueError(f"side {value!r} is not a multiple of {SIDES[0]} from {SIDES[0]} to {SIDES[1]}")
    return value


def _positive(value: Any) -> float:
    if _number(value) <= 0:
        raise ValueError(f"{value!r} is not greater than 0")
    return float(value)


def _three(value: Any) -> Three:
    values = tuple(_number(item) for item in value) if isinstance(value, list) else (_number(value),) * 3
    if len(values) != 3:
        raise ValueError(f"{value!r} is neither one number nor three")
    return values


def _std(value: Any) -> Three:
    if min(_three(value)) <= 0:
        raise ValueError(f"std {value!r} is not greater than 0")
    return _three(value)


def _sizes(value: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(_number(side) for side in sides) for sides in value)


def _strides(value: Any) -> tuple[int, ...]:
    if not all(type(stride) is int and stride > 0 for stride in value):
        raise ValueError(f"strides {value!r} are not whole numbers of 1 or more")
    return tuple(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _thresholds(value: Any) -> CardThresholds:
    if not isinstance(value, dict):
        raise ValueError(f'thresholds {value!r} are not a table; write thresholds = {{ "1e-2" = 0.23, "1e-3" = 0.32 }}')
    pairs = sorted(((float(rate), _number(cosine)) for rate, cosine in value.items()), reverse=True)
    return CardThresholds(tuple(rate for rate, _ in pairs), tuple(cosine for _, cosine in pairs))


_PARSE: dict[str, Callable[[Any], Any]] = {
    "colour": _colour,
    "mean": _three,
    "std": _std,
    "threshold": _share,
    "nms": _share,
    "side": _side,
    "largest": _positive,
    "min_sizes": _sizes,
    "strides": _strides,
    "output": _text,
    "thresholds": _thresholds,
    "quality": _norm,
    "licence": _text,
    "training": _text,
    "commercial": _yes_or_no,
}
