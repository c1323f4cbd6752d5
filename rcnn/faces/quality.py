"""The smallest quality of a face: the threshold belongs to the quality model and is in its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..config import config
from ..files import sha256_once
from ..files.text import printable
from ..networks.zoo.registry import KnownModel, by_sha256, known_models
from ..networks.zoo.roles import model_files
from .card import card_owner, card_path, own_card, parse_card

USUAL_NORM = config.CROP.LEAST_NORM  # of a model without a card
MANY = 0.25  # share of faces under the threshold that is reported; the cards' thresholds drop a hundredth
LOW = 5  # percent, the quantile suggested as threshold


@dataclass(frozen=True)
class QualityCard:
    """The quality threshold of a model.

    model : as given to --model
    threshold : smallest norm of an embedding; None if no card has one
    """

    model: str
    threshold: float | None

    @property
    def usual(self) -> float:
        """The default threshold."""
        return USUAL_NORM if self.threshold is None else self.threshold

    @property
    def path(self) -> str:
        """The path of the model's own card, existing or not, for messages."""
        return printable(card_path(card_owner(self.model)))


def unknown_lines(model: str | None, threshold: float) -> Sequence[str]:
    """The lines printed before a run: one if the threshold is the default because no card has one.

    Parameters
    ----------
    model : the quality model; None if the quality is the detector's score
    """
    if model is None or threshold != USUAL_NORM or (card := quality_card(model)).threshold is not None:
        return ()
    return (
        f"quality: no card has a threshold for {printable(model)}, so it is {USUAL_NORM:g}; "
        f"set it with --quality-threshold N, or for this model with quality = N in {card.path}",
    )


def quality_card(model: str) -> QualityCard:
    """The threshold of a quality model: from its own card, else by the sha256 of its files in the registry, else, for
    the challenge's model, by the path of its files.

    Parameters
    ----------
    model : `PREFIX,EPOCH` or `X.onnx`

    Raises
    ------
    InputError
        If its card or the registry is damaged.
    """
    own = own_card(card_owner(model)).quality
    if own is not None:
        return QualityCard(model, own)
    paths = model_files(model)
    entries = [*(by_sha256(sha256_once(path)) for path in paths), *(_by_place(path) for path in paths)]
    found = (parse_card(entry.parameters, entry.name).quality for entry in entries if entry is not None)
    return QualityCard(model, next((quality for quality in found if quality is not None), None))


def _by_place(path: str) -> KnownModel | None:
    """The model, without a known sha256, that has a file of this name in a folder of this name."""
    end = path.replace("\\", "/").rsplit("/", 2)[-2:]
    return next(
        (
            model
            for model in known_models().values()
            for file in model.files
            if not file.sha256 and "/" in file.name and file.name.split("/") == end
        ),
        None,
    )


def dropped_lines(
    card: QualityCard | None, threshold: float, share_under: Callable[[float], float], quantiles: Mapping[int, float]
) -> Sequence[str]:
    """The lines in the summary of a run whose threshold drops many faces.

    Parameters
    ----------
    card : of the quality model; None if the quality is the detector's score
    threshold : of the run
    share_under : returns the share of the run's faces under a threshold
    quantiles : quantiles of the quality of the run's faces, by percent
    """
    dropped = share_under(threshold)
    if dropped < MANY:
        return ()
    line = f"quality: {dropped:.0%} of the faces are under the threshold {threshold:g} and are dropped; "
    if card is None or card.threshold is None:
        own = "" if card is None else f", and quality = {quantiles[LOW]:g} in {card.path} makes that the default"
        return (
            f"{line}{LOW}% are under {quantiles[LOW]:g}: --quality-threshold {quantiles[LOW]:g} keeps the rest{own}",
        )
    if card.threshold < threshold:
        kept = share_under(card.threshold)
        return (
            f"{line}the card of {printable(card.model)} has {card.threshold:g}, with {kept:.0%} under it: "
            f"--quality-threshold {card.threshold:g} keeps the rest",
        )
    return (
        f"{line}the threshold is the model's own, so these faces are smaller, darker or more blurred than usual, "
        "or many are not faces: --preview DIR shows some",
    )
