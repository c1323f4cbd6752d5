"""Networks of our own as graphs, and what PyTorch trains of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rcnn.errors import InputError
from rcnn.faces.embedding import OUTPUT
from rcnn.networks.checkpoint import load_checkpoint, save_checkpoint
from rcnn.networks.engine import load_network
from rcnn.networks.engine.images import ImageInput
from rcnn.networks.engine.torch import TorchNetwork
from rcnn.networks.graphs.builder import GraphBuilder
from rcnn.networks.graphs.resnet import build_resnet
from rcnn.training.graph_module import GraphModule, load_start

LARGEST = 10e6  # bytes of the embedding in float32; the file that ships has float16


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """(3, 112, 112, 3) uint8, BGR."""
    return np.random.default_rng(3).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)


def agree(first: np.ndarray, second: np.ndarray, tolerance: float = 1e-4) -> None:
    np.testing.assert_allclose(first, second, rtol=0, atol=tolerance * np.abs(second).max())


def test_the_embedding_is_small_and_both_engines_agree(images, tmp_path):
    graph = build_resnet(seed=1)
    save_checkpoint(f"{tmp_path / 'net'},0", graph)
    assert (tmp_path / "net-0000.params").stat().st_size < LARGEST
    read = load_checkpoint(f"{tmp_path / 'net'},0")
    openvino = load_network(read, [OUTPUT], device=-1, images=True)(images)[0]
    assert openvino.shape == (3, 128)
    agree(openvino, TorchNetwork(read.select([OUTPUT]), -1, ImageInput())(images)[0])


def test_the_seed_of_the_weights_decides():
    first, again, other = (build_resnet(seed=seed).params for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["stem_conv_weight"], other["stem_conv_weight"])


def test_signals_neither_fade_nor_grow_in_the_first_pass(images):
    module = GraphModule(build_resnet(seed=1).select([OUTPUT, "stage1_output", "stage3_output"]))
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).flip(1).float()
    with torch.no_grad():
        layers = module(planes)[1:]
    for values in layers:
        assert 0.1 < float(values.square().mean()) < 30


def test_a_trained_module_is_the_graph_that_is_saved(images):
    module = GraphModule(build_resnet(seed=1).select([OUTPUT]))
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).flip(1).float()
    optimizer = torch.optim.SGD(module.parameters(), 0.01)
    for _ in range(3):
        module(planes)[0].square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    module.eval()
    with torch.no_grad():
        expected = module(planes)[0].numpy()
    network = load_network(module.trained_graph(), [OUTPUT], device=-1, images=True)
    agree(network(images)[0], expected)


def test_statistics_move_as_mxnets_momentum_says():
    builder = GraphBuilder()
    data = builder.input(1)
    module = GraphModule(builder.graph([builder.batch_norm("bn", data)], "one layer"))
    module(torch.full((2, 1, 1, 1), 10.0))
    assert float(module.bn_moving_mean) == pytest.approx(0.9 * 0 + 0.1 * 10)
    module.eval()
    before = module.bn_moving_mean.clone()
    module(torch.full((2, 1, 1, 1), 99.0))
    assert torch.equal(module.bn_moving_mean, before)


def test_arrays_go_out_and_back_and_a_wrong_one_is_named():
    module, other = GraphModule(build_resnet(seed=1)), GraphModule(build_resnet(seed=2))
    arrays = module.arrays()
    other.load(arrays)
    assert all(np.array_equal(array, arrays[name]) for name, array in other.arrays().items())
    with pytest.raises(ValueError, match=r"stem_conv_weight is of shape \(3,\)"):
        other.load({**arrays, "stem_conv_weight": np.zeros(3, np.float32)})
    del arrays["fc1_gamma"]
    with pytest.raises(ValueError, match="fc1_gamma is missing"):
        other.load(arrays)


def test_training_may_begin_with_a_checkpoint(tmp_path):
    before = build_resnet(seed=3)
    save_checkpoint(f"{tmp_path / 'before'},0", before)
    module = GraphModule(build_resnet(seed=1))
    load_start(module, f"{tmp_path / 'before'},0")
    assert all(np.array_equal(array, before.params[name]) for name, array in module.arrays().items())
    builder = GraphBuilder()
    other = builder.graph([builder.batch_norm("bn", builder.input(1))], "another")
    with pytest.raises(InputError, match=r"--start .*: bn_gamma is missing, .*; give a checkpoint of this trainer's"):
        load_start(GraphModule(other), f"{tmp_path / 'before'},0")
