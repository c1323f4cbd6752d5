"""The supported MXNet operators: typed attributes with defaults, and numbers of inputs.

The defaults are MXNet's (its operator reference, versions 0.8 to 1.9). An unlisted attribute or value is an error: a
network that is almost right gives wrong results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError

VARIABLE = "null"
NAMES_OF_OLD = {
    "_Plus": "elemwise_add",
    "_plus": "elemwise_add",
    "_add": "elemwise_add",
    "_Mul": "elemwise_mul",
    "_mul": "elemwise_mul",
    "_PlusScalar": "_plus_scalar",
    "_MinusScalar": "_minus_scalar",
    "_MulScalar": "_mul_scalar",
    "_DivScalar": "_div_scalar",
    "broadcast_plus": "broadcast_add",
    "Softmax": "SoftmaxOutput",
    "identity": "_copy",
    "flatten": "Flatten",
    "reshape": "Reshape",
    "concat": "Concat",
    "cast": "Cast",
    "max_axis": "max",
}
LONGEST_SIDE = 1 << 16  # pixels
LONGEST_WINDOW = 1024  # pixels of a kernel, stride, dilation or pad: anything larger exceeds every image
LARGEST_PLANE = 1 << 24  # windows of average pooling
LARGEST_SCALE = 32  # of UpSampling: the stride of the coarsest map
TOO_FEW_DIMENSIONS = "it has too few dimensions"
FLOAT_TYPES = ("float16", "float32", "float64")

Parser = Callable[[str], Any]
Values = dict[str, Any]  # typed attributes of a node
_REQUIRED = object()


class _BadValueError(ValueError):
    """A value that does not parse; the message is the allowed values."""


def _boolean(text: str) -> bool:
    if text in ("True", "true", "1"):
        return True
    if text in ("False", "false", "0"):
        return False
    raise _BadValueError("True or False")


def _integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?\d{1,18}L?", text):
        raise _BadValueError("a whole number")
    return int(text.rstrip("L"))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _BadValueError("a number") from None


def _integers(text: str) -> tuple[int, ...]:
    inner = re.fullmatch(r"[(\[]\s*(.*?)\s*,?\s*[)\]]", text)
    body = inner.group(1) if inner else text
    return tuple(_integer(part.strip()) for part in body.split(",")) if body else ()


def _pair(smallest: int, largest: int = LONGEST_WINDOW) -> Parser:
    def parse(text: str) -> tuple[int, ...] | None:
        values = _integers(text)
        if not values:
            return None  # MXNet writes () for the default
        if len(values) != 2 or min(values) < smallest or max(values) > largest:
            raise _BadValueError(f"two whole numbers from {smallest} to {largest}")
        return values

    return parse


def _positive(text: str) -> int:
    value = _integer(text)
    if not 1 <= value <= 1 << 24:
        raise _BadValueError("a whole number of 1 or more")
    return value


def _scale(text: str) -> int:
    value = _positive(text)
    if value > LARGEST_SCALE:
        raise _BadValueError(f"a whole number from 1 to {LARGEST_SCALE}")
    return value


def _optional(parse: Parser) -> Parser:
    return lambda text: None if text == "None" else parse(text)


def _one_of(*allowed: str) -> Parser:
    def parse(text: str) -> str:
        if text not in allowed:
            raise _BadValueError(" or ".join(allowed))
        return text

    return parse


def _only(parse: Parser, *allowed: Any) -> Parser:
    def parse_and_check(text: str) -> Any:
        value = parse(text)
        if value not in allowed:
            raise _BadValueError(" or ".join(str(item) for item in allowed))
        return value

    return parse_and_check


@dataclass(frozen=True)
class Operator:
    """attributes: name -> (parser, default); ignored: names without effect on inference; count: values ->
    (number of required inputs, number of inputs used in inference)."""

    attributes: Mapping[str, tuple[Parser, Any]]
    ignored: frozenset[str]
    count: Callable[[Mapping[str, Any]], tuple[int, int]]


def _operator(
    inputs: int | Callable[[Mapping[str, Any]], int] = 1,
    ignored: Sequence[str] = (),
    read: int | None = None,
    **attributes: tuple[Parser, Any],
) -> Operator:
    def count(values: Mapping[str, Any]) -> tuple[int, int]:
        needed = inputs(values) if callable(inputs) else inputs
        return needed, needed if read is None else read

    return Operator(attributes, frozenset(ignored), count)


def _with_bias(values: Mapping[str, Any]) -> int:
    return 2 if values["no_bias"] else 3


_TUNING = ("workspace", "cudnn_tune", "cudnn_off")
_LAYOUT = (_optional(_only(str, "NCHW")), None)
_SCALAR: dict[str, Any] = {"scalar": (_number, _REQUIRED)}
_KERNEL: dict[str, Any] = {
    "kernel": (_pair(1), _REQUIRED),
    "stride": (_pair(1), (1, 1)),
    "dilate": (_pair(1), (1, 1)),
    "pad": (_pair(0), (0, 0)),
    "num_filter": (_positive, _REQUIRED),
    "num_group": (_positive, 1),
    "layout": _LAYOUT,
}

OPERATORS: dict[str, Operator] = {
    "Activation": _operator(act_type=(_one_of("relu", "sigmoid", "tanh", "softrelu", "softsign"), _REQUIRED)),
    "BatchNorm": _operator(
        5,
        ("momentum", "use_global_stats", "cudnn_off", "min_calib_range", "max_calib_range"),
        eps=(_number, 1e-3),
        fix_gamma=(_boolean, True),
        axis=(_only(_integer, 1), 1),
        output_mean_var=(_only(_boolean, False), False),
    ),
    "Cast": _operator(dtype=(_one_of(*FLOAT_TYPES), _REQUIRED)),
    "Concat": _operator(lambda values: values["num_args"], dim=(_integer, 1), num_args=(_positive, _REQUIRED)),
    "Convolution": _operator(_with_bias, _TUNING, **_KERNEL, no_bias=(_boolean, False)),
    "Crop": _operator(
        lambda values: values["num_args"],
        num_args=(_only(_integer, 1, 2), _REQUIRED),
        offset=(_pair(0, LONGEST_SIDE), (0, 0)),
        h_w=(_pair(0, LONGEST_SIDE), (0, 0)),
        center_crop=(_boolean, False),
    ),
    "Deconvolution": _operator(
        _with_bias,
        _TUNING,
        **_KERNEL,
        no_bias=(_boolean, True),
        adj=(_pair(0), (0, 0)),
        target_shape=(_only(_integers, (), (0, 0)), ()),
    ),
    "Dropout": _operator(1, ("p", "mode", "axes", "cudnn_off")),
    "Flatten": _operator(),
    "FullyConnected": _operator(
        _with_bias, num_hidden=(_positive, _REQUIRED), no_bias=(_boolean, False), flatten=(_boolean, True)
    ),
    "L2Normalization": _operator(eps=(_number, 1e-10), mode=(_one_of("instance", "channel", "spatial"), "instance")),
    "LeakyReLU": _operator(
        lambda values: 2 if values["act_type"] == "prelu" else 1,
        ("lower_bound", "upper_bound"),
        act_type=(_one_of("leaky", "prelu"), "leaky"),
        slope=(_number, 0.25),
    ),
    "Pooling": _operator(
        1,
        ("cudnn_off", "p_value"),
        kernel=(_pair(1), None),
        stride=(_pair(1), (1, 1)),
        pad=(_pair(0), (0, 0)),
        pool_type=(_one_of("max", "avg", "sum"), "max"),
        global_pool=(_boolean, False),
        pooling_convention=(_one_of("valid", "full"), "valid"),
        count_include_pad=(_optional(_boolean), True),
        layout=_LAYOUT,
    ),
    "Reshape": _operator(
        1,
        ("keep_highest",),
        shape=(_integers, _REQUIRED),
        reverse=(_only(_boolean, False), False),
        target_shape=(_only(_integers, (), (0,)), ()),
    ),
    "SoftmaxActivation": _operator(mode=(_one_of("instance", "channel"), "instance")),
    "SoftmaxOutput": _operator(
        1,
        (
            "grad_scale",
            "ignore_label",
            "use_ignore",
            "normalization",
            "out_grad",
            "smooth_alpha",
        ),
        multi_output=(_boolean, False),
        preserve_shape=(_boolean, False),
    ),
    "UpSampling": _operator(
        1,
        ("workspace",),
        scale=(_scale, _REQUIRED),
        sample_type=(_only(str, "nearest"), _REQUIRED),
        num_args=(_only(_integer, 1), 1),
        num_filter=(_integer, 0),
        multi_input_mode=(_one_of("concat", "sum"), "concat"),
    ),
    "_copy": _operator(),
    "_div_scalar": _operator(1, ("is_int",), **_SCALAR),
    "_minus_scalar": _operator(1, ("is_int",), **_SCALAR),
    "_mul_scalar": _operator(1, ("is_int",), **_SCALAR),
    "_plus_scalar": _operator(1, ("is_int",), **_SCALAR),
    "broadcast_add": _operator(2),
    "broadcast_mul": _operator(2),
    "clip": _operator(a_min=(_number, _REQUIRED), a_max=(_number, _REQUIRED)),
    "elemwise_add": _operator(2),
    "elemwise_mul": _operator(2),
    "max": _operator(
        axis=(_optional(_integers), ()), keepdims=(_boolean, False), exclude=(_only(_boolean, False), False)
    ),
    "slice_axis": _operator(axis=(_integer, _REQUIRED), begin=(_integer, _REQUIRED), end=(_optional(_integer), None)),
    "softmax": _operator(
        1,
        ("dtype",),
        axis=(_integer, -1),
        temperature=(_optional(_number), None),
        use_length=(_only(_boolean, False), False),
    ),
    "transpose": _operator(axes=(_integers, ())),
}


def parse_attributes(op: str, layer: str, attributes: Mapping[str, str]) -> dict[str, Any]:
    """Typed attributes of one layer, with MXNet's defaults.

    Raises
    ------
    InputError
        If one is unknown, missing or unsupported; the message names the layer and the attribute.
    """
    known = OPERATORS[op]
    values: dict[str, Any] = {}
    for name, text in attributes.items():
        if name in known.ignored or (name.startswith("__") and name.endswith("__")):
            continue
        if name not in known.attributes:
            raise InputError(f"layer {layer}: attribute {name} of {op} is not supported")
        parse, default = known.attributes[name]
        try:
            value = parse(text.strip())
        except _BadValueError as error:
            raise InputError(
                f"layer {layer}: attribute {name} of {op} is {text[:80]!r}, supported is {error}"
            ) from None
        if value is None and default is not _REQUIRED:
            value = default
        values[name] = value
    for name, (_, default) in known.attributes.items():
        if values.get(name) is None and default is _REQUIRED:
            raise InputError(f"layer {layer}: {op} lacks the attribute {name}")
        values.setdefault(name, default)
    if op == "Pooling" and not values["global_pool"] and values["kernel"] is None:
        raise InputError(f"layer {layer}: Pooling lacks the attribute kernel")
    return values


def reshape_target(shape: Sequence[int], codes: Sequence[int]) -> tuple[int, ...]:
    """The result of MXNet's Reshape codes for an array of a given shape.

    0 keeps a dimension, -1 is inferred, -2 keeps all remaining, -3 joins two, -4 splits one into the two numbers after
    it.

    Raises
    ------
    ValueError
        If the codes do not fit the shape.
    """
    result: list[int] = []
    source = list(shape)
    at = 0
    steps = iter(codes)
    for code in steps:
        if code > 0:
            result.append(code)
            at += 1
        elif code == 0:
            result.append(_dimension(source, at))
            at += 1
        elif code == -1:
            result.append(-1)
            at += 1
        elif code == -2:
            result.extend(source[at:])
            at = len(source)
        elif code == -3:
            result.append(_dimension(source, at) * _dimension(source, at + 1))
            at += 2
        elif code == -4:
            whole, left, right = _dimension(source, at), next(steps, 0), next(steps, 0)
            left = whole // right if left == -1 and right > 0 else left
            right = whole // left if right == -1 and left > 0 else right
            if left < 1 or right < 1 or left * right != whole:
                raise ValueError(f"{whole} can't be split into {left} and {right}")
            result.extend((left, right))
            at += 1
        else:
            raise ValueError(f"{code} is not a code of Reshape")
    size = 1
    for length in source:
        size *= length
    rest = 1
    for length in result:
        rest *= length if length != -1 else 1
    if result.count(-1) > 1 or (result.count(-1) == 1 and (rest == 0 or size % rest)):
        raise ValueError(f"{tuple(shape)} can't become {tuple(result)}")
    result = [size // rest if length == -1 else length for length in result]
    total = 1
    for length in result:
        total *= length
    if total != size:
        raise ValueError(f"{tuple(shape)} can't become {tuple(result)}")
    return tuple(result)


def _dimension(shape: Sequence[int], at: int) -> int:
    if at >= len(shape):
        raise ValueError(f"{tuple(shape)} has no dimension {at}")
    return shape[at]


def crop_window(shape: Sequence[int], like: Sequence[int] | None, values: Mapping[str, Any]) -> tuple[int, ...]:
    """Top, left, height and width (pixels) of Crop for an array of shape (N, C, H, W).

    Raises
    ------
    ValueError
        If the window exceeds the array.
    """
    height, width = (like[2], like[3]) if like is not None else values["h_w"]
    top, left = values["offset"]
    if values["center_crop"]:
        top, left = (shape[2] - height) // 2, (shape[3] - width) // 2
    if top < 0 or left < 0 or top + height > shape[2] or left + width > shape[3]:
        raise ValueError(f"a window of {height} x {width} at {top}, {left} exceeds {shape[2]} x {shape[3]}")
    return top, left, height, width


def slice_window(length: int, values: Mapping[str, Any]) -> tuple[int, int]:
    """First and one past the last index of slice_axis for an axis of this length.

    Raises
    ------
    ValueError
        If the slice is empty or exceeds the axis.
    """
    end = length if values["end"] is None else values["end"]
    begin, end = (index + length if index < 0 else index for index in (values["begin"], end))
    if not 0 <= begin < end <= length:
        raise ValueError(f"a slice from {begin} to {end} exceeds the axis of length {length}")
    return begin, end


def pool_overhang(size: int, kernel: int, stride: int, pad: int, convention: str) -> int:
    """Pixels past the padded end covered by the last window of `full` (ceil) pooling; 0 for `valid`."""
    span = size + 2 * pad - kernel
    if convention != "full" or span < 0:
        return 0
    return -(-span // stride) * stride - span


def pool_area(size: Sequence[int], values: Mapping[str, Any]) -> np.ndarray:
    """Divisor of each window of average pooling: (out H, out W) float64.

    MXNet counts the padding (unless `count_include_pad` is off) but not what `full` adds after it. An empty window has
    the mean 0: it is divided by infinity.

    Raises
    ------
    ValueError
        If there are more than `LARGEST_PLANE` windows.
    """
    sides = []
    for length, kernel, stride, pad in zip(size, values["kernel"], values["stride"], values["pad"], strict=True):
        over = pool_overhang(length, kernel, stride, pad, values["pooling_convention"])
        starts = np.arange((length + 2 * pad + over - kernel) // stride + 1) * stride - pad
        low, high = (-pad, length + pad) if values["count_include_pad"] else (0, length)
        sides.append(np.maximum(np.minimum(starts + kernel, high) - np.maximum(starts, low), 0))
    if sides[0].size * sides[1].size > LARGEST_PLANE:
        raise ValueError(
            f"{sides[0].size} x {sides[1].size} windows are too many, at most {LARGEST_PLANE} are supported"
        )
    area = np.outer(*sides).astype(np.float64)
    return np.where(area > 0, area, np.inf)
