"""The models that a call names: found, loaded once and kept."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError
from ..networks.zoo.roles import DETECTOR, EMBEDDING, SHIPPED, Role, find_model, missing_file, model_files
from .checks import Path, check_gpu, check_number, check_path, kind_of, python_errors

if TYPE_CHECKING:
    from ..faces.card import Card
    from ..faces.detectors import Detector
    from ..faces.embedding import Embedder

KEPT_MODELS = 4  # of each kind
EXAMPLE = '"1 in 1,000" or 0.001'
_ONE_IN = re.compile(r"\s*1\s*(?:in|:|/|of)\s*(\d[\d,_' ]{0,18})\s*")
_PER_CENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


def find_detector(given: Path | None) -> str:
    """The detector that is used, as `--detector` takes it, with an absolute path.

    Raises
    ------
    InputError
        If it does not exist.
    """
    return _found(given, DETECTOR, "detector")


def find_embedding(given: Path | None, name: str = "embedding") -> str:
    """The embedding model that is used, as `--model` takes it, with an absolute path.

    Parameters
    ----------
    name : of the argument, for messages

    Raises
    ------
    InputError
        If it does not exist.
    """
    return _found(given, EMBEDDING, name)


def _found(given: Path | None, role: Role, name: str) -> str:
    wanted = "PREFIX,EPOCH of a checkpoint or X.onnx"
    path = None if given is None else check_path(given, name, wanted)
    return os.path.abspath(find_model(path, role))


def device_of(gpu: int | None) -> int:
    """The device of a call; see `rcnn.networks.engine.choose_device`."""
    from ..networks.engine import choose_device

    return choose_device(check_gpu(gpu))


@lru_cache(maxsize=KEPT_MODELS)
def detector_of(model: str, device: int) -> Detector:
    """A detector, which threads may share.

    Parameters
    ----------
    model : as `find_detector` gives it
    device : as `device_of` gives it
    """
    from ..faces.detectors.single_stage import SingleStage
    from ..faces.load import load_detector
    from ..networks.engine import hurry_single_images

    detector = load_detector(model, device)
    if isinstance(detector, SingleStage):
        hurry_single_images(detector.network)
    return detector


@lru_cache(maxsize=KEPT_MODELS)
def embedder_of(model: str, device: int, card: Card | None = None) -> Embedder:
    """An embedding network, which threads may share.

    Parameters
    ----------
    model : as `find_embedding` gives it
    device : as `device_of` gives it
    card : for an ONNX file with an unknown input format
    """
    from ..faces.load import load_embedder
    from ..networks.engine import hurry_single_images

    embedder = load_embedder(model, device, default=card)
    hurry_single_images(embedder.network)
    return embedder


def quality_of(model: str, scored: bool) -> float:
    """The smallest quality of a face of a video that goes with an embedding model, or, if `scored`, with scores."""
    from ..faces.quality import quality_card
    from ..stages.settings.clips import LEAST_SCORE

    return LEAST_SCORE if scored else quality_card(model).usual


@python_errors(model="embedding")
def match_threshold(rate: str | float = "1 in 1,000", embedding: Path | None = None) -> float:
    """The cosine from which on two faces are taken for one person, for `compare`.

    It was measured with the model on pairs of photographs of two people, and stands in the model's card.

    Parameters
    ----------
    rate : share of such pairs that may pass: "1 in 1,000", "0.1%" or 0.001
    embedding : the model, as for `FaceFinder`; None for the default

    Raises
    ------
    ArgumentError
        If it is not a rate, one that was not measured, or nothing was measured with the model.
    """
    from ..faces.card import read_thresholds
    from ..tables.header import file_sums

    wanted = _rate(rate)
    model = find_embedding(embedding)
    known = read_thresholds(model, file_sums(model_files(model)))
    if known is None:
        raise ArgumentError(
            f"embedding: no thresholds of {os.path.basename(model)} were measured; benchmarks/verification.py measures "
            "them, and thresholds in the model's card keeps them"
        )
    most, least = known.rates[0], known.rates[-1]
    if not least <= wanted <= most:
        raise ArgumentError(
            f"rate: is {wanted:g}; with {os.path.basename(model)} 1 in {1 / most:,.0f} to 1 in {1 / least:,.0f} were "
            "measured; give one between"
        )
    return known.at(wanted)


def _rate(value: Any) -> float:
    if isinstance(value, str):
        if found := _ONE_IN.fullmatch(value):
            count = int(re.sub(r"\D", "", found[1]))
            return 1 / count if count else _rate(count)
        if found := _PER_CENT.fullmatch(value):
            return float(found[1]) / 100
        raise ArgumentError(f"rate: is {value[:40]!r}; give {EXAMPLE}")
    return check_number(value, "rate", 0, 1, f"as {EXAMPLE}")


def model_of(features: Path) -> str:
    """The embedding model that made a directory of features, for `embedding`; its path opens from anywhere.

    Parameters
    ----------
    features : a directory that `feature.py` wrote

    Returns
    -------
    `PREFIX,EPOCH` or `X.onnx`, absolute.

    Raises
    ------
    ArgumentError
        If it is no such directory, or the model is gone or changed.
    """
    from ..files import may_follow, sha256_once
    from ..search.features import open_features

    with python_errors(model="embedding"):
        (reader,) = open_features((check_path(features, "features", "a directory that feature.py wrote"),))
        named = reader.arguments.get("model")
        if not isinstance(named, str) or not may_follow(named, ()):
            raise ArgumentError(f"features {reader.path}: says nothing of the model that made it ({kind_of(named)})")
        sums = set(reader.manifest.get("models", {}).values())
        folder = os.path.abspath(reader.path)
        above = [folder := os.path.dirname(folder) for _ in range(folder.count(os.sep))]  # of relative paths
        places = [os.path.abspath(named), *(os.path.join(place, named) for place in above)]
        places.append(str(SHIPPED / os.path.basename(named)))
        there = [place for place in dict.fromkeys(places) if missing_file(place) is None]
        for place in there:
            if {sha256_once(file) for file in model_files(place)} == sums:
                return os.path.normpath(place)
        state = f"has changed since ({there[0]})" if there else "does not exist"
        raise ArgumentError(f"features {reader.path}: the model {named} that made it {state}; put it back")
