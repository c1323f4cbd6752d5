"""Converts an MXNet checkpoint to ONNX, and runs both to see that they agree; or an ONNX file to float16 or 8 bits."""

from __future__ import annotations

from ..exports.convert import convert, convert_to
from ..networks.engine import FP16, FP32, INT8
from ..networks.engine.onnx_graph import is_onnx
from ..networks.zoo.roles import DETECTOR, find_model
from .arguments import Parser, paths


def main() -> None:
    parser = Parser(__doc__, "python -m rcnn convert --model ./model/face-m,0 --output ./output/face-m.onnx")
    add = parser.add_argument
    add("--model", required=True, metavar="MODEL", help="PREFIX,EPOCH of a checkpoint, or X.onnx with --precision")
    add("--output", required=True, metavar="X.onnx", help="file to write")
    add("--outputs", type=paths, metavar="A[,B...]", help="outputs to keep; left out: what the stages read")
    add("--precision", default=FP32, choices=(FP32, FP16, INT8), help="of the file: exact, half the size, a quarter")
    add(
        "--calibration", metavar="DIR", help="pictures for --precision: faces for an embedding, anything for a detector"
    )
    add("--detector", metavar="MODEL", help="finds the faces of --calibration; left out: detect.py's")
    args = parser.parse_args()
    if args.precision != FP32:
        if not args.calibration:
            parser.error(f"--precision {args.precision} wants --calibration DIR with pictures")
        if args.outputs:
            parser.error("--outputs is for --precision fp32")
        convert_to(args.model, args.output, args.precision, args.calibration, find_model(args.detector, DETECTOR))
        return
    if is_onnx(args.model):
        parser.error(f"--model {args.model} is ONNX already; say --precision fp16 or int8")
    worst = convert(args.model, args.output, args.outputs)
    print(f"convert: largest difference to ONNX Runtime on random input {worst:.1e} of the largest value")
