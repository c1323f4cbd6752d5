"""Checks embeddings from callers, and compares two of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from ..errors import ArgumentError
from .checks import kind_of

NO_FACE = "no face was found in the picture that it is of"


class HasEmbedding(Protocol):
    """A `Face`, or InsightFace's."""

    @property
    def embedding(self) -> Any:
        """(D,) numbers."""


if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Vector: TypeAlias = HasEmbedding | ArrayLike


def compare(first: Vector, second: Vector) -> float:
    """How alike two faces are: the cosine of their embeddings, -1..1.

    `match_threshold` says from which cosine on two faces are of one person.

    Parameters
    ----------
    first, second : a `Face`, or (D,) numbers of any length, which the same model made

    Raises
    ------
    ArgumentError
        If one is empty, zero, has NaN, is not a vector, or their widths differ.
    """
    one, two = unit_vector(first, "first"), unit_vector(second, "second")
    if len(one) != len(two):
        raise ArgumentError(
            f"first, second: are {len(one)} and {len(two)} wide, so two models made them; "
            "embed both faces with one model"
        )
    return float(np.clip(one @ two, -1, 1))


def unit_vector(value: Vector, name: str) -> np.ndarray:
    """One embedding: (D,) float64 of length 1; (1, D) is taken for one, too.

    Raises
    ------
    ArgumentError
        See `compare`.
    """
    found = unit_vectors(value, name)
    if len(found) != 1:
        raise ArgumentError(f"{name}: has {len(found)} vectors; give one of them, as {name}[0]")
    return found[0]


def unit_vectors(value: Vector | Sequence[Vector], name: str) -> np.ndarray:
    """One or several embeddings: (n, D) float64, each of length 1, of (D,) or (n, D) numbers, a face or several.

    Raises
    ------
    ArgumentError
        See `compare`.
    """
    array = _array(value, name)
    if array.size == 0:
        raise ArgumentError(f"{name}: is empty ({'x'.join(map(str, array.shape))}); {NO_FACE}, perhaps")
    if array.ndim not in (1, 2):
        raise ArgumentError(f"{name}: is {kind_of(array)}; give (D,) or (n, D) numbers, as embeddings are")
    rows = np.atleast_2d(array).astype(np.float64)
    if rows.shape[1] == 1:
        raise ArgumentError(f"{name}: is {kind_of(array)}; an embedding has more numbers than one")
    if not np.isfinite(rows).all():
        raise ArgumentError(f"{name}: has NaN or infinity in it; embed the face again")
    largest = np.abs(rows).max(1, keepdims=True)
    if not largest.all():
        raise ArgumentError(f"{name}: is all zeros; embed the face again")
    rows = rows / largest  # so that squares neither vanish nor overflow
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _array(value: Any, name: str) -> np.ndarray:
    faces = value if isinstance(value, list | tuple) else [value]
    if faces and all(hasattr(face, "embedding") for face in faces):
        if any(face.embedding is None for face in faces):
            raise ArgumentError(f"{name}: is a face without an embedding; find it with a FaceFinder that embeds")
        value = [np.asarray(face.embedding) for face in faces] if faces is value else value.embedding
    if isinstance(value, str | bytes) or value is None or isinstance(value, dict):
        raise ArgumentError(f"{name}: is {kind_of(value)}; give an embedding, an array of (D,) numbers, or a Face")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # rows of several lengths; a tensor on a device
        raise ArgumentError(f"{name}: is not an array of numbers ({' '.join(str(error).split())[:80]})") from None
    if array.dtype.kind not in "fiu":
        raise ArgumentError(f"{name}: is {kind_of(array)}; give numbers, float32 as embeddings are")
    return array
