"""ONNX files given as models: what is recognised, what has to be said in a card, and what is refused, and why."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx_kinds as kinds
import onnxruntime
import pytest
import torch
from drawn_people import portrait
from onnx import TensorProto
from torch import nn

from rcnn.errors import InputError
from rcnn.exports import convert
from rcnn.faces import card
from rcnn.faces.alignment import align_faces
from rcnn.faces.card import Card, own_card
from rcnn.faces.choice import central_face
from rcnn.faces.detectors.recognise import layout_of
from rcnn.faces.embedding import is_normalised
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise, norms
from rcnn.networks.engine import CPU
from rcnn.networks.engine.images import ImageInput
from rcnn.networks.engine.load_onnx import load_onnx_network
from rcnn.networks.engine.onnx_graph import OnnxGraph
from rcnn.networks.engine.onnx_runtime import CPU_PROVIDER, CUDA_PROVIDER, OnnxRuntimeNetwork, providers
from rcnn.networks.zoo.roles import QUALITY, find_model, missing_file, model_files
from rcnn.scores.verification import different_pairs, same_pairs, similarities, verify

ENGINES = ("openvino", "onnxruntime")
INSIGHTFACE = 'colour = "rgb"\nmean = 127.5\nstd = 127.5\n'


@pytest.fixture
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), np.uint8)


def means(crops: np.ndarray, width: int, rgb: bool = True, mean=0.0, std=1.0) -> np.ndarray:
    """What `onnx_kinds.embedding` gives for crops, in float64."""
    planes = crops.astype(np.float64).mean((1, 2))
    planes = (planes[:, ::-1] if rgb else planes) - np.asarray(mean)
    return np.tile(planes / np.asarray(std), -(-width // 3))[:, :width]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("width", [128, 192, 256, 512])
def test_embeddings_of_any_width_with_the_card_beside_them(width, engine, crops, tmp_path):
    path = kinds.embedding(tmp_path / "x.onnx", width)
    (tmp_path / "x.toml").write_text(INSIGHTFACE)
    found = load_embedder(path, engine=engine).embed(crops)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, means(crops, width, mean=127.5, std=127.5), atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('colour = "bgr"\nmean = 0\nstd = 255\n', {"rgb": False, "std": 255}),
        ('colour = "rgb"\nmean = [1, 2, 3]\nstd = [4, 5, 6.5]\n', {"mean": (1, 2, 3), "std": (4, 5, 6.5)}),
    ],
)
def test_colour_mean_and_scale_of_the_card(text, expected, engine, crops, tmp_path):
    path = kinds.embedding(tmp_path / "x.onnx")
    (tmp_path / "x.toml").write_text(text)
    np.testing.assert_allclose(
        load_embedder(path, engine=engine).embed(crops), means(crops, 128, **expected), rtol=1e-5
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_graph_that_normalises_needs_no_card(engine, crops, tmp_path):
    path = kinds.embedding(tmp_path / "x.onnx", mean=127.5, std=128.0)
    found = load_embedder(path, engine=engine).embed(crops)
    np.testing.assert_allclose(found, means(crops, 128, mean=127.5, std=128), atol=1e-5)
    (tmp_path / "x.toml").write_text('colour = "bgr"\n')
    found = load_embedder(path, engine=engine).embed(crops)
    np.testing.assert_allclose(found, means(crops, 128, rgb=False, mean=127.5, std=128), atol=1e-5)


def test_without_a_card_the_error_says_what_to_write(tmp_path):
    path = kinds.embedding(tmp_path / "x.onnx")
    with pytest.raises(InputError) as caught:
        load_embedder(path)
    assert str(tmp_path / "x.toml") in str(caught.value)
    (tmp_path / "x.toml").write_text(caught.value.paste)  # exactly what it says works
    load_embedder(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('color = "rgb"', "'color' is not a field of a model's card; there are colour, mean"),
        ('colour = "gbr"', "neither"),
        ("mean = [1, 2]", "neither one number nor three"),
        ("std = 0", "not greater than 0"),
        ("mean = nan", "not a number"),
        ("nms = 3", "not between 0 and 1"),
        ("strides = [8, 1.5]", "not whole numbers"),
        ("output = 3", "not text"),
        ("mean = ", "can't be read"),
    ],
)
def test_what_is_wrong_with_a_card_is_said(text, words, tmp_path):
    path = kinds.embedding(tmp_path / "x.onnx")
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        card.read_card(path)


def test_several_outputs_need_a_name(crops, tmp_path):
    path = kinds.embedding(tmp_path / "x.onnx", mean=127.5, std=128.0)
    model = onnx.load(path)
    twin = onnx.helper.make_node("Neg", ["683"], ["negative"])
    model.graph.node.append(twin)
    model.graph.output.append(onnx.helper.make_tensor_value_info("negative", TensorProto.FLOAT, [None, None]))
    onnx.save(model, path)
    with pytest.raises(InputError, match=r"which output is the embedding: 683, negative; write output = \"NAME\" into"):
        load_embedder(path)
    (tmp_path / "x.toml").write_text('output = "negative"')
    for engine in ENGINES:
        np.testing.assert_allclose(
            load_embedder(path, engine=engine).embed(crops), -means(crops, 128, mean=127.5, std=128), atol=1e-5
        )


def test_norms_that_say_nothing_are_noticed(tmp_path):
    (tmp_path / "x.toml").write_text(INSIGHTFACE)
    (tmp_path / "y.toml").write_text(INSIGHTFACE)
    assert is_normalised(load_embedder(kinds.embedding(tmp_path / "x.onnx", normalised=True)))
    assert not is_normalised(load_embedder(kinds.embedding(tmp_path / "y.onnx")))


@pytest.mark.parametrize("engine", ENGINES)
def test_narrow_crops(engine, tmp_path):
    path = kinds.embedding(tmp_path / "x.onnx", size=(112, 96), mean=127.5, std=128.0)
    crops = np.full((2, 112, 96, 3), 200, np.uint8)
    np.testing.assert_allclose(load_embedder(path, engine=engine).embed(crops), (200 - 127.5) / 128, rtol=1e-5)


def test_one_is_not_taken_for_the_other(tmp_path):
    with pytest.raises(InputError, match="has one output vector, 1 x 128, like an embedding; give it as --model"):
        load_detector(kinds.embedding(tmp_path / "x.onnx", size=("height", "width")))
    with pytest.raises(InputError, match=r"is a detector \(SCRFD\)"):
        load_embedder(kinds.scrfd(tmp_path / "y.onnx"))
    with pytest.raises(InputError, match=r"is a detector \(YuNet\)"):
        load_embedder(kinds.yunet(tmp_path / "z.onnx"))


@pytest.mark.parametrize("make", [kinds.scrfd, kinds.retinaface])
def test_a_detector_without_landmarks_is_refused_and_why(make, tmp_path):
    with pytest.raises(InputError, match="no landmarks, and faces are aligned by five landmarks; use the vari"):
        load_detector(make(tmp_path / "x.onnx", landmarks=False))


def test_other_priors_need_a_card(tmp_path):
    sizes = ((10, 16, 24), (32, 48), (64, 96))
    path = kinds.retinaface(tmp_path / "x.onnx", sizes)
    with pytest.raises(InputError, match="write min_sizes and strides into"):
        load_detector(path)
    (tmp_path / "x.toml").write_text("strides = [8, 16]")
    with pytest.raises(InputError, match="strides and min_sizes differ in length"):
        load_detector(path)
    (tmp_path / "x.toml").write_text("min_sizes = [[10, 16, 24], [32, 48], [64, 96]]\nnms = 0.25\nthreshold = 0.6")
    detector = load_detector(path)
    assert (detector.nms_threshold, detector.threshold) == (0.25, 0.6)
    (faces,) = detector.detect([kinds.painted(64, 64, [(8, 3, 5)])])
    middle = 5.5 * 8 + 0.05 * 10, 3.5 * 8 - 0.05 * 10  # of a prior of 10 pixels
    half = np.exp(0.2) * 5, 5
    wanted = [middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]]
    np.testing.assert_allclose(faces.boxes, [wanted], atol=1e-3)


def test_a_card_says_at_which_size_a_detector_looks(tmp_path, models):
    path = kinds.scrfd(tmp_path / "x.onnx")
    detector = load_detector(path)
    assert (detector.side, detector.largest) == (640, 420)
    (tmp_path / "x.toml").write_text("side = 320\nlargest = 200")
    detector = load_detector(path)
    assert (detector.side, detector.largest, load_detector(path, side=960).side) == (320, 200, 960)
    for side in ("100", "32.0", "0", "true", "8192"):
        (tmp_path / "x.toml").write_text(f"side = {side}")
        with pytest.raises(InputError, match="is not a multiple of 32 from 32 to 4096"):
            load_detector(path)
    prefix = models["detector"].rpartition(",")[0]
    for kind in ("symbol.json", "0000.params"):
        shutil.copyfile(f"{prefix}-{kind}", tmp_path / f"essh-{kind}")
    (tmp_path / "essh.toml").write_text("side = 640\nthreshold = 0.6\nnms = 0.2")
    detector = load_detector(f"{tmp_path / 'essh'},0")
    assert (detector.side, detector.threshold, detector.nms_threshold) == (640, 0.6, 0.2)


def test_a_card_may_have_a_least_quality(tmp_path):
    (tmp_path / "x.toml").write_text("quality = 6")
    assert own_card(str(tmp_path / "x.onnx")).quality == 6.0
    (tmp_path / "x.toml").write_text("quality = -1")
    with pytest.raises(InputError, match="quality -1 is less than 0"):
        own_card(str(tmp_path / "x.onnx"))


def test_scores_that_are_no_probabilities_are_refused(tmp_path):
    with pytest.raises(InputError, match="are not probabilities; export the network with its softmax or sigmoid"):
        load_detector(kinds.retinaface(tmp_path / "x.onnx", softmax=False))


def test_more_strides_of_one_anchor_as_some_scrfd_have():
    strides = (8, 16, 32, 64, 128)
    counts = [-(-256 // stride) * -(-384 // stride) for stride in strides]
    shapes = [(count, width) for width in (1, 4, 10) for count in counts]
    layout = layout_of(shapes, (256, 384), Card())
    assert (layout.kind, layout.strides, layout.anchors) == ("SCRFD", strides, 1)
    assert layout.outputs == (0, 5, 10, 1, 6, 11, 2, 7, 12, 3, 8, 13, 4, 9, 14)
    assert layout_of([(count + 1, width) for count, width in shapes], (256, 384), Card()) is None


@pytest.mark.parametrize("seed", range(2))
def test_changed_bytes_give_a_network_or_an_input_error(seed, tmp_path):
    whole = Path(kinds.scrfd(tmp_path / "whole.onnx")).read_bytes()
    rng = np.random.default_rng(seed)
    path = tmp_path / "x.onnx"
    refused = 0
    for number in range(15):
        data = bytearray(whole[: rng.integers(len(whole))] if number % 5 == 0 else whole)
        for place in rng.integers(len(data), size=3) if data else ():
            data[place] = rng.integers(256)
        path.write_bytes(bytes(data))
        try:
            load_detector(str(path)).detect([np.zeros((64, 64, 3), np.uint8)])
        except InputError:
            refused += 1
    assert refused > 0


def test_the_cpu_needs_neither_onnx_nor_onnx_runtime(tmp_path, monkeypatch):
    path = kinds.yunet(tmp_path / "x.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert len(load_detector(path).detect([kinds.painted(64, 64, [(16, 1, 2)])])[0]) == 1
    with pytest.raises(InputError, match=r"onnxruntime is not installed; pip install -r requirements-onnx"):
        load_detector(path, engine="onnxruntime")


def test_what_can_not_be_read_is_said(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        load_detector(str(tmp_path / "no.onnx"))
    (tmp_path / "x.onnx").write_bytes(b"this is not a graph")
    with pytest.raises(InputError, match="OpenVINO can't read it"):
        load_embedder(str(tmp_path / "x.onnx"))
    with pytest.raises(InputError, match=r"--precision fp16: .* python -m rcnn convert --precision fp16"):
        load_detector(kinds.yunet(tmp_path / "y.onnx"), precision="fp16")


def test_files_of_a_model(tmp_path):
    path = kinds.yunet(tmp_path / "x.onnx")
    assert model_files(path) == (path,)
    assert missing_file(path) is None
    assert missing_file(f"{tmp_path}/y.onnx") == f"{tmp_path}/y.onnx"
    (tmp_path / "x.toml").write_text("")
    (tmp_path / "x.onnx.data").write_text("")
    assert model_files(path) == (path, f"{tmp_path}/x.toml", f"{path}.data")
    with pytest.raises(InputError, match=r"--model .*z.onnx: there is no "):
        find_model(f"{tmp_path}/z.onnx", QUALITY)


# ---- the CUDA path, on the CPU: no GPU was there when this was written ----------------------------------------------


def test_cuda_needs_a_build_that_has_it():
    assert providers(CPU, [CUDA_PROVIDER, CPU_PROVIDER]) == [CPU_PROVIDER]
    first, second = providers(1, ["TensorrtExecutionProvider", CUDA_PROVIDER, CPU_PROVIDER])
    assert first == (CUDA_PROVIDER, {"device_id": 1, "use_tf32": 0})
    assert second == CPU_PROVIDER
    with pytest.raises(InputError, match=r"no CUDA provider, which ONNX files need; .*onnxruntime-gpu, or"):
        providers(0, [CPU_PROVIDER])


def test_a_cuda_device_means_onnx_runtime(tmp_path, monkeypatch):
    asked = []

    def only_the_cpu(device: int, available: list[str]) -> list[str]:
        asked.append(device)
        return [CPU_PROVIDER]

    monkeypatch.setattr("rcnn.networks.engine.onnx_runtime.providers", only_the_cpu)
    detector = load_detector(kinds.yunet(tmp_path / "x.onnx"), 2)
    assert asked == [2]
    assert isinstance(detector.network, OnnxRuntimeNetwork)
    (faces,) = detector.detect([kinds.painted(64, 64, [(16, 1, 2)])])
    assert len(faces) == 1


def test_float16_inputs_and_weights(tmp_path, crops):
    """Files whose input is float16, too."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    path = kinds.embedding(tmp_path / "x.onnx")
    onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=False), path)
    (tmp_path / "x.toml").write_text(INSIGHTFACE)
    for engine in ENGINES:
        found = load_embedder(path, engine=engine).embed(crops)
        np.testing.assert_allclose(found, means(crops, 128, mean=127.5, std=127.5), atol=2e-3)


# ---- torch export ---------------------------------------------------------------------------------------------------


class Small(nn.Module):
    """A network of RetinaFace's form with random weights: two strides of features, added, and heads with priors."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 8, 8), nn.PReLU(8))
        self.down = nn.ModuleList([nn.Conv2d(8, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1)])
        self.heads = nn.ModuleList([nn.Conv2d(8, 2 * 16, 1) for _ in range(3)])

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        first = self.stem(images / 64)
        second = self.down[0](first)
        third = self.down[1](second)
        first = first + nn.functional.interpolate(second, scale_factor=2.0, mode="nearest")
        rows = [
            head(maps).permute(0, 2, 3, 1).reshape(images.shape[0], -1, 16)
            for head, maps in zip(self.heads, (first, second, third), strict=True)
        ]
        joined = torch.cat(rows, 1)
        return joined[..., :4], torch.softmax(joined[..., 4:6], -1), joined[..., 6:]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("dynamic", [True, False])
def test_a_detector_from_torch_export(dynamic, tmp_path, monkeypatch):
    monkeypatch.setattr("rcnn.faces.load.check_priors", lambda *_: None)  # random weights know no faces
    net = Small().eval()
    path = str(tmp_path / "x.onnx")
    sizes = {"images": {0: "batch", 2: "height", 3: "width"}} if dynamic else None
    torch.onnx.export(
        net, (torch.zeros(1, 3, 96, 128),), path, dynamo=False, opset_version=17, input_names=["images"],
        output_names=["loc", "conf", "landms"], dynamic_axes=sizes,
    )  # fmt: skip
    image = np.random.default_rng(3).integers(0, 256, (96, 128, 3), np.uint8)
    with torch.no_grad():
        planes = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32))
        wanted = [part.numpy() for part in net(planes[None])]  # it divides itself, so nothing is subtracted
    found = []
    for engine in ENGINES:
        detector = load_detector(path, engine=engine)
        for ours, theirs in zip(detector.network(image[None]), wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())
        found.append(detector.detect([image], 0.55)[0])
    assert len(found[0]) > 3
    np.testing.assert_allclose(found[0].boxes, found[1].boxes, atol=1e-2)
    np.testing.assert_allclose(found[0].landmarks, found[1].landmarks, atol=1e-2)


# ---- checkpoints, converted ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Gives the path of a checkpoint as ONNX."""

    @cache
    def path_of(model: str) -> str:
        path = str(tmp_path_factory.mktemp("converted") / "model.onnx")
        convert.convert(model, path)
        return path

    return path_of


def test_the_same_six_faces(six, converted):
    wanted_of = load_detector(six.model)
    (wanted,) = wanted_of.detect([six.image])
    for engine in ENGINES:
        detector = load_detector(converted(six.model), engine=engine)
        assert detector.nms_threshold == wanted_of.nms_threshold
        (found,) = detector.detect([six.image])
        assert len(found) == len(wanted) == 6
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
        np.testing.assert_allclose(found.boxes, wanted.boxes, atol=1e-2)
        np.testing.assert_allclose(found.landmarks, wanted.landmarks, atol=1e-2)


def test_vgg_models_lose_their_mean_as_onnx_too(checkpoints, tmp_path):
    path = str(tmp_path / "vgg.onnx")
    convert.convert(checkpoints["essh-vgg16"], path)
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), np.uint8)
    wanted = load_detector(checkpoints["essh-vgg16"])
    found = load_detector(path)
    assert found.nms_threshold == wanted.nms_threshold == 0.3
    for ours, theirs in zip(found.network(image), wanted.network(image), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


def test_the_same_verification_accuracy_on_drawn_people(models, converted):
    images = [portrait(number, take) for number in range(8) for take in range(4)]
    assert_same_accuracy((models["detector"], models["model"]), converted, images, np.repeat(np.arange(8), 4))


def test_the_same_verification_accuracy_of_published_models(checkpoints, shared, converted):
    """On a few people; benchmarks/verification.py does it on all."""
    people = [folder for folder in sorted((shared / "faces").iterdir()) if len(list(folder.glob("*.jpg"))) >= 6][:12]
    images = [cv2.imread(str(path)) for folder in people for path in sorted(folder.glob("*.jpg"))[:6]]
    labels = np.repeat(np.arange(len(people)), 6)
    assert_same_accuracy((checkpoints["retinaface"], checkpoints["mobilefacenet"]), converted, images, labels)


def assert_same_accuracy(
    models: tuple[str, str], converted: Callable[[str], str], images: list[np.ndarray], labels: np.ndarray
) -> None:
    """Of a detector and an embedding and of what they were converted to; images of 250x250 pixels."""
    results = []
    for detector_model, model in (models, tuple(map(converted, models))):
        crops = []
        for image, faces in zip(images, load_detector(detector_model).detect(images, 0.3), strict=True):
            best = central_face(faces, 250, 250)
            crops.append(align_faces(image, faces.landmarks[best : best + 1])[0])
        embeddings = load_embedder(model).embed(crops)
        rng = np.random.default_rng(0)
        same = same_pairs(labels)
        different = different_pairs(labels, len(same), rng)
        unit = normalise(embeddings)
        judged = verify(similarities(unit, same), similarities(unit, different), 5, np.random.default_rng(1))
        results.append((embeddings, judged))
    (first, before), (second, after) = results
    np.testing.assert_allclose(norms(first), norms(second), rtol=1e-4)
    np.testing.assert_allclose(first, second, atol=1e-4 * np.abs(first).max())
    np.testing.assert_array_equal(before.accuracy, after.accuracy)
    assert before.auc == pytest.approx(after.auc, abs=1e-6)
    assert after.accuracy.mean() > 0.97


def test_engines_agree_with_plain_onnx_runtime(models, converted):
    path = converted(models["detector"])
    image = np.random.default_rng(5).integers(0, 256, (2, 64, 96, 3), np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"data": image[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)})
    graph = OnnxGraph(path)
    for engine in ENGINES:
        network = load_onnx_network(graph, engine=engine, image=ImageInput())
        assert network.output_names == tuple(output.name for output in session.get_outputs())
        for ours, theirs in zip(network(image), wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())
        with pytest.raises(InputError, match="can't take an input of shape"):
            load_onnx_network(graph, engine=engine)(np.zeros((1, 5, 64, 64), np.float32))


def test_paths_are_strings_of_the_caller(tmp_path, monkeypatch):
    """A model named relative to the directory in which the script runs."""
    kinds.yunet(tmp_path / "x.onnx")
    monkeypatch.chdir(Path(tmp_path))
    assert len(load_detector("x.onnx").detect([kinds.painted(64, 64, [(8, 1, 2)])])[0]) == 1
