"""A small symbol that asks for a large map is refused before memory is taken for it."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from rcnn.errors import InputError
from rcnn.networks.checkpoint import Graph, Node
from rcnn.networks.engine import load_network
from rcnn.networks.engine.openvino import LARGEST_MAP

MEMORY_KIB = 256 << 10


def tower(*layers: tuple[str, dict[str, str]]) -> Graph:
    """data -> layer -> layer ..."""
    nodes = [Node("data", "null")]
    for number, (op, attributes) in enumerate(layers):
        nodes.append(Node(f"layer{number}", op, (number,), attributes))
    return Graph(tuple(nodes), (len(nodes) - 1,), {}, "mine,0")


UP = ("UpSampling", {"scale": "32", "sample_type": "nearest", "num_args": "1"})
MEAN = ("Pooling", {"kernel": "(1, 1)", "pad": "(1024, 1024)", "pool_type": "avg"})


@pytest.mark.parametrize("layers", [[UP] * 5, [MEAN] * 20, [UP, UP, MEAN]])
def test_it_is_refused(layers):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"mine,0: layer layer\d+ .*(too large|too many), at most \d+"):
        load_network(tower(*layers), engine="openvino")(np.zeros((1, 3, 112, 112), np.float32))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


def test_the_largest_detector_stays_far_below():
    assert LARGEST_MAP > 4 * 64 * 480 * 888  # the first layer of VGG16, at twice the height and width of a frame
