"""The part of a network that an output needs, and what is said about what is not supported."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.errors import InputError
from rcnn.networks.checkpoint import Graph, Node, load_checkpoint
from rcnn.networks.checkpoint.operators import OPERATORS, parse_attributes
from rcnn.networks.engine import ENGINES, load_network

CONVOLUTION = {"kernel": "(1, 1)", "num_filter": "2", "no_bias": "True"}


def one_layer(op: str, attributes: dict[str, str], inputs: int = 1) -> Graph:
    """data and, for more inputs, arrays a1, a2, ... -> layer."""
    names = ["data", *(f"a{i}" for i in range(1, inputs))]
    nodes = (*(Node(name, "null") for name in names), Node("layer", op, tuple(range(inputs)), attributes))
    return Graph(nodes, (inputs,), {name: np.ones((2, 3, 1, 1), np.float32) for name in names[1:]}, "mine,0")


def two_heads() -> Graph:
    """data -> conv -> relu (an output), conv -> an unknown training head with a label (an output)."""
    nodes = (
        Node("data", "null"),
        Node("weight", "null"),
        Node("conv", "Convolution", (0, 1), CONVOLUTION),
        Node("relu", "Activation", (2,), {"act_type": "relu"}),
        Node("label", "null"),
        Node("margin", "null"),
        Node("loss", "ArcFaceLoss", (2, 4, 5), {"s": "64"}),
    )
    params = {"weight": np.ones((2, 3, 1, 1), np.float32), "margin": np.ones(1, np.float32)}
    return Graph(nodes, (3, 6), params, "mine,0")


def test_only_what_the_output_needs_is_read():
    graph = two_heads()
    assert graph.output_names == ("relu_output", "loss_output")
    assert graph.internal_names == ("conv_output", "relu_output", "loss_output")
    assert graph.input_names == ("data", "label")
    part = graph.select(["relu_output"])
    assert [node.name for node in part.nodes] == ["data", "weight", "conv", "relu"]
    assert part.outputs == (3,)
    assert part.output_names == ("relu_output",)
    assert list(part.params) == ["weight"]
    assert part.input_names == ("data",)
    assert part.select().nodes == part.nodes
    with pytest.raises(InputError, match="mine,0: layer loss: operator ArcFaceLoss is not supported"):
        graph.select()


def test_inner_outputs_in_any_order_and_twice():
    graph = two_heads()
    part = graph.select(["relu_output", "conv_output", "relu_output"])
    assert part.output_names == ("relu_output", "conv_output", "relu_output")
    for engine in ENGINES:
        first, second, third = load_network(graph, part.output_names, engine=engine)(
            np.full((1, 3, 1, 1), -1, np.float32)
        )
        np.testing.assert_array_equal(second.ravel(), [-3, -3])
        np.testing.assert_array_equal(first, third)
        np.testing.assert_array_equal(first.ravel(), [0, 0])


def test_indices_are_those_of_the_part():
    nodes = (
        Node("unused", "null"),
        Node("data", "null"),
        Node("other", "NoSuchOperator", (0,)),
        Node("a", "_plus_scalar", (1,), {"scalar": "1"}),
        Node("b", "elemwise_add", (3, 1)),
    )
    part = Graph(nodes, (4,), {}).select()
    assert [(node.name, node.inputs) for node in part.nodes] == [("data", ()), ("a", (0,)), ("b", (1, 0))]


@pytest.mark.parametrize("name", ["softmax_output", "relu", "data_output", ""])
def test_an_output_that_is_not_there_is_named_and_so_are_some_that_are(name):
    with pytest.raises(InputError, match=f"mine,0: has no output {name}; its last ones are conv_output, relu_output"):
        two_heads().select([name])


def test_a_label_is_not_read():
    nodes = (Node("data", "null"), Node("label", "null"), Node("softmax", "SoftmaxOutput", (0, 1)))
    assert Graph(nodes, (2,), {}).select().input_names == ("data",)


@pytest.mark.parametrize(
    ("params", "inputs"), [({}, "data, weight"), ({"weight": 1, "data": 1}, "none"), ({"w": 1}, "data, weight")]
)
def test_missing_parameters_are_named(params, inputs):
    nodes = (Node("data", "null"), Node("weight", "null"), Node("conv", "Convolution", (0, 1), CONVOLUTION))
    with pytest.raises(InputError, match=f"mine,0: needs one input and has {inputs};"):
        Graph(nodes, (2,), params, "mine,0").select()


@pytest.mark.parametrize(
    ("op", "inputs", "wanted"),
    [
        ("Convolution", 1, 2),
        ("BatchNorm", 4, 5),
        ("elemwise_add", 1, 2),
        ("LeakyReLU", 1, 2),
        ("Concat", 2, 3),
        ("Crop", 1, 2),
        ("FullyConnected", 2, 3),
    ],
)
def test_too_few_inputs_are_counted(op, inputs, wanted):
    attributes = {
        "Convolution": CONVOLUTION,
        "LeakyReLU": {"act_type": "prelu"},
        "Concat": {"num_args": "3"},
        "Crop": {"num_args": "2"},
        "FullyConnected": {"num_hidden": "2"},
    }
    with pytest.raises(InputError, match=f"layer layer: {op} takes {wanted} inputs and has {inputs}"):
        one_layer(op, attributes.get(op, {}), inputs).select()


@pytest.mark.parametrize(
    ("op", "attributes", "what"),
    [
        ("Activation", {"act_type": "gelu"}, "attribute act_type of Activation is 'gelu', supported is relu or"),
        ("Activation", {}, "Activation lacks the attribute act_type"),
        ("BatchNorm", {"axis": "3"}, "attribute axis of BatchNorm is '3', supported is 1"),
        ("BatchNorm", {"eps": "small"}, "attribute eps of BatchNorm is 'small', supported is a number"),
        ("BatchNorm", {"fix_gamma": "no"}, "attribute fix_gamma of BatchNorm is 'no', supported is True or False"),
        ("Cast", {"dtype": "int32"}, "attribute dtype of Cast is 'int32'"),
        ("Convolution", {"kernel": "(3,)"}, r"attribute kernel of Convolution is '\(3,\)', supported is two"),
        ("Convolution", {"kernel": "(3, 3, 3)"}, "attribute kernel of Convolution"),
        ("Convolution", {"kernel": "(0, 3)"}, "attribute kernel of Convolution.*two whole numbers from 1 to 1024"),
        ("Convolution", {"kernel": "(x, 3)"}, "attribute kernel of Convolution is .*whole number"),
        ("Convolution", {"kernel": "(1, 1)", "pad": "(-1, 0)"}, "attribute pad of Convolution.*from 0 to 1024"),
        ("Convolution", {"kernel": "()", "num_filter": "2"}, "Convolution lacks the attribute kernel"),
        ("Convolution", {"kernel": "(1, 1)"}, "Convolution lacks the attribute num_filter"),
        ("Convolution", {"kernel": "(1, 1)", "num_filter": "0"}, "attribute num_filter of Convolution is '0'"),
        ("Convolution", {"layout": "NHWC"}, "attribute layout of Convolution is 'NHWC', supported is NCHW"),
        ("Convolution", {"colour": "red"}, "attribute colour of Convolution is not supported"),
        ("Deconvolution", {"target_shape": "(4, 4)"}, "attribute target_shape of Deconvolution"),
        ("L2Normalization", {"mode": "batch"}, "attribute mode of L2Normalization is 'batch'"),
        ("LeakyReLU", {"act_type": "elu"}, "attribute act_type of LeakyReLU is 'elu', supported is leaky or prelu"),
        ("Pooling", {"pool_type": "lp"}, "attribute pool_type of Pooling is 'lp'"),
        ("Pooling", {"kernel": "(2, 2)", "pooling_convention": "same"}, "attribute pooling_convention of Pooling"),
        ("Pooling", {"pool_type": "max"}, "Pooling lacks the attribute kernel"),
        ("Reshape", {"shape": "(0, -1)", "reverse": "True"}, "attribute reverse of Reshape is 'True'"),
        ("Reshape", {}, "Reshape lacks the attribute shape"),
        ("UpSampling", {"scale": "2", "sample_type": "bilinear"}, "attribute sample_type of UpSampling is 'bilinear'"),
        ("UpSampling", {"scale": "2"}, "UpSampling lacks the attribute sample_type"),
        ("_mul_scalar", {}, "_mul_scalar lacks the attribute scalar"),
        ("clip", {"a_min": "0"}, "clip lacks the attribute a_max"),
        ("softmax", {"use_length": "True"}, "attribute use_length of softmax"),
        ("slice_axis", {"axis": "None", "begin": "0"}, "attribute axis of slice_axis is 'None'"),
    ],
)
def test_what_is_not_supported_is_named_with_its_layer(op, attributes, what):
    with pytest.raises(InputError, match=f"mine,0: layer layer: {what}"):
        one_layer(op, attributes).select()


@pytest.mark.parametrize("op", ["Custom", "BilinearSampler", "relu", "", "Null"])
def test_an_unknown_operator_is_named_with_its_layer(op):
    with pytest.raises(InputError, match=f"mine,0: layer layer: operator {op} is not supported"):
        one_layer(op, {}).select()


@pytest.mark.parametrize(
    ("op", "attributes", "expected"),
    [
        ("BatchNorm", {}, {"eps": 1e-3, "fix_gamma": True}),
        ("BatchNorm", {"eps": "2e-05", "fix_gamma": "0", "momentum": "0.9"}, {"eps": 2e-5, "fix_gamma": False}),
        ("Pooling", {"kernel": "(2L, 3L)"}, {"kernel": (2, 3), "stride": (1, 1), "count_include_pad": True}),
        ("Pooling", {"kernel": "[2,3]", "stride": "()"}, {"kernel": (2, 3), "stride": (1, 1), "pad": (0, 0)}),
        ("Pooling", {"global_pool": "True"}, {"kernel": None, "pool_type": "max", "pooling_convention": "valid"}),
        ("Convolution", CONVOLUTION, {"no_bias": True, "num_group": 1, "layout": None}),
        ("Deconvolution", {"kernel": "(4,4)", "num_filter": "1"}, {"no_bias": True, "adj": (0, 0)}),
        ("Reshape", {"shape": "(0,2,-1,0)"}, {"shape": (0, 2, -1, 0)}),
        ("Reshape", {"shape": "(-1,)"}, {"shape": (-1,)}),
        ("LeakyReLU", {}, {"act_type": "leaky", "slope": 0.25}),
        ("softmax", {"axis": "1", "temperature": "None"}, {"axis": 1, "temperature": None}),
        ("max", {"axis": "None"}, {"axis": (), "keepdims": False}),
        ("Crop", {"num_args": "2", "offset": "(0,0)"}, {"center_crop": False, "h_w": (0, 0)}),
        ("_mul_scalar", {"scalar": " 0.0078125 ", "is_int": "False"}, {"scalar": 0.0078125}),
        ("L2Normalization", {}, {"eps": 1e-10, "mode": "instance"}),
        ("transpose", {}, {"axes": ()}),
        ("slice_axis", {"axis": "-1", "begin": "0", "end": "None"}, {"axis": -1, "begin": 0, "end": None}),
    ],
)
def test_attributes_have_types_and_mxnets_defaults(op, attributes, expected):
    values = parse_attributes(op, "layer", attributes)
    assert {name: values[name] for name in expected} == expected


VALUES = st.sampled_from(["", "()", "(", "1", "-1", "None", "True", "(1, 2)", "(1,)", "nan", "1e999", "²", "(٣, 1)"])


@pytest.mark.parametrize("op", OPERATORS)
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_any_text_of_an_attribute_is_a_value_or_an_input_error(op, data):
    names = st.sampled_from([*OPERATORS[op].attributes, "other"])
    attributes = data.draw(st.dictionaries(names, VALUES | st.text(max_size=8)))
    try:
        values = parse_attributes(op, "layer", attributes)
    except InputError as error:
        assert "layer layer" in str(error)
    else:
        assert set(values) == set(OPERATORS[op].attributes)
        low, high = OPERATORS[op].count(values)
        assert high >= 1
        assert low >= 1


def test_embeddings_of_a_training_checkpoint_need_no_head(checkpoints):
    graph = load_checkpoint(checkpoints["iresnet50"])
    part = graph.select(["fc1_output"])
    assert part.input_names == ("data",)
    assert len(part.nodes) < len(graph.nodes)
    assert not any(node.op in ("SoftmaxOutput", "L2Normalization") for node in part.nodes)
    assert not any("fc7" in name for name in part.params)
