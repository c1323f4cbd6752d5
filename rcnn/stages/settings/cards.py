"""Settings of `python -m rcnn card`, which writes the card of a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...networks.zoo.roles import DETECTOR, find_model
from ...networks.zoo.words import BGR, RGB
from ...settings import kinds, shared
from ...settings.fields import FILES, MODELS, REQUIRED, Settings, setting


def _three(value: Any) -> tuple[float, ...]:
    found = tuple(float(part) for part in value)
    if len(found) not in (1, 3):
        raise ValueError(value)
    return found


NUMBERS = kinds.Kind(
    "one number, or three separated by commas", lambda text: [float(x) for x in text.split(",")], _three
)


@dataclass(frozen=True)
class CardSettings(Settings):
    """Options of `python -m rcnn card`; see its help."""

    file: str = setting(REQUIRED, "an embedding", kinds.text, "X.onnx", MODELS, positional=True)
    faces: Path | None = setting(
        None, "folder with PERSON/*.jpg, on which colour order, mean and deviation are measured", kinds.folder,
        "DIR", FILES,
    )  # fmt: skip
    colour: str | None = setting(None, "order of the channels, if you know it", kinds.choice(RGB, BGR))
    mean: tuple[float, ...] | None = setting(None, "of the channels, 0 to 255", NUMBERS, "M[,M,M]")
    std: tuple[float, ...] | None = setting(None, "the network's input is (x - mean) / std", NUMBERS, "S[,S,S]")
    most: int = setting(1000, "photographs to use", kinds.positive, "N")
    detector: str | None = shared.model(DETECTOR, "face detector for --faces")
    overwrite: bool = shared.overwrite("an existing card")
    gpu: int | None = shared.gpu()

    def _complete(self) -> None:
        known = [self.colour, self.mean, self.std]
        if not self.file.lower().endswith(".onnx"):
            raise InputError(f"{self.file}: is not an X.onnx file; an MXNet checkpoint defines its input itself")
        if self.faces is None and None in known:
            raise InputError(
                f"{self.file}: give --faces DIR of PERSON/*.jpg, or all three of --colour, --mean and --std"
            )
        if self.faces is not None and known != [None, None, None]:
            raise InputError("--faces measures what --colour, --mean and --std say; give one or the other")
        if self.faces is not None:
            self._put(detector=find_model(self.detector, DETECTOR))
