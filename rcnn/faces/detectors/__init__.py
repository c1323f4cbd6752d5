"""Image batch to faces, crops, embeddings."""

from ..alignment import align_faces
from ..embedding import Embedder
from .essh import EsshDetector
from .load import load_detector, load_embedder
from .single_stage import Detector

__all__ = ["Detector", "Embedder", "EsshDetector", "align_faces", "load_detector", "load_embedder"]
