"""Converts an MXNet checkpoint to ONNX, and runs both to see that they agree; or an ONNX file to float16 or 8 bits."""

from ..exports.settings import ConvertSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn convert --model ./model/face-m,0 --output ./output/face-m.onnx"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, ConvertSettings)

    from ..exports.convert import convert, convert_cascade, convert_to
    from ..networks.checkpoint.cascade import is_cascade

    if settings.calibration is None or settings.detector is None:
        if is_cascade(settings.model):
            worst = convert_cascade(settings.model, settings.output)
        else:
            worst = convert(settings.model, settings.output, settings.outputs)
        print(f"convert: largest difference to ONNX Runtime on random input {worst:.1e} of the largest value")
        return
    convert_to(settings.model, settings.output, settings.precision, settings.calibration, settings.detector)
