"""The annotation files of WIDER FACE (arXiv:1511.06523), with and without RetinaFace's landmarks."""
from __future__ import annotations
from .labels import Photograph
def read_wider(folder: str, labels: str) -> list[Photograph]:
    raise NotImplementedError
