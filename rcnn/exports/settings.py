"""Settings of model conversion, from which its command line is built; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..networks.precision import FP32, PRECISIONS
from ..networks.zoo.roles import DETECTOR, find_model
from ..settings import kinds
from ..settings.apart import check_apart
from ..settings.fields import FILES, METHOD, MODELS, REQUIRED, Settings, setting


@dataclass(frozen=True)
class ConvertSettings(Settings):
    """Options of `python -m rcnn convert`; see its help.

    `calibration` and `detector` are None if and only if the precision is fp32, which does not use them.
    """

    model: str = setting(
        REQUIRED,
        "PREFIX,EPOCH of a checkpoint, MTCNN's folder, or X.onnx with --precision",
        kinds.text,
        "MODEL",
        MODELS,
    )
    output: str = setting(REQUIRED, "file to write; for MTCNN a folder", kinds.text, "X.onnx|DIR", FILES)
    outputs: tuple[str, ...] | None = setting(
        None, "outputs to keep; default: the ones that the stages use", kinds.paths, "A[,B...]", METHOD
    )
    precision: str = setting(FP32, "precision of the file: exact, half the size, a quarter", kinds.choice(*PRECISIONS))
    calibration: str | None = setting(
        None, "pictures for --precision: faces for an embedding, anything for a detector", kinds.text, "DIR", FILES
    )
    detector: str | None = setting(
        None,
        "detector for the faces of --calibration; default: that of detect.py",
        kinds.text,
        "MODEL",
        MODELS,
    )

    def _complete(self) -> None:
        check_apart({"--output": self.output}, {"--model": self.model, "--calibration": self.calibration})
        if self.precision == FP32:
            if self.model.lower().endswith(".onnx"):
                raise InputError(f"--model {self.model} is ONNX already; give --precision fp16 or int8")
            self._put(calibration=None, detector=None)
            return
        if self.calibration is None:
            raise InputError(f"--precision {self.precision} needs --calibration DIR with pictures")
        if self.outputs is not None:
            raise InputError("--outputs is for --precision fp32")
        self._put(detector=find_model(self.detector, DETECTOR))
