"""`-symbol.json` files of every age, and texts that are cut, changed, or nothing of the kind."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.errors import InputError
from rcnn.networks.checkpoint import Graph, Node, checkpoint_files, load_checkpoint, save_checkpoint
from rcnn.networks.checkpoint.arrays import write_arrays
from rcnn.networks.checkpoint.operators import NAMES_OF_OLD
from rcnn.networks.checkpoint.symbol import MAX_NODES, read_symbol, write_symbol

CONVOLUTION = {"kernel": "(1, 1)", "num_filter": "2", "no_bias": "True"}
NORM = ("norm_gamma", "norm_beta", "norm_moving_mean", "norm_moving_var")


def variable(name: str, **more: Any) -> dict[str, Any]:
    return {"op": "null", "name": name, "inputs": [], **more}


def document(form: str = "attrs", numbers: int = 3, own_statistics: bool = True) -> dict[str, Any]:
    """Convolution, BatchNorm, ReLU, times a number.

    form : key of the attributes
    numbers : length of an input, [node, output] or [node, output, version]
    own_statistics : whether the file has BatchNorm's mean and variance
    """

    def edges(*indices: int) -> list[list[int]]:
        return [[i, 0, 0][:numbers] for i in indices]

    norm = [variable(name) for name in NORM[: 4 if own_statistics else 2]]
    nodes = [
        variable("data"),
        variable("weight", **{form: {"__lr_mult__": "2.0"}} if form == "attrs" else {"attr": {"lr_mult": "2.0"}}),
        {"op": "Convolution", "name": "conv", "inputs": edges(0, 1), form: CONVOLUTION},
        *norm,
        {"op": "BatchNorm", "name": "norm", "inputs": edges(*range(2, 3 + len(norm))), form: {"fix_gamma": "False"}},
    ]
    nodes.append({"op": "Activation", "name": "relu", "inputs": edges(len(nodes) - 1), form: {"act_type": "relu"}})
    nodes.append({"op": "_MulScalar", "name": "mul", "inputs": edges(len(nodes) - 1), form: {"scalar": "3"}})
    if form == "param":
        for node in nodes:
            node.setdefault("param", {})
            node["backward_source_id"] = -1
    return {"nodes": nodes, "arg_nodes": [0, 1], "heads": edges(len(nodes) - 1)}


PARAMS = {
    "arg:weight": np.array([[1, 0, 0], [0, 1, 1]], np.float32).reshape(2, 3, 1, 1),
    "arg:norm_gamma": np.array([2, 3], np.float32),
    "arg:norm_beta": np.array([1, -1], np.float32),
    "aux:norm_moving_mean": np.array([0.5, 0.25], np.float32),
    "aux:norm_moving_var": np.array([1, 4], np.float32),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("symbols") / "model-symbol.json"


def read(path: Path, content: Any) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_symbol(str(path))


@pytest.mark.parametrize("numbers", [2, 3])
@pytest.mark.parametrize("own_statistics", [True, False])
@pytest.mark.parametrize("form", ["attrs", "attr", "param"])
def test_every_age_gives_the_same_nodes(path, form, own_statistics, numbers):
    nodes, outputs = read(path, document(form, numbers, own_statistics))
    assert [node.name for node in nodes] == ["data", "weight", "conv", *NORM, "norm", "relu", "mul"]
    assert [node.op for node in nodes if node.op != "null"] == [
        "Convolution",
        "BatchNorm",
        "Activation",
        "_mul_scalar",
    ]
    assert [node.inputs for node in nodes if node.op != "null"] == [(0, 1), (2, 3, 4, 5, 6), (7,), (8,)]
    assert outputs == (9,)
    assert nodes[2].attributes == CONVOLUTION
    assert nodes[7].attributes == {"fix_gamma": "False"}
    assert nodes[9].attributes == {"scalar": "3"}
    assert nodes[1].attributes == {}
    assert nodes[1].hidden == ({"__lr_mult__": "2.0"} if form == "attrs" else {"lr_mult": "2.0"})


def test_statistics_are_added_to_the_layer_that_lacks_them(path):
    content = document(own_statistics=False)
    first = len(content["nodes"]) - 1
    content["nodes"] += [
        variable("more_gamma"),
        variable("more_beta"),
        {"op": "BatchNorm", "name": "more", "inputs": [[first, 0], [first + 1, 0], [first + 2, 0]]},
    ]
    content["heads"] = [[first + 3, 0], [first, 0]]
    nodes, outputs = read(path, content)
    names = [node.name for node in nodes]
    assert [[names[i] for i in node.inputs] for node in nodes if node.op == "BatchNorm"] == [
        ["conv", *NORM],
        ["mul", "more_gamma", "more_beta", "more_moving_mean", "more_moving_var"],
    ]
    assert [names[i] for i in outputs] == ["more", "mul"]


def test_beside_param_attr_is_what_users_set(path):
    content = document("param")
    content["nodes"][2]["attr"] = {"lr_mult": "2", "mirror_stage": "True", "kernel": "(9, 9)", "mine": "x"}
    conv = read(path, content)[0][2]
    assert conv.attributes == CONVOLUTION
    assert conv.hidden == content["nodes"][2]["attr"]


@pytest.mark.parametrize("key", ["lr_mult", "wd_mult", "ctx_group", "weight_lr_mult", "__init__", "force_mirroring"])
@pytest.mark.parametrize("form", ["attrs", "attr"])
def test_what_concerns_training_is_kept_apart(path, form, key):
    content = document(form)
    content["nodes"][2][form] = {**CONVOLUTION, key: "1"}
    conv = read(path, content)[0][2]
    assert conv.attributes == CONVOLUTION
    assert conv.hidden == {key: "1"}


@pytest.mark.parametrize("old", NAMES_OF_OLD)
def test_operator_names_of_old(path, old):
    content = {"nodes": [variable("data"), {"op": old, "name": "x", "inputs": [[0, 0]]}], "heads": [[1, 0]]}
    assert read(path, content)[0][1].op == NAMES_OF_OLD[old]


@pytest.mark.parametrize("form", ["attrs", "attr", "param"])
def test_a_text_cut_at_any_byte_is_an_input_error(path, form):
    content = json.dumps(document(form)).encode()
    assert len(read(path, content)[0]) == 10
    for length in range(len(content)):
        with pytest.raises(InputError, match="get the file again"):
            read(path, content[:length])


def read_or_refuse(path: Path, content: Any) -> None:
    """Nodes whose inputs stand before them, or an InputError; and so with the graph that they make."""
    try:
        nodes, outputs = read(path, content)
    except InputError as error:
        assert str(path) in str(error)
        return
    assert all(0 <= i < index for index, node in enumerate(nodes) for i in node.inputs)
    assert all(0 <= index < len(nodes) for index in outputs)
    graph = Graph(nodes, outputs, {name.partition(":")[2]: array for name, array in PARAMS.items()}, "mine")
    try:
        graph.select()
    except InputError as error:
        assert "mine" in str(error)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_random_bytes_are_an_input_error(path, content):
    with pytest.raises(InputError):
        read(path, content)


@pytest.mark.parametrize("form", ["attrs", "param"])
@given(data=st.data())
@settings(deadline=None)
def test_changed_bytes_give_nodes_or_an_input_error(path, form, data):
    content = bytearray(json.dumps(document(form)).encode())
    changes = st.tuples(st.integers(0, len(content) - 1), st.sampled_from(b'0123456789-,:"[]{}nulT x\x00\xff'))
    for position, value in data.draw(st.lists(changes, min_size=1, max_size=5)):
        content[position] = value
    read_or_refuse(path, bytes(content))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Keys and indices that lead to every part of a document."""
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(len(value))
        return [place for key in keys for place in [(*path, key), *places(value[key], (*path, key))]]
    return []


PLACES = places(document())


@given(st.sampled_from(PLACES), JSON | st.sampled_from(["-1", "()", "(0, 0)", "null", [0, 0], [9, 0], [-1, 0], "relu"]))
@settings(deadline=None, max_examples=300)
def test_any_part_replaced_gives_nodes_or_an_input_error(path, place, value):
    content = copy.deepcopy(document())
    part: Any = content
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    read_or_refuse(path, content)


@given(JSON)
@settings(deadline=None)
def test_any_json_is_an_input_error(path, value):
    with pytest.raises(InputError):
        read(path, value)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda d: d.update(nodes=[]), "no list of nodes"),
        (lambda d: d.update(nodes=None), "no list of nodes"),
        (lambda d: d.update(heads=[]), "no list of heads"),
        (lambda d: d.update(heads=[[99, 0, 0]]), "a head is node 99"),
        (lambda d: d.update(heads=[[9, 0, 0], [9, 0, 0]]), "a head twice"),
        (lambda d: d.update(heads=[[9, 1, 0]]), "output 1 of node"),
        (lambda d: d.update(heads=[["9", 0, 0]]), r"not a \[node, output\] pair"),
        (lambda d: d["nodes"].__setitem__(3, "x"), "node 3 is not an object"),
        (lambda d: d["nodes"][3].update(op=7), "node 3 lacks op, name or inputs"),
        (
            lambda d: d["nodes"][2].update(inputs=[[0, 0, 0], [True, 0, 0]]),
            r"an input of 'conv' is not a \[node, output\]",
        ),
        (
            lambda d: d["nodes"][2].update(inputs=[[0, 0, 0], [1, 0, 0, 0]]),
            r"an input of 'conv' is not a \[node, output\]",
        ),
        (lambda d: d["nodes"][2].update(inputs=[[2, 0, 0], [1, 0, 0]]), "an input of 'conv' is node 2, which does not"),
        (lambda d: d["nodes"][2].update(inputs=[[9, 0, 0], [1, 0, 0]]), "an input of 'conv' is node 9, which does not"),
        (lambda d: d["nodes"][2].update(inputs=[[-1, 0, 0]]), "an input of 'conv' is node -1"),
        (lambda d: d["nodes"][2].update(attrs={"kernel": 3}), "attrs of node 'conv'"),
        (lambda d: d["nodes"][2].update(attrs=[]), "attrs of node 'conv'"),
        (lambda d: d["nodes"][8].update(name="conv"), "two nodes named 'conv'"),
    ],
)
def test_a_refusal_says_what_is_wrong(path, change, what):
    content = copy.deepcopy(document())
    change(content)
    with pytest.raises(InputError, match=what) as caught:
        read(path, content)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b"{}", b"null", b"NaN", b'"x"'])
def test_texts_that_are_no_symbol(path, content):
    with pytest.raises(InputError, match=str(path)):
        read(path, content)


def test_a_file_that_is_too_large_or_can_not_be_opened(path, tmp_path, monkeypatch):
    monkeypatch.setattr("rcnn.networks.checkpoint.symbol.MAX_BYTES", 100)
    with pytest.raises(InputError, match="too many for a symbol"):
        read(path, document())
    monkeypatch.undo()
    monkeypatch.setattr("rcnn.networks.checkpoint.symbol.MAX_NODES", 9)
    with pytest.raises(InputError, match="10 nodes, more than 9"):
        read(path, document())
    assert MAX_NODES > 10_000
    for name in ("none-symbol.json", "."):
        with pytest.raises(InputError, match="PREFIX,EPOCH"):
            read_symbol(str(tmp_path / name))


def test_what_is_written_is_read(path):
    nodes, outputs = read(path, document("param", 2, own_statistics=False))
    write_symbol(str(path), Graph(nodes, outputs, {}))
    assert read_symbol(str(path)) == (nodes, outputs)
    written = json.loads(path.read_bytes())
    assert written["arg_nodes"] == [i for i, node in enumerate(nodes) if node.op == "null"]
    assert written["node_row_ptr"] == list(range(len(nodes) + 1))
    with pytest.raises(InputError, match="can't be written"):
        write_symbol(str(path / "below" / "a-file"), Graph(nodes, outputs, {}))


def test_arg_and_aux_of_a_file_are_kept(tmp_path):
    prefix = tmp_path / "model"
    Path(f"{prefix}-symbol.json").write_text(json.dumps(document(own_statistics=False)), encoding="utf-8")
    write_arrays(f"{prefix}-0000.params", PARAMS)
    graph = load_checkpoint(f"{prefix},0")
    assert graph.auxiliary_names == {"norm_moving_mean", "norm_moving_var"}
    save_checkpoint(f"{tmp_path / 'new' / 'copy'},3", graph)
    assert (tmp_path / "new" / "copy-0003.params").read_bytes() == Path(f"{prefix}-0000.params").read_bytes()


@pytest.mark.parametrize(
    ("model", "files"),
    [
        ("./model/essh,0", ("./model/essh-symbol.json", "./model/essh-0000.params")),
        ("a,b,12", ("a,b-symbol.json", "a,b-0012.params")),
        ("x, 40", ("x-symbol.json", "x-0040.params")),
        ("x,0040", ("x-symbol.json", "x-0040.params")),
        ("x,12345", ("x-symbol.json", "x-12345.params")),
    ],
)
def test_prefix_and_epoch_name_two_files(model, files):
    assert checkpoint_files(model) == files


@pytest.mark.parametrize("model", ["", "x", "x,", ",0", "x,-1", "x,1.5", "x,y", "x,1234567890", "x;0"])
def test_another_form_is_an_input_error(model):
    with pytest.raises(InputError, match="PREFIX,EPOCH"):
        checkpoint_files(model)


def test_missing_files_are_named(tmp_path):
    model = f"{tmp_path / 'model'},0"
    with pytest.raises(InputError, match=r"model-symbol\.json: there is no such file"):
        load_checkpoint(model)
    (tmp_path / "model-symbol.json").write_text(json.dumps(document()), encoding="utf-8")
    with pytest.raises(InputError, match=r"model-0000\.params: there is no such file"):
        load_checkpoint(model)


@pytest.mark.parametrize(
    ("name", "what"),
    [("weight", "neither arg:NAME nor aux:NAME"), ("arg:", "neither"), ("foo:weight", "neither"),
     ("aux:weight", "contains weight both as arg and as aux")],
)  # fmt: skip
def test_names_of_arrays_have_a_kind(tmp_path, name, what):
    (tmp_path / "model-symbol.json").write_text(json.dumps(document()), encoding="utf-8")
    write_arrays(str(tmp_path / "model-0000.params"), {**PARAMS, name: np.zeros(1, np.float32)})
    with pytest.raises(InputError, match=what):
        load_checkpoint(f"{tmp_path / 'model'},0")
