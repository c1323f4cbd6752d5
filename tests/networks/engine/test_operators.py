"""Every operator on its own, on both engines, against what MXNet 1.9.1 computed (make_references.py)."""

from pathlib import Path

import numpy as np
import pytest
from make_references import CASES, OPERATORS_FILE, numbers, symbol

from rcnn.errors import InputError
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.checkpoint.arrays import write_arrays
from rcnn.networks.checkpoint.operators import NAMES_OF_OLD, OPERATORS, reshape_target
from rcnn.networks.engine import ENGINES, load_network, openvino, torch

TOLERANCE = 1e-5  # of the largest value
HALF_TOLERANCE = 2**-11  # half an ulp: MXNet rounds what it casts to float16, our engines compute in float32
LOWEST = np.finfo(np.float32).min  # MXNet's maximum of a pooling window without a pixel


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    with np.load(OPERATORS_FILE) as stored:
        return dict(stored)


def write(folder: Path, text: str, arrays: dict[str, np.ndarray]) -> str:
    """A checkpoint of this symbol and these arrays, as PREFIX,EPOCH."""
    (folder / "case-symbol.json").write_text(text, encoding="utf-8")
    write_arrays(str(folder / "case-0000.params"), arrays)
    return f"{folder / 'case'},0"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_layer_computes_what_mxnet_does(name, engine, expected, tmp_path):
    data, arrays = numbers(name, CASES[name])
    model = write(tmp_path, symbol(CASES[name]), arrays)
    (found,) = load_network(load_checkpoint(model), engine=engine)(data)
    assert found.dtype == np.float32
    assert found.shape == expected[name].shape
    largest = np.abs(expected[name], where=expected[name] != LOWEST, out=np.zeros_like(found)).max()
    tolerance = HALF_TOLERANCE if CASES[name].attributes.get("dtype") == "float16" else TOLERANCE
    np.testing.assert_allclose(found, expected[name], rtol=0, atol=tolerance * largest)


def test_the_same_operators_are_known_everywhere():
    assert set(OPERATORS) == set(openvino.LOWER) == set(torch.RUN)


def test_every_operator_and_every_old_name_stands_for_one_with_a_case(expected):
    assert {NAMES_OF_OLD.get(case.op, case.op) for case in CASES.values()} == set(OPERATORS)
    assert set(NAMES_OF_OLD.values()) <= set(OPERATORS)
    assert set(expected) == set(CASES)


@pytest.mark.parametrize("op", OPERATORS)
def test_every_attribute_has_a_case(op):
    cases = [case for case in CASES.values() if NAMES_OF_OLD.get(case.op, case.op) == op]
    given = {name for case in cases for name in case.attributes}
    assert set(OPERATORS[op].attributes) <= given


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("case", "shape"),
    [
        ("convolution", (2, 3)),
        ("convolution", (2, 4, 5, 7)),
        ("convolution", (2, 3, 1, 1)),
        ("deconvolution", (2, 3)),
        ("pool, max, full", (2, 3)),
        ("pool, avg, pad", (3,)),
        ("pool, avg", (2, 3, 1, 1)),
        ("pool, max", (2, 3, 5, 2)),
        ("pool, global avg", (2, 3)),
        ("crop, window", (2, 3)),
        ("crop, window", (2, 3, 2, 7)),
        ("crop, centre", (2, 3, 5, 3)),
        ("upsampling", (2, 3)),
        ("fully connected", (2, 7)),
        ("fully connected, last", (2, 5)),
        ("batch norm, defaults", (2, 4, 5, 7)),
        ("prelu", (2, 4, 5, 7)),
        ("concat", (2, 3)),
        ("concat", (3, 3, 5, 7)),
        ("softmax, channel", (2,)),
        ("softmax activation, channel", (2,)),
        ("max, two", (2,)),
        ("max, old", (2, 3)),
        ("slice", (2, 2, 5, 7)),
        ("slice, to the end", (2, 3)),
        ("slice, to the end", (2, 3, 2)),
        ("slice, from behind", (2, 3)),
        ("transpose", (2, 3)),
        ("l2, channel", (2,)),
        ("reshape, -3", (2, 3)),
        ("reshape, numbers", (2, 3, 5, 6)),
        ("broadcast add", (2, 4, 5, 7)),
        ("add", (2, 3, 5, 6)),
        ("add", (2, 3, 1, 1)),
        ("multiply", (1, 3, 5, 7)),
    ],
)
def test_an_input_that_does_not_fit_is_an_input_error_that_names_the_layer(case, shape, engine, tmp_path):
    _, arrays = numbers(case, CASES[case])
    network = load_network(load_checkpoint(write(tmp_path, symbol(CASES[case]), arrays)), engine=engine)
    with pytest.raises(InputError, match="layer layer") as caught:
        network(np.ones(shape, np.float32))
    assert NAMES_OF_OLD.get(CASES[case].op, CASES[case].op) in str(caught.value)
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "codes", "target"),
    [
        ((2, 3, 4), (0, -1), (2, 12)),
        ((2, 3, 4), (4, 0, 2), (4, 3, 2)),
        ((2, 3, 4), (-2,), (2, 3, 4)),
        ((2, 3, 4), (0, -3), (2, 12)),
        ((2, 6, 4), (0, -4, -1, 2, 0), (2, 3, 2, 4)),
        ((2, 6, 4), (0, -4, 2, -1, -2), (2, 2, 3, 4)),
        ((0, 3), (-2,), (0, 3)),
    ],
)
def test_reshape_codes(shape, codes, target):
    assert reshape_target(shape, codes) == target


@pytest.mark.parametrize(
    ("shape", "codes"),
    [
        ((2, 3), (0, 0, 0)),
        ((2, 3), (-1, -1)),
        ((2, 3), (4, -1)),
        ((2, 3), (-3, -3)),
        ((2, 3), (-5,)),
        ((2, 3), (7,)),
        ((2, 3), (-4, 3, 1, 0)),
        ((2, 3), (-4, 2)),
        ((2, 3), (-4, -1, -1, 0)),
        ((2, 3), (-4, -2, -1, 0)),
        ((2, 3), (-4,)),
    ],
)
def test_reshape_codes_that_do_not_fit(shape, codes):
    with pytest.raises(ValueError, match=r"can't|dimension|code"):
        reshape_target(shape, codes)
