"""The networks of a process, each loaded once however many stages of a run use it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from ..faces import load
from ..faces.detectors import Detector
from ..faces.embedding import Embedder
from ..networks.zoo.roles import model_files
from ..tables.header import file_sums

KEPT = 2  # of each kind: find has a quality model and an embedding model

Kind = TypeVar("Kind", Detector, Embedder)


def load_detector(model: str, device: int, precision: str) -> Detector:
    """See `rcnn.faces.load.load_detector`."""
    return _once(_detector, model, device, precision)


def load_embedder(model: str, device: int, precision: str) -> Embedder:
    """See `rcnn.faces.load.load_embedder`."""
    return _once(_embedder, model, device, precision)


def forget_networks() -> None:
    """Release the memory of all of them, when a run no longer needs them."""
    _detector.cache_clear()
    _embedder.cache_clear()


def _once(loader: Callable[..., Kind], model: str, device: int, precision: str) -> Kind:
    try:
        sums = tuple(file_sums(model_files(model)).values())  # a file that was replaced is another model
    except OSError:
        sums = ()  # loading says what is missing
    return loader(model, device, precision, sums)


@lru_cache(maxsize=KEPT)
def _detector(model: str, device: int, precision: str, sums: tuple[str, ...]) -> Detector:
    return load.load_detector(model, device, precision=precision)


@lru_cache(maxsize=KEPT)
def _embedder(model: str, device: int, precision: str, sums: tuple[str, ...]) -> Embedder:
    return load.load_embedder(model, device, precision=precision)
