"""All kinds of detectors behind one interface: what each finds where the answer is known, and what all must do."""

from __future__ import annotations

from pathlib import Path

import cv2
import mtcnn_nets
import numpy as np
import onnx_kinds as kinds
import onnxruntime
import pytest
from drawn_people import CLEAR, portrait
from onnx_kinds import POINTS, PROBABILITY, STRIDES, painted
from rcnn.cython.nms import nms
from reference_models import SHARED

from rcnn.errors import InputError
from rcnn.exports import convert
from rcnn.faces.detectors import mtcnn
from rcnn.faces.detectors.single_stage import Detector
from rcnn.faces.load import load_detector
from rcnn.faces.types import Faces

ROOT = Path(__file__).resolve().parents[2]
CELLS = {8: (9, 3), 16: (1, 7), 32: (3, 1)}  # stride: y, x; of a picture of 128 x 160
HEIGHT, WIDTH = 128, 160
ONNX_ENGINES, ENGINES = ("openvino", "onnxruntime"), ("openvino", "torch")


def scrfd_box(stride: int, y: int, x: int) -> list[float]:
    return [x - 1, y - 2, x + 3, y + 4]


def yunet_box(stride: int, y: int, x: int) -> list[float]:
    return [x + 0.5 - 1, y + 1 - 1.5, x + 0.5 + 1, y + 1 + 1.5]


def retinaface_box(stride: int, y: int, x: int) -> list[float]:
    side = 2.0 if stride == 8 else 4.0 if stride == 16 else 8.0  # strides
    middle, half = (x + 0.5 + 0.05 * side, y + 0.5 - 0.05 * side), (np.exp(0.2) * side / 2, side / 2)
    return [middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]]


def plain_points(stride: int, y: int, x: int) -> np.ndarray:
    return POINTS + np.array([x, y])


def retinaface_points(stride: int, y: int, x: int) -> np.ndarray:
    side = 2.0 if stride == 8 else 4.0 if stride == 16 else 8.0
    return POINTS * 0.1 * side + np.array([x + 0.5, y + 0.5])


KNOWN = {  # how to make it, its boxes and its landmarks in units of the stride
    "scrfd, 2 anchors": (lambda path: kinds.scrfd(path), scrfd_box, plain_points),
    "scrfd, 1 anchor": (lambda path: kinds.scrfd(path, anchors=1), scrfd_box, plain_points),
    "scrfd, with a batch": (lambda path: kinds.scrfd(path, batch=True), scrfd_box, plain_points),
    "scrfd, one size written down": (lambda path: kinds.scrfd(path, side=640), scrfd_box, plain_points),
    "scrfd that normalises": (lambda path: kinds.scrfd(path, normalises=True), scrfd_box, plain_points),
    "yunet": (lambda path: kinds.yunet(path), yunet_box, plain_points),
    "retinaface": (lambda path: kinds.retinaface(path), retinaface_box, retinaface_points),
}


@pytest.mark.parametrize("engine", ONNX_ENGINES)
@pytest.mark.parametrize("kind", KNOWN)
def test_the_faces_are_where_they_were_painted(kind, engine, tmp_path):
    make, box, points = KNOWN[kind]
    detector = load_detector(make(tmp_path / "x.onnx"), engine=engine)
    image = painted(HEIGHT, WIDTH, [(stride, *cell) for stride, cell in CELLS.items()])
    (faces,) = detector.detect([image])
    assert len(faces) == len(STRIDES)
    # right to five digits only where mean, scale and order of colours are
    np.testing.assert_allclose(faces.scores, PROBABILITY, rtol=1e-5)
    order = np.argsort(faces.boxes[:, 0], kind="stable")
    wanted = sorted((stride * np.array(box(stride, *cell)) for stride, cell in CELLS.items()), key=lambda b: b[0])
    limit = [WIDTH - 1, HEIGHT - 1] * 2
    np.testing.assert_allclose(faces.boxes[order], np.clip(wanted, 0, limit), atol=1e-3)
    landmarks = {tuple(np.round(stride * points(stride, *cell), 2).ravel()) for stride, cell in CELLS.items()}
    assert {tuple(np.round(face.astype(np.float64), 2).ravel()) for face in faces.landmarks} == landmarks


@pytest.mark.parametrize("engine", ONNX_ENGINES)
def test_a_network_of_one_size_gets_images_that_are_made_to_fit(engine, tmp_path):
    detector = load_detector(kinds.scrfd(tmp_path / "x.onnx", side=64, baked=True), engine=engine)
    assert detector.size == (64, 64)
    image = painted(128, 96, [(16, 2, 1)])  # half as large: the cell of stride 8 at the same place
    image[image[..., 1] > 0] = kinds.PAINT["r"]
    (faces,) = detector.detect([image])
    np.testing.assert_allclose(faces.boxes, [2 * 8 * np.array(scrfd_box(8, 2, 1))], atol=1e-3)
    np.testing.assert_allclose(faces.landmarks, [2 * 8 * plain_points(8, 2, 1)], atol=1e-3)


def test_yunet_finds_what_opencv_finds(tmp_path):
    path = kinds.yunet(tmp_path / "x.onnx", side=640)
    rng = np.random.default_rng(0)
    image = painted(200, 312, [(8, 3, 30), (8, 20, 5), (16, 9, 16), (32, 2, 1)])
    image = np.maximum(image, rng.integers(0, 40, image.shape, np.uint8))
    referee = cv2.FaceDetectorYN.create(path, "", (312, 200), 0.5, 0.3)
    _, wanted = referee.detect(image)
    (faces,) = load_detector(path).detect([image])
    assert len(faces) == len(wanted) == 4
    wanted = wanted[np.lexsort(wanted[:, :2].T)]
    order = np.lexsort(faces.landmarks[:, 0].T)
    wanted_order = np.lexsort(wanted[:, 4:6].T)
    np.testing.assert_allclose(faces.scores[order], wanted[wanted_order, 14], rtol=1e-5)
    np.testing.assert_allclose(faces.landmarks[order].reshape(4, 10), wanted[wanted_order, 4:14], atol=1e-2)
    corners = np.concatenate([wanted[:, :2], wanted[:, :2] + wanted[:, 2:4]], 1)[wanted_order]
    np.testing.assert_allclose(faces.boxes[order], np.clip(corners, 0, [311, 199] * 2), atol=1e-2)


@pytest.mark.parametrize("engine", ONNX_ENGINES)
def test_scrfd_with_noise_is_what_a_plain_loop_makes_of_onnx_runtime(engine, tmp_path):
    path = kinds.scrfd(tmp_path / "x.onnx")
    image = np.random.default_rng(1).integers(0, 256, (96, 160, 3), np.uint8)
    image[:, :80] = np.random.default_rng(2).integers(150, 256, (96, 80, 3), np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    planes = (image[None, ..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 128
    outputs = session.run(None, {"input": planes})
    boxes, scores = [], []
    for level, stride in enumerate(STRIDES):
        for row, score in enumerate(outputs[level][:, 0]):
            if score >= 0.02:
                cell = row // 2
                x, y = cell % (160 // stride) * stride, cell // (160 // stride) * stride
                left, top, right, bottom = outputs[3 + level][row] * stride
                boxes.append([x - left, y - top, x + right, y + bottom])
                scores.append(score)
    boxes = np.clip(np.array(boxes, np.float32), 0, [159, 95, 159, 95]).astype(np.float32)
    scores = np.array(scores, np.float32)
    kept = nms(boxes, scores, 0.4)
    assert len(kept) > 5
    (faces,) = load_detector(path, engine=engine).detect([image], 0.02)
    np.testing.assert_allclose(faces.scores, scores[kept], rtol=1e-4)
    # equal scores may come in another order
    assert {tuple(np.round(box, 1)) for box in faces.boxes} == {tuple(np.round(box, 1)) for box in boxes[kept]}


def test_mtcnn_finds_what_was_painted(tmp_path):
    """P's cell at 2 * (12, 9) + 1, 13 pixels wide as MTCNN counts; then R's and O's moves by hand."""
    for engine in ENGINES:
        detector = load_detector(mtcnn_nets.known_nets(tmp_path), engine=engine)
        detector.min_face = 12  # the picture itself is the first level
        image = np.zeros((40, 48, 3), np.uint8)
        image[19:29, 25:35] = 255
        (faces,) = detector.detect([image])
        # P's box 25, 19, 37, 31; R moves the left edge right and the lower edge up by a tenth of 13 pixels: 26.3,
        # 19, 37, 29.7, whose square is 26, 19, 37, 30; O moves the upper and lower edge down by a quarter of 12
        assert len(faces) == 1
        np.testing.assert_allclose(faces.boxes, [[26, 22, 37, 33]], atol=1e-3)
        points = np.array(mtcnn_nets.LANDMARKS).reshape(2, 5).T * 12 + [26, 19]
        np.testing.assert_allclose(faces.landmarks, [points], atol=1e-3)
        assert faces.scores[0] > 0.9


def test_mtcnn_has_no_8_bits(tmp_path):
    with pytest.raises(InputError, match="is MTCNN, which runs at many sizes; use --precision fp32"):
        load_detector(mtcnn_nets.known_nets(tmp_path), precision="int8")


def test_a_checkpoint_of_other_outputs_is_no_part_of_mtcnn(tmp_path):
    prefix = mtcnn_nets.known_nets(tmp_path)
    for kind in ("symbol.json", "0001.params"):
        (tmp_path / f"net2-{kind}").write_bytes((tmp_path / f"net3-{kind}").read_bytes())
    detector = load_detector(prefix)
    with pytest.raises(InputError, match=r"net2,1: has outputs of 2, 4, 10 channels; this network .* must have 2, 4"):
        detector.refinement(np.zeros((1, 48, 48, 3), np.uint8))


def test_mtcnn_by_hand():
    assert mtcnn.pyramid(480, 888, 20)[0] == 0.6
    scales = mtcnn.pyramid(100, 50, 20)
    np.testing.assert_allclose(scales, 0.6 * 0.709 ** np.arange(3))  # 30, 21.3, 15.1 pixels; 10.7 would be too small
    np.testing.assert_array_equal(mtcnn.squares(np.array([[10, 20, 19, 39]], np.float32)), [[5, 20, 24, 39]])
    boxes = np.array([[0, 0, 9, 19]], np.float32)
    np.testing.assert_allclose(mtcnn.moved(boxes, np.array([[0.1, -0.1, 0.2, 0.5]])), [[1, -2, 11, 29]])
    image = np.arange(1, 17, dtype=np.uint8).reshape(4, 4)[..., None].repeat(3, 2)
    (crop,) = mtcnn.crops(image, np.array([[-1, 2, 2, 5]], np.float32), 4)
    np.testing.assert_array_equal(crop[..., 0], [[0, 9, 10, 11], [0, 13, 14, 15], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert not mtcnn.crops(image, np.array([[50, 50, 59, 59]], np.float32), 4).any()
    # a face within another: their overlap is all of the smaller one
    boxes = np.array([[0, 0, 99, 99], [40, 40, 59, 59], [90, 0, 189, 99]], np.float32)
    np.testing.assert_array_equal(mtcnn.nms_min(boxes, np.array([0.9, 0.8, 0.7]), 0.7), [0, 2])
    assert mtcnn.nms_min(boxes[:0], np.zeros(0), 0.7).shape == (0,)


def test_mtcnn_of_the_published_topology_agrees_with_onnx_runtime(tmp_path):
    folder = mtcnn_nets.random_nets(tmp_path)
    for engine in ENGINES:
        detector = load_detector(folder, engine=engine)
        for stage, network in enumerate((detector.proposal, detector.refinement, detector.output), 1):
            side = (33, 24, 48)[stage - 1]
            crops = np.random.default_rng(stage).integers(0, 256, (2, side, side, 3), np.uint8)
            path = str(tmp_path / f"{stage}.onnx")
            if not Path(path).exists():
                convert.convert(f"{tmp_path / f'det{stage}'},1", path) if stage == 1 else write_crop_net(
                    tmp_path, stage, path
                )
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            planes = (crops.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 128
            wanted = sorted(session.run(None, {"data": planes}), key=lambda output: output.shape[1])
            found = network(crops)
            assert [output.shape[1] for output in found] == [2, 4, 10][: len(wanted)]
            for f, w in zip(found, wanted, strict=True):
                np.testing.assert_allclose(f, w, rtol=0, atol=1e-4 * np.abs(w).max())


def write_crop_net(folder: Path, stage: int, path: str) -> None:
    """As ONNX; `exports.convert` knows embeddings and detectors by the sizes of their crops, and these are others."""
    from rcnn.networks.checkpoint import load_checkpoint
    from rcnn.networks.checkpoint.onnx import to_onnx

    side = (24, 48)[stage - 2]
    model = to_onnx(load_checkpoint(f"{folder / f'det{stage}'},1").select(), ("batch", 3, side, side))
    Path(path).write_bytes(model.SerializeToString())


# ---- what all of them must do -------------------------------------------------------------------------------------


def essh_onnx(folder: Path) -> str:
    path = str(folder / "essh-m25.onnx")
    convert.convert(f"{ROOT / 'model' / 'essh-m25'},0", path)
    return path


ALL = {
    "essh": (lambda folder: f"{ROOT / 'model' / 'essh-m25'},0", ENGINES[:1]),
    "essh onnx": (essh_onnx, ONNX_ENGINES),
    "scrfd": (lambda folder: kinds.scrfd(folder / "scrfd.onnx"), ONNX_ENGINES),
    "scrfd of one size": (lambda folder: kinds.scrfd(folder / "one.onnx", side=160, baked=True), ONNX_ENGINES),
    "retinaface onnx": (lambda folder: kinds.retinaface(folder / "retinaface.onnx"), ONNX_ENGINES),
    "yunet": (lambda folder: kinds.yunet(folder / "yunet.onnx"), ONNX_ENGINES),
    "mtcnn": (mtcnn_nets.known_nets, ENGINES[:1]),
}
RETINAFACE = "published retinaface"
CASES = [(kind, engine) for kind, (_, engines) in ALL.items() for engine in engines]
if SHARED:  # another topology of a kind that is there
    CASES.append(pytest.param((RETINAFACE, ENGINES[0]), marks=pytest.mark.shared))


@pytest.fixture(scope="module", params=CASES, ids=lambda param: f"{param[0]}-{param[1]}")
def detector(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    kind, engine = request.param
    if kind == RETINAFACE:
        return load_detector(request.getfixturevalue("checkpoints")["retinaface"], engine=engine)
    detector = load_detector(ALL[kind][0](tmp_path_factory.mktemp("net")), engine=engine)
    if kind == "mtcnn":
        detector.min_face = 12  # the picture itself is the first level
    return detector


def pictures() -> list[np.ndarray]:
    """Of several sizes, with something to find for every kind, and a black one."""
    first = painted(128, 160, [(8, 9, 3), (16, 1, 7), (32, 3, 1)])
    second = portrait(0, CLEAR, 160)[:128]
    third = np.zeros((45, 60, 3), np.uint8)
    third[19:29, 25:35] = 255  # what MTCNN's known P wants at its first level
    return [first, second, np.zeros((45, 60, 3), np.uint8), third, first[::-1].copy()]


def same(first: Faces, second: Faces) -> bool:
    return all(np.array_equal(getattr(first, n), getattr(second, n)) for n in ("boxes", "scores", "landmarks"))


def test_faces_have_their_form_and_best_come_first(detector):
    images = pictures()
    found = detector.detect(images, 0.3)
    assert len(found) == len(images)
    assert sum(len(faces) for faces in found) > 0
    assert len(found[2]) == 0  # nothing in black
    for faces, image in zip(found, images, strict=True):
        count = len(faces)
        assert [faces.boxes.shape, faces.scores.shape, faces.landmarks.shape] == [(count, 4), (count,), (count, 5, 2)]
        assert {faces.boxes.dtype, faces.scores.dtype, faces.landmarks.dtype} == {np.dtype(np.float32)}
        assert (faces.boxes >= 0).all()
        assert (faces.boxes <= [image.shape[1] - 1, image.shape[0] - 1] * 2).all()
        assert (np.diff(faces.scores) <= 0).all()
        assert ((faces.scores >= 0.3) & (faces.scores <= 1)).all()


def test_no_bit_depends_on_the_neighbours(detector):
    images = pictures()
    together = detector.detect(images + images, batch_size=3)
    for index, image in enumerate(images):
        (alone,) = detector.detect([image])
        assert same(alone, together[index])
        assert same(together[index], together[len(images) + index])


def test_an_array_of_images_is_as_good_as_a_list(detector):
    images = [pictures()[0], pictures()[4]]
    for from_list, from_array in zip(detector.detect(images), detector.detect(np.stack(images)), strict=True):
        assert same(from_list, from_array)


def test_a_higher_threshold_only_drops_faces(detector):
    image = pictures()[1]
    low, high = detector.detect([image], 0.3)[0], detector.detect([image], 0.8)[0]
    assert len(high) == (low.scores >= 0.8).sum()
    assert len(detector.detect([image], 1.0)[0]) == (low.scores >= 1).sum()


def test_a_pyramid_finds_faces_in_pixels_of_the_image(detector):
    images = pictures()
    single, twice = detector.detect(images, 0.3), detector.detect(images, 0.3, scales=(1.0, 1.0))
    assert sum(map(len, twice)) > 0
    for faces, image in zip(twice, images, strict=True):
        assert (faces.boxes <= [image.shape[1] - 1, image.shape[0] - 1] * 2).all()
    # the same scale again finds the same faces, which NMS makes one; ESSH leaves stride 32 out there
    assert [len(faces) for faces in single] == [len(faces) for faces in twice]


def test_no_images_give_nothing_and_a_bare_image_is_refused(detector):
    assert detector.detect([]) == []
    with pytest.raises(InputError, match="list"):
        detector.detect(np.zeros((64, 64, 3), np.uint8))
