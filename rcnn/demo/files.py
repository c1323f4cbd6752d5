"""Names of the files of a trained model of people, by their common prefix."""

from __future__ import annotations

PREFIX = "./model/people"  # where the model that comes with the repository lies


def face_space_file(prefix: str) -> str:
    """Path of the face space."""
    return f"{prefix}-space.params"


def refiner_model(prefix: str) -> str:
    """The refiner as PREFIX,EPOCH."""
    return f"{prefix},0"
