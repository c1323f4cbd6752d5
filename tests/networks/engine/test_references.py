"""Whole networks against what MXNet 1.9.1 computed: those that ship, and the published ones of ../shared."""

import sys
from functools import cache

import numpy as np
import pytest
import torch
from make_references import DETECTOR_SIZES, DETECTORS, OWN_SIZES, image, reference, sample
from reference_models import CHECKPOINTS, OWN

from rcnn.errors import InputError
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.engine import CPU, ENGINES, Network, check_devices, choose_device, hurry_single_images, load_network
from rcnn.workers.pipeline import cores

TOLERANCE = 1e-4  # of the largest value; of every engine against MXNet
BATCH_TOLERANCE = 1e-5  # of one engine against itself with another batch size, which may sum in another order
BATCH = 5
EMBEDDING = "fc1_output"
MEAN = (123.68, 116.779, 103.939)  # R, G, B


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Two threads that wait for each other are many times slower than one where other work has the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def load(model: str, engine: str) -> Network:
    graph = load_checkpoint(model)
    return load_network(graph, [EMBEDDING] if EMBEDDING in graph.internal_names else None, engine=engine)


@pytest.fixture(params=OWN)
def name(request) -> str:
    return request.param


@pytest.fixture(params=ENGINES)
def engine(request) -> str:
    return request.param


@pytest.fixture
def network(name: str, engine: str) -> Network:
    return load(OWN[name], engine)


@pytest.fixture
def data(name: str) -> np.ndarray:
    """(1, 3, H, W) uint8, RGB"""
    return image(OWN_SIZES[name][0])


def assert_close(found, expected, tolerance: float) -> None:
    """Every output within `tolerance` of its largest value."""
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        assert f.dtype == np.float32
        assert f.shape == e.shape
        np.testing.assert_allclose(f, e, rtol=0, atol=tolerance * np.abs(e).max())


def five(data: np.ndarray) -> np.ndarray:
    """Five different images (5, 3, H, W) of which the first is the reference's first, and as many of its others
    as there are."""
    one = data[:1]
    changed = [one[..., ::-1], one[..., ::-1, :], np.roll(one, 9, axis=3), np.roll(one, 7, axis=2)]
    return np.concatenate([data[:BATCH], *changed])[:BATCH]


def assert_as_mxnet(network: Network, name: str, size: tuple[int, int]) -> None:
    """On the image of a size."""
    expected = reference(name, size)
    outputs = network(image(size))
    found = sample(outputs)
    assert list(found) == list(expected)
    count = len(outputs)
    assert [tuple(expected[f"shape{i}"]) for i in range(count)] == [output.shape for output in outputs]
    assert_close([found[f"value{i}"] for i in range(count)], [expected[f"value{i}"] for i in range(count)], TOLERANCE)


def assert_rows_are_their_own(network: Network, images: np.ndarray) -> None:
    """Each of five images gives in a batch what it gives alone."""
    together = network(images)
    assert all(len(output) == BATCH for output in together)
    for row in range(BATCH):
        alone = network(images[row : row + 1])
        assert_close([output[row : row + 1] for output in together], alone, BATCH_TOLERANCE)
    rows = np.concatenate([output.reshape(BATCH, -1) for output in together], axis=1)
    assert len(np.unique(rows.round(3), axis=0)) == BATCH  # so that none could be taken for another's


def test_what_ships_computes_what_mxnet_does(network, name):
    for size in OWN_SIZES[name]:
        assert_as_mxnet(network, name, size)


def test_published_models_compute_what_mxnet_does(shared, checkpoints, engine, subtests):
    for name, path in CHECKPOINTS.items():
        with subtests.test(name):
            with np.load(shared / "checkpoints" / f"{path}-reference.npz") as stored:
                data, outputs = stored["data"], [stored[f"output{i}"] for i in range(len(stored.files) - 1)]
            network = load(checkpoints[name], engine)
            assert_close(network(data), outputs, TOLERANCE)
            for size in DETECTOR_SIZES if name in DETECTORS else ():
                assert_as_mxnet(network, name, size)
            assert_rows_are_their_own(network, five(data))


def test_a_batch_of_five_and_each_of_its_images_alone(network, data):
    assert_rows_are_their_own(network, five(data))


def test_floats_are_the_same_as_bytes(network, data):
    for f, e in zip(network(data.astype(np.float32)), network(data), strict=True):
        np.testing.assert_array_equal(f, e)


@pytest.mark.parametrize("mean", [(0.0, 0.0, 0.0), MEAN])
def test_images_are_bgr_rows_of_pixels(network, name, engine, data, mean):
    planes = five(data)[:2]
    graph = load_checkpoint(OWN[name])
    fed = load_network(graph, network.output_names, engine=engine, images=True, mean=mean)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1)[..., ::-1])
    plain = network(planes - np.array(mean, np.float32).reshape(1, 3, 1, 1))
    assert_close(fed(images), plain, BATCH_TOLERANCE)
    # a view with steps, as slicing an image leaves it, means the same
    assert_close(fed(planes.transpose(0, 2, 3, 1)[..., ::-1]), plain, BATCH_TOLERANCE)
    wrong = fed(np.ascontiguousarray(images[..., ::-1]))
    assert any(np.abs(w - p).max() > 0.01 * np.abs(p).max() for w, p in zip(wrong, plain, strict=True))


def test_an_image_is_not_changed_by_its_neighbours(name, data):
    graph = load_checkpoint(OWN[name])
    fed = load_network(graph, load(OWN[name], "openvino").output_names, engine="openvino", images=True)
    images = np.ascontiguousarray(five(data).transpose(0, 2, 3, 1)[..., ::-1])
    together = fed(images)
    for row in range(BATCH):
        for several, alone in zip(together, fed(images[row : row + 1]), strict=True):
            np.testing.assert_array_equal(several[row : row + 1], alone)
    hurry_single_images(fed)  # on all cores: another compiled model, the same answer
    for several, alone in zip(together, fed(images[:1]), strict=True):
        np.testing.assert_array_equal(several[:1], alone)
    streams = {key[-1]: requests.model.get_property("NUM_STREAMS") for key, requests in fed._compiled.items()}
    assert streams == {False: cores(), True: 1}


def test_outputs_come_in_the_order_that_was_asked_for():
    graph = load_checkpoint(OWN["face-m"])
    wanted = (graph.internal_names[20], EMBEDDING, graph.internal_names[3])
    data = np.random.default_rng(3).integers(0, 256, (1, 3, 112, 112), np.uint8)
    networks = [load_network(graph, wanted, engine=engine) for engine in ENGINES]
    assert all(network.output_names == wanted for network in networks)
    first, second = (network(data) for network in networks)
    assert_close(second, first, TOLERANCE)
    assert first[1].shape == (1, 128)


def test_an_image_of_another_size_than_an_embedding_takes(engine):
    with pytest.raises(InputError, match="can't take an input of shape") as caught:
        load(OWN["face-m"], engine)(np.zeros((1, 3, 96, 96), np.uint8))
    assert OWN["face-m"] in str(caught.value)
    assert "(1, 3, 96, 96)" in str(caught.value)


def test_the_cpu_can_be_asked_for():
    assert choose_device(-1) == CPU


@pytest.mark.parametrize(("count", "there"), [(0, "none is"), (2, "only 2 are")])
def test_a_device_that_is_not_there_is_an_input_error(monkeypatch, count, there):
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    assert choose_device(None) == (0 if count else CPU)
    for gpu in range(count):
        assert choose_device(gpu) == gpu
    with pytest.raises(InputError, match="--gpu -1") as caught:
        choose_device(count)
    assert f"--gpu {count}:" in str(caught.value)
    assert there in str(caught.value)


@pytest.mark.parametrize(("gpu", "given"), [(0, "0"), ((0, 1), "0,1")])
def test_a_device_without_pytorch_is_one_line(gpu, given, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    check_devices(None)
    assert choose_device(None) == CPU
    with pytest.raises(InputError, match=f"--gpu {given}: needs PyTorch, which is not installed; pip install"):
        check_devices(gpu) if isinstance(gpu, tuple) else choose_device(gpu)
