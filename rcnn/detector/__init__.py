"""Image batch to faces, crops, embeddings."""

from .alignment import align_faces
from .embedding import Embedder, load_embedder
from .essh import EsshDetector, load_detector

__all__ = ["Embedder", "EsshDetector", "align_faces", "load_detector", "load_embedder"]
