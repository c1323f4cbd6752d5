"""The project's own detector: its shape, and that all engines run it alike."""

from pathlib import Path

import numpy as np
import pytest

from rcnn.faces.load import load_detector
from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.engine import CPU, load_network
from rcnn.networks.engine.images import ImageInput
from rcnn.networks.engine.torch import TorchNetwork
from rcnn.networks.graphs.essh import build_essh_m25

STRIDES = (32, 16, 8)


def test_it_is_loaded_as_a_detector_of_two_megabytes(tmp_path: Path) -> None:
    prefix = str(tmp_path / "own")
    save_checkpoint(f"{prefix},0", build_essh_m25(1))
    assert Path(f"{prefix}-0000.params").stat().st_size < 2.5e6
    faces = load_detector(f"{prefix},0", CPU).detect([np.zeros((64, 96, 3), np.uint8)], 0.999)
    assert len(faces) == 1


@pytest.mark.parametrize("height, width", [(64, 96), (90, 101)])
def test_openvino_and_torch_agree(height: int, width: int) -> None:
    graph = build_essh_m25(2)
    image = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
    ours = load_network(graph, device=CPU, images=True)(image)
    theirs = TorchNetwork(graph, CPU, ImageInput())(image)
    assert len(ours) == 9
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        stride = STRIDES[number // 3]
        assert a.shape == (2, (4, 8, 20)[number % 3], -(-height // stride), -(-width // stride))
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_background_and_face_of_each_anchor_sum_to_one() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    for probability in load_network(build_essh_m25(3), device=CPU, images=True)(image)[::3]:
        np.testing.assert_allclose(probability[:, :2] + probability[:, 2:], 1, atol=1e-5)


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (build_essh_m25(seed).params["stem_conv_weight"] for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()
