"""Names of the files of a trained model of people, by their common prefix."""

from __future__ import annotations

NAME = "people"  # of the model that comes with the program
PREFIX = f"./model/{NAME}"  # where training puts it


def face_space_file(prefix: str) -> str:
    """Path of the face space."""
    return f"{prefix}-space.params"


def refiner_model(prefix: str) -> str:
    """The refiner as PREFIX,EPOCH."""
    return f"{prefix},0"
