"""A file cache of embeddings, so that ranking methods with the same crops embed each crop once."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rcnn.faces.embedding import Embedder
from rcnn.faces.load import load_embedder
from rcnn.stages import feature

DIGEST = 16  # bytes of a crop's name


class Remembered(Embedder):
    """An embedder with a cache."""

    def __init__(self, embedder: Embedder, path: Path) -> None:
        super().__init__(embedder.network)
        self._inner, self._path, self._lock = embedder, path, threading.Lock()
        self._known: dict[bytes, np.ndarray] = {}
        if path.exists():
            with np.load(path) as kept:
                self._known = dict(zip(map(bytes, kept["crops"]), kept["vectors"], strict=True))
        self._saved = len(self._known)

    def embed(self, crops: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """See `Embedder.embed`."""
        keys = [hashlib.blake2b(crop.tobytes(), digest_size=DIGEST).digest() for crop in crops]
        new = {key: crop for key, crop in zip(keys, crops, strict=True) if key not in self._known}
        if new:
            vectors = self._inner.embed(list(new.values()))
            with self._lock:
                self._known.update(zip(new, vectors, strict=True))
        return np.stack([self._known[key] for key in keys])

    def save(self) -> None:
        """Save new embeddings."""
        if len(self._known) == self._saved:
            return
        part = self._path.with_suffix(f".{os.getpid()}.npz")
        crops = np.frombuffer(b"".join(self._known), np.uint8).reshape(-1, DIGEST)
        np.savez(part, crops=crops, vectors=np.stack(list(self._known.values())))
        part.replace(self._path)
        self._saved = len(self._known)


@contextmanager
def remembered(paths: Mapping[str, Path]) -> Iterator[None]:
    """Within this context, `feature` caches the embeddings of some models, one file per model."""
    own, embedders = feature.load_embedder, {}
    for model, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        embedders[model] = Remembered(load_embedder(model), path)
    feature.load_embedder = lambda model, *_, **__: embedders[model]  # type: ignore[assignment]
    try:
        yield
    finally:
        feature.load_embedder = own  # type: ignore[assignment]
        for embedder in embedders.values():
            embedder.save()
