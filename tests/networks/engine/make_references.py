"""What MXNet 1.9.1 computes, for the tests of this folder: data/operators.npz and data/networks.npz.

Usage, after `make parity` has set up MXNet's environment:

    .venv-mxnet/bin/python tests/networks/engine/make_references.py

The tests import the tables of this module, so that both sides run the same layers on the same numbers; the
generators of numpy's RandomState give the same in every version.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
OPERATORS_FILE = HERE / "data" / "operators.npz"
NETWORKS_FILE = HERE / "data" / "networks.npz"

DETECTORS = ("retinaface", "essh-vgg16", "essh-resnet50")  # names in tests/reference_models.py
DETECTOR_SIZES = ((96, 160), (123, 211))  # height, width
OWN_SIZES = {"essh-m25": DETECTOR_SIZES, "face-m": ((112, 112),)}  # of the models that ship
SAMPLE_STEP = 3  # every third value of an output is kept: the file stays small

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A layer on its own.

    op : operator, by any of its names
    data : shape of the input
    arrays : shapes of the inputs after it, which come from the .params file
    attributes : as a symbol file has them
    age : where the file has them: `attrs`, `attr` or `param`
    label : whether a variable without an array follows, which only training reads
    scale : the input lies between -scale and scale
    kept : arrays that are inputs in the file; less than all of them in old files with BatchNorm
    """

    op: str
    data: Shape
    attributes: Mapping[str, str] = field(default_factory=dict)
    arrays: tuple[Shape, ...] = ()
    age: str = "attrs"
    label: bool = False
    scale: float = 2.0
    kept: int | None = None


MAP = (2, 3, 5, 7)  # N, C, H, W
STATISTICS = ((3,),) * 4  # gamma, beta, mean, variance of MAP's channels


def _pool(kind: str, data: Shape = (2, 3, 8, 11), **attributes: str) -> Case:
    return Case("Pooling", data, {"pool_type": kind, "kernel": "(3, 3)", **attributes})


def _convolution(arrays: tuple[Shape, ...], data: Shape = MAP, op: str = "Convolution", **attributes: str) -> Case:
    return Case(op, data, attributes, arrays)


CASES: dict[str, Case] = {
    "relu": Case("Activation", MAP, {"act_type": "relu"}),
    "sigmoid": Case("Activation", MAP, {"act_type": "sigmoid"}),
    "tanh": Case("Activation", MAP, {"act_type": "tanh"}),
    "softrelu": Case("Activation", MAP, {"act_type": "softrelu"}, scale=30.0),
    "softsign": Case("Activation", MAP, {"act_type": "softsign"}),
    "batch norm, defaults": Case("BatchNorm", MAP, {}, STATISTICS),
    "batch norm, eps": Case("BatchNorm", MAP, {"eps": "0.5", "fix_gamma": "False"}, STATISTICS),
    "batch norm, small eps": Case("BatchNorm", MAP, {"eps": "2e-05", "fix_gamma": "False"}, STATISTICS),
    "batch norm, gamma fixed": Case("BatchNorm", MAP, {"fix_gamma": "True", "eps": "2e-05"}, STATISTICS),
    "batch norm, rows": Case(
        "BatchNorm",
        (4, 3),
        {"fix_gamma": "0", "momentum": "0.9", "use_global_stats": "True", "axis": "1", "output_mean_var": "False"},
        STATISTICS,
    ),
    "batch norm, oldest": Case("BatchNorm", MAP, {"fix_gamma": "False"}, STATISTICS, age="param", kept=2),
    "cast, half": Case("Cast", MAP, {"dtype": "float16"}),
    "cast, single": Case("Cast", MAP, {"dtype": "float32"}),
    "cast, double": Case("Cast", MAP, {"dtype": "float64"}),
    "concat": Case("Concat", MAP, {"num_args": "2"}, ((2, 1, 5, 7),)),
    "concat, three": Case("Concat", MAP, {"num_args": "3", "dim": "2"}, ((2, 3, 1, 7), (2, 3, 2, 7))),
    "concat, last": Case("Concat", (2, 3, 4), {"num_args": "2", "dim": "-1"}, ((2, 3, 1),)),
    "concat, one": Case("Concat", MAP, {"num_args": "1"}),
    "convolution": _convolution(((4, 3, 3, 3), (4,)), kernel="(3, 3)", num_filter="4"),
    "convolution, no bias": _convolution(
        ((4, 3, 1, 1),), kernel="(1, 1)", num_filter="4", no_bias="True", layout="None", stride="()", dilate="()"
    ),
    "convolution, uneven": _convolution(
        ((2, 3, 3, 2), (2,)),
        (2, 3, 8, 11),
        kernel="(3, 2)",
        stride="(1, 2)",
        pad="(0, 1)",
        dilate="(2, 3)",
        num_filter="2",
        layout="NCHW",
        workspace="256",
    ),
    "convolution, groups": _convolution(
        ((4, 3, 3, 3), (4,)), (2, 6, 5, 7), kernel="(3,3)", pad="(1,1)", num_filter="4", num_group="2"
    ),
    "convolution, depthwise": _convolution(
        ((6, 1, 3, 3),),
        (2, 6, 5, 7),
        kernel="(3L, 3L)",
        stride="(2L, 2L)",
        pad="(1L, 1L)",
        num_filter="6",
        num_group="6",
        no_bias="True",
    ),
    "crop, window": Case("Crop", MAP, {"num_args": "1", "h_w": "(2, 3)", "offset": "(1, 4)"}),
    "crop, like": Case("Crop", MAP, {"num_args": "2"}, ((2, 1, 3, 6),)),
    "crop, like, offset": Case("Crop", MAP, {"num_args": "2", "offset": "(2, 1)"}, ((2, 5, 3, 6),)),
    "crop, centre": Case("Crop", MAP, {"num_args": "1", "h_w": "(2, 4)", "center_crop": "True"}),
    "crop, like, centre": Case("Crop", MAP, {"num_args": "2", "center_crop": "1"}, ((2, 3, 2, 2),)),
    "deconvolution": _convolution(
        ((3, 2, 4, 4),), op="Deconvolution", kernel="(4, 4)", stride="(2, 2)", pad="(1, 1)", num_filter="2"
    ),
    "deconvolution, adj": _convolution(
        ((3, 2, 3, 2), (2,)),
        op="Deconvolution",
        kernel="(3, 2)",
        stride="(2, 3)",
        pad="(1, 0)",
        adj="(1, 2)",
        num_filter="2",
        no_bias="False",
        target_shape="()",
    ),
    "deconvolution, groups": _convolution(
        ((6, 2, 3, 3),),
        (2, 6, 4, 3),
        op="Deconvolution",
        kernel="(3, 3)",
        stride="(2, 2)",
        num_filter="4",
        num_group="2",
    ),
    "deconvolution, depthwise": _convolution(
        ((3, 1, 4, 4),),
        op="Deconvolution",
        kernel="(4, 4)",
        stride="(2, 2)",
        pad="(1, 1)",
        num_filter="3",
        num_group="3",
        no_bias="True",
        layout="None",
    ),
    "deconvolution, dilated": _convolution(
        ((3, 2, 3, 3), (2,)),
        op="Deconvolution",
        kernel="(3, 3)",
        dilate="(2, 1)",
        pad="(1, 1)",
        num_filter="2",
        no_bias="False",
    ),
    "dropout": Case("Dropout", MAP, {"p": "0.4"}),
    "flatten": Case("Flatten", MAP),
    "flatten, small letters": Case("flatten", (2, 3, 4)),
    "fully connected": Case("FullyConnected", MAP, {"num_hidden": "4"}, ((4, 105), (4,))),
    "fully connected, no bias": Case("FullyConnected", (2, 6), {"num_hidden": "4", "no_bias": "True"}, ((4, 6),)),
    "fully connected, last": Case("FullyConnected", (2, 3, 6), {"num_hidden": "4", "flatten": "False"}, ((4, 6), (4,))),
    "l2, defaults": Case("L2Normalization", MAP),
    "l2, instance": Case("L2Normalization", (3, 5), {"mode": "instance", "eps": "0.25"}),
    "l2, channel": Case("L2Normalization", MAP, {"mode": "channel"}),
    "l2, spatial": Case("L2Normalization", MAP, {"mode": "spatial", "eps": "1e-05"}),
    "leaky, defaults": Case("LeakyReLU", MAP),
    "leaky, slope": Case("LeakyReLU", MAP, {"act_type": "leaky", "slope": "0.1"}),
    "prelu": Case("LeakyReLU", MAP, {"act_type": "prelu"}, ((3,),)),
    "prelu, one slope": Case("LeakyReLU", MAP, {"act_type": "prelu"}, ((1,),)),
    "prelu, rows": Case("LeakyReLU", (4, 3), {"act_type": "prelu", "slope": "0.25"}, ((3,),)),
    "prelu, square": Case("LeakyReLU", (2, 3, 3, 3), {"act_type": "prelu"}, ((3,),)),
    "pool, defaults": Case("Pooling", MAP, {"kernel": "(2, 3)"}),
    "pool, max": _pool("max", stride="(2, 2)"),
    "pool, max, pad": _pool("max", stride="(2, 2)", pad="(1, 1)", pooling_convention="valid"),
    "pool, max, full": _pool("max", stride="(2, 2)", pooling_convention="full"),
    "pool, max, full, pad": _pool("max", stride="(3, 2)", pad="(1, 0)", pooling_convention="full", layout="None"),
    "pool, max, full, even": _pool("max", (1, 1, 7, 6), kernel="(2, 2)", stride="(2, 2)", pooling_convention="full"),
    "pool, avg": _pool("avg", stride="(2, 2)"),
    "pool, avg, pad": _pool("avg", stride="(2, 2)", pad="(1, 1)"),
    "pool, avg, pad not counted": _pool("avg", stride="(2, 2)", pad="(1, 1)", count_include_pad="False"),
    "pool, avg, full": _pool("avg", stride="(2, 3)", pooling_convention="full"),
    "pool, avg, full, pad": _pool("avg", stride="(3, 2)", pad="(1, 1)", pooling_convention="full"),
    "pool, avg, full, pad not counted": _pool(
        "avg", stride="(3, 3)", pad="(1, 1)", pooling_convention="full", count_include_pad="False"
    ),
    "pool, avg, count unset": _pool("avg", pad="(1, 1)", count_include_pad="None"),
    "pool, sum": _pool("sum", stride="(2, 1)"),
    "pool, sum, full, pad": _pool("sum", stride="(2, 2)", pad="(1, 1)", pooling_convention="full"),
    "pool, global max": _pool("max", global_pool="True"),
    "pool, global avg": _pool("avg", global_pool="True", pad="(1, 1)", stride="(2, 2)"),
    "pool, global sum": Case("Pooling", MAP, {"pool_type": "sum", "global_pool": "1"}),
    "reshape, rest": Case("Reshape", MAP, {"shape": "(0, -1)"}),
    "reshape, all": Case("Reshape", MAP, {"shape": "(-1,)"}),
    "reshape, anchors": Case("Reshape", (2, 4, 3, 5), {"shape": "(0, 2, -1, 0)"}),
    "reshape, numbers": Case("Reshape", MAP, {"shape": "(5, 42)", "reverse": "False", "target_shape": "()"}),
    "reshape, -2": Case("Reshape", MAP, {"shape": "(0, -2)"}),
    "reshape, -2, numbers": Case("Reshape", (2, 3, 4), {"shape": "(3, 2, -2)"}),
    "reshape, -2, all": Case("Reshape", MAP, {"shape": "(-2, 1, 1)"}),
    "reshape, -3": Case("Reshape", MAP, {"shape": "(0, -3, -2)"}),
    "reshape, -3 twice": Case("Reshape", MAP, {"shape": "(-3, -3)"}),
    "reshape, -3 and rest": Case("Reshape", MAP, {"shape": "(-3, -1)"}),
    "reshape, -4": Case("Reshape", (2, 6, 4, 5), {"shape": "(0, -4, 2, 3, -2)"}),
    "reshape, -4, left open": Case("Reshape", (2, 6, 4, 5), {"shape": "(0, -4, -1, 3, 0, 0)"}),
    "reshape, -4, right open": Case("Reshape", (2, 6, 4, 5), {"shape": "(-4, 1, -1, 0, -3)"}),
    "reshape, -4, all that follow": Case("reshape", (2, 6, 4, 5), {"shape": "(0, -4, 2, -1, -2)"}),
    "softmax activation, defaults": Case("SoftmaxActivation", MAP),
    "softmax activation, instance": Case("SoftmaxActivation", (3, 5), {"mode": "instance"}),
    "softmax activation, channel": Case("SoftmaxActivation", MAP, {"mode": "channel"}),
    "softmax output, rows": Case("SoftmaxOutput", (3, 5), {"normalization": "valid"}, label=True),
    "softmax output, old": Case("Softmax", (3, 5), age="param", label=True),
    "softmax output, all": Case("SoftmaxOutput", MAP, label=True),
    "softmax output, multi": Case("SoftmaxOutput", MAP, {"multi_output": "True", "use_ignore": "True"}, label=True),
    "softmax output, multi, three": Case("SoftmaxOutput", (2, 3, 4), {"multi_output": "1"}, label=True),
    "softmax output, last": Case("SoftmaxOutput", (2, 3, 4), {"preserve_shape": "True"}, label=True),
    "upsampling": Case("UpSampling", MAP, {"scale": "2", "sample_type": "nearest", "num_args": "1"}),
    "upsampling, three": Case(
        "UpSampling",
        (1, 2, 3, 2),
        {"scale": "3", "sample_type": "nearest", "num_args": "1", "num_filter": "0", "multi_input_mode": "concat"},
    ),
    "copy": Case("_copy", MAP),
    "identity": Case("identity", MAP),
    "div": Case("_div_scalar", MAP, {"scalar": "3.5"}),
    "div, old": Case("_DivScalar", MAP, {"scalar": "3"}, age="param"),
    "minus": Case("_minus_scalar", MAP, {"scalar": "127.5"}, scale=255.0),
    "minus, old": Case("_MinusScalar", MAP, {"scalar": "0.5"}, age="attr"),
    "mul": Case("_mul_scalar", MAP, {"scalar": "0.0078125"}),
    "mul, old": Case("_MulScalar", MAP, {"scalar": "1e-05"}, age="param"),
    "plus": Case("_plus_scalar", MAP, {"scalar": "-2"}),
    "plus, old": Case("_PlusScalar", MAP, {"scalar": "0.25"}, age="param"),
    "broadcast add": Case("broadcast_add", MAP, {}, ((1, 3, 1, 1),)),
    "broadcast add, both": Case("broadcast_plus", (2, 1, 5, 1), {}, ((1, 3, 1, 7),)),
    "broadcast mul": Case("broadcast_mul", MAP, {}, ((2, 3, 1, 1),)),
    "clip": Case("clip", MAP, {"a_min": "-0.5", "a_max": "1"}),
    "add": Case("elemwise_add", MAP, {}, (MAP,)),
    "add, old": Case("_Plus", MAP, {}, (MAP,), age="param"),
    "add, older": Case("_plus", MAP, {}, (MAP,), age="attr"),
    "multiply": Case("elemwise_mul", MAP, {}, (MAP,)),
    "multiply, old": Case("_Mul", MAP, {}, (MAP,), age="param"),
    "max": Case("max", MAP, {"axis": "1"}),
    "max, kept": Case("max", MAP, {"axis": "(1,)", "keepdims": "True"}),
    "max, two": Case("max", MAP, {"axis": "(1, -1)", "exclude": "False"}),
    "max, all": Case("max", MAP),
    "max, all, kept": Case("max", MAP, {"axis": "()", "keepdims": "1"}),
    "max, old": Case("max_axis", MAP, {"axis": "2", "keepdims": "True"}, age="attr"),
    "slice": Case("slice_axis", MAP, {"axis": "1", "begin": "1", "end": "3"}),
    "slice, to the end": Case("slice_axis", MAP, {"axis": "2", "begin": "2", "end": "None"}),
    "slice, from behind": Case("slice_axis", MAP, {"axis": "-1", "begin": "-4", "end": "-1"}),
    "softmax": Case("softmax", MAP),
    "softmax, channel": Case("softmax", MAP, {"axis": "1"}),
    "softmax, from behind": Case("softmax", MAP, {"axis": "-2", "temperature": "None", "use_length": "False"}),
    "softmax, temperature": Case("softmax", (3, 5), {"temperature": "2.5", "dtype": "None"}),
    "transpose": Case("transpose", MAP, {"axes": "(0, 2, 3, 1)"}),
    "transpose, all": Case("transpose", (2, 3, 4)),
}


def symbol(case: Case) -> str:
    """The text of a symbol file with the one layer `layer`, its input `data` and what else it reads."""
    kept = len(case.arrays) if case.kept is None else case.kept
    names = ["data", *array_names(case)[:kept], *(["layer_label"] if case.label else [])]
    nodes = [{"op": "null", "name": name, "inputs": []} for name in names]
    layer: dict[str, object] = {"op": case.op, "name": "layer", "inputs": [[i, 0] for i in range(len(names))]}
    if case.attributes or case.age == "param":
        layer[case.age] = dict(case.attributes)
    document: dict[str, object] = {
        "nodes": [*nodes, layer],
        "arg_nodes": list(range(len(names))),
        "heads": [[len(names), 0]],
    }
    if case.age == "attrs":
        document["attrs"] = {"mxnet_version": ["int", 10901]}
    return json.dumps(document)


def array_names(case: Case) -> list[str]:
    """Names of the layer's arrays, in the order of its inputs."""
    if case.op == "BatchNorm":
        return [f"layer_{name}" for name in ("gamma", "beta", "moving_mean", "moving_var")]
    return [f"layer_array{i}" for i in range(len(case.arrays))]


def numbers(name: str, case: Case) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The input (float32) and the arrays by their names in the .params file, of one seed a case."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    data = random.uniform(-case.scale, case.scale, case.data).astype(np.float32)
    arrays = {}
    for array, shape in zip(array_names(case), case.arrays, strict=True):
        kind = "aux" if "moving" in array else "arg"
        low = 0.1 if array.endswith("var") else -1.0
        arrays[f"{kind}:{array}"] = random.uniform(low, 1.0, shape).astype(np.float32)
    return data, arrays


def image(size: Sequence[int]) -> np.ndarray:
    """(1, 3, H, W) uint8, noise with a coarse pattern in it."""
    height, width = size
    noise = np.random.RandomState(height * width).randint(0, 64, (1, 3, height, width))
    y, x = np.arange(height)[:, None] // 16, np.arange(width)[None] // 16
    channels = np.arange(3)[:, None, None]
    return (noise + (y * 37 + x * 59 + channels * 83) % 192).astype(np.uint8)


def sample(outputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Every third value and the shape of each output: `value0`, `shape0`, ..."""
    values = {f"value{i}": array.reshape(-1)[::SAMPLE_STEP] for i, array in enumerate(outputs)}
    return {**values, **{f"shape{i}": np.array(array.shape) for i, array in enumerate(outputs)}}


def reference(name: str, size: Sequence[int]) -> dict[str, np.ndarray]:
    """What MXNet computes for `image(size)`, as `sample` has it."""
    with np.load(NETWORKS_FILE) as stored:
        key = f"{name} {size[0]}x{size[1]} "
        return {k.removeprefix(key): stored[k] for k in stored if k.startswith(key)}


def main() -> None:
    root = HERE.parents[2]
    sys.path[:0] = [str(root / "benchmarks"), str(root / "tests")]
    from mxnet_forward import forward  # isort: skip  # settles how mxnet runs, before it is imported
    import mxnet as mx
    from reference_models import CHECKPOINTS, OWN, SHARED

    if SHARED is None:
        raise SystemExit("make_references.py: error: ../shared, the reference data, is not here")
    models = {**OWN, **{name: f"{SHARED / 'checkpoints' / path},0" for name, path in CHECKPOINTS.items()}}
    OPERATORS_FILE.parent.mkdir(exist_ok=True)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder) / "case")
        for name, case in CASES.items():
            data, arrays = numbers(name, case)
            Path(f"{prefix}-symbol.json").write_text(symbol(case), encoding="utf-8")
            mx.nd.save(f"{prefix}-0000.params", {key: mx.nd.array(array) for key, array in arrays.items()})
            print(name, file=sys.stderr)
            (results[name],) = forward(prefix, 0, data)
    np.savez_compressed(OPERATORS_FILE, **results)
    found = {}
    for name, sizes in {**OWN_SIZES, **dict.fromkeys(DETECTORS, DETECTOR_SIZES)}.items():
        for size in sizes:
            outputs = sample(forward(models[name].removesuffix(",0"), 0, image(size)))
            found.update({f"{name} {size[0]}x{size[1]} {key}": array for key, array in outputs.items()})
    np.savez_compressed(NETWORKS_FILE, **found)
    for file in (OPERATORS_FILE, NETWORKS_FILE):
        print(f"{file.relative_to(root)}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
