"""Network outputs to faces, on made-up outputs, with the detector that ships and with the published RetinaFace."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
import pytest
from drawn_people import group, portrait, portrait_landmarks
from hypothesis import given, settings
from hypothesis import strategies as st
from rcnn.cython.boxes import overlaps
from rcnn.cython.nms import nms
from reference_models import CHECKPOINTS

from rcnn.config import config
from rcnn.errors import InputError
from rcnn.faces.choice import central_face
from rcnn.faces.detectors.essh import EsshDetector, decode
from rcnn.faces.load import load_detector
from rcnn.faces.types import Faces
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.engine import load_network

VGG_MEAN = (123.68, 116.779, 103.939)  # R, G, B
PHOTOGRAPH_STEP = 100  # every hundredth of the photographs
Cell = tuple[int, int, int, int]  # stride, y, x, number of the anchor


def planes(
    height: int, width: int, faces: dict[Cell, tuple[float, Sequence[float], Sequence[float]]]
) -> list[np.ndarray]:
    """Outputs for one image of height x width pixels with these scores, box and landmark deltas, else none."""
    outputs = []
    for stride, scales in config.ESSH.STRIDES:
        count, shape = len(scales), (-(-height // stride), -(-width // stride))
        probability = np.zeros((2 * count, *shape), np.float32)
        probability[:count] = 1
        boxes = np.zeros((4 * count, *shape), np.float32)
        landmarks = np.zeros((10 * count, *shape), np.float32)
        for (level, y, x, a), (score, box, points) in faces.items():
            if level == stride:
                probability[a, y, x], probability[count + a, y, x] = 1 - score, score
                boxes[4 * a : 4 * a + 4, y, x] = box
                landmarks[10 * a : 10 * a + 10, y, x] = points
        outputs += [probability, boxes, landmarks]
    return outputs


NOTHING = (0.0,) * 4, (0.0,) * 10


@pytest.mark.parametrize(
    ("cell", "box"),
    [
        ((8, 0, 0, 0), (-8, -8, 23, 23)),
        ((8, 0, 0, 1), (0, 0, 15, 15)),
        ((8, 2, 9, 1), (72, 16, 87, 31)),
        ((16, 3, 1, 0), (16 - 56, 48 - 56, 16 + 71, 48 + 71)),
        ((16, 1, 4, 1), (64 - 24, 16 - 24, 64 + 39, 16 + 39)),
        ((32, 0, 0, 0), (-248, -248, 263, 263)),
        ((32, 1, 2, 1), (64 - 120, 32 - 120, 64 + 135, 32 + 135)),
    ],
)
def test_a_face_without_deltas_is_its_anchor(cell, box):
    faces = decode(planes(64, 96, {cell: (0.9, *NOTHING)}), 0.5)
    assert len(faces) == 1
    np.testing.assert_array_equal(faces.boxes, [box])
    np.testing.assert_allclose(faces.scores, [0.9])
    centre = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    np.testing.assert_array_equal(faces.landmarks, [[centre] * 5])


def test_deltas_of_both_anchors_by_hand():
    box, points = (0.5, -0.25, np.log(2), 0), (0, 0, 1, 0, 0, 1, -1, -1, 0.5, 0.25)
    cells = {(8, 1, 7, 0): (0.8, box, points), (8, 4, 2, 1): (0.7, box, points)}
    faces = decode(planes(64, 96, cells), 0.5)
    # 48..79 x 0..31, centre 63.5, 15.5, side 32; then 16..31 x 32..47, centre 23.5, 39.5, side 16
    np.testing.assert_allclose(faces.boxes, [[48, -8, 111, 23], [16, 28, 47, 43]], atol=1e-4)
    np.testing.assert_allclose(faces.scores, [0.8, 0.7])
    first = [[63.5, 15.5], [95.5, 15.5], [63.5, 47.5], [31.5, -16.5], [79.5, 23.5]]
    second = [[23.5, 39.5], [39.5, 39.5], [23.5, 55.5], [7.5, 23.5], [31.5, 43.5]]
    np.testing.assert_allclose(faces.landmarks, [first, second], atol=1e-4)


def test_a_score_at_the_threshold_counts():
    outputs = planes(32, 32, {(8, 0, 0, 0): (0.5, *NOTHING), (8, 3, 3, 0): (0.49, *NOTHING)})
    assert len(decode(outputs, 0.5)) == 1


def test_a_stride_can_be_left_out():
    outputs = planes(64, 96, {(s, 0, 0, 0): (0.9, *NOTHING) for s in (32, 16, 8)})
    np.testing.assert_array_equal(decode(outputs, 0.5, skip_stride=32).boxes[:, 0], [-56, -8])


def test_only_the_best_of_a_stride_are_taken(monkeypatch):
    monkeypatch.setattr(config.ESSH, "PRE_NMS_TOP", 2)
    cells = {(8, 0, x, 1): (score, *NOTHING) for x, score in enumerate((0.6, 0.9, 0.7, 0.8))}
    cells[(16, 0, 0, 1)] = (0.55, *NOTHING)
    faces = decode(planes(32, 32, cells), 0.5)
    np.testing.assert_allclose(sorted(faces.scores), [0.55, 0.8, 0.9], rtol=1e-6)


@st.composite
def network_outputs(draw: st.DrawFn) -> list[np.ndarray]:
    """Outputs for a small image, with many overlaps and tied scores."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = draw(st.sampled_from([2, 5, 20, 1000]))
    height, width = draw(st.tuples(st.integers(1, 70), st.integers(1, 70)))
    outputs = planes(height, width, {})
    for level, (_, scales) in enumerate(config.ESSH.STRIDES):
        probability, boxes, landmarks = outputs[3 * level : 3 * level + 3]
        count = len(scales)
        probability[count:] = rng.integers(0, steps + 1, probability[count:].shape) / steps
        probability[:count] = 1 - probability[count:]
        boxes[:] = rng.normal(0, 0.3, boxes.shape)
        landmarks[:] = rng.normal(0, 0.3, landmarks.shape)
    return outputs


@pytest.mark.parametrize("top", [5, 1000])
@settings(max_examples=60, deadline=None)
@given(
    outputs=network_outputs(),
    threshold=st.sampled_from([0.0, 0.2, 0.3, 0.5, 0.999, 1.0]),
    overlap=st.sampled_from([0.3, 0.4, 0.0]),
)
def test_threshold_before_nms_gives_the_same_faces_as_after(top, outputs, threshold, overlap):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config.ESSH, "PRE_NMS_TOP", top)
        early = decode(outputs, threshold)
        early = early.take(nms(early.boxes, early.scores, overlap))
        late = decode(outputs, 0.0)
        late = late.take(nms(late.boxes, late.scores, overlap))
        late = late.take(np.flatnonzero(late.scores >= threshold))
    np.testing.assert_array_equal(early.boxes, late.boxes)
    np.testing.assert_array_equal(early.scores, late.scores)
    np.testing.assert_array_equal(early.landmarks, late.landmarks)
    assert (np.diff(early.scores) <= 0).all()


class FakeNetwork:
    """Finds a face at the cell of stride 8 whose number is in the first pixel (y, x, 255 for no face)."""

    output_names = tuple(f"stride{s}_{i}" for s in (32, 16, 8) for i in range(3))

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, data: np.ndarray) -> list[np.ndarray]:
        self.shapes.append(data.shape)
        rows = []
        for image in data:
            y, x, none = (int(v) for v in image[0, 0])
            cells = {} if none == 255 else {(8, y, x, 1): (0.9, *NOTHING)}
            rows.append(planes(image.shape[0], image.shape[1], cells))
        return [np.stack(parts) for parts in zip(*rows, strict=True)]


def marked(height: int, width: int, y: int, x: int, none: int = 0) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[0, 0] = y, x, none
    return image


def test_mixed_sizes_come_back_in_order():
    network = FakeNetwork()
    sizes = [(64, 96), (40, 40), (64, 96), (96, 64), (64, 96), (40, 40), (64, 96), (64, 96)]
    images = [marked(h, w, i % 4, i % 5, 255 if i == 4 else 0) for i, (h, w) in enumerate(sizes)]
    found = EsshDetector(network).detect(images, batch_size=2)
    assert len(found) == len(images)
    for i, faces in enumerate(found):
        x, y = 8 * (i % 5), 8 * (i % 4)
        expected = np.zeros((0, 4)) if i == 4 else [[x, y, min(x + 15, sizes[i][1] - 1), y + 15]]
        np.testing.assert_array_equal(faces.boxes, expected)
    # no more than two batch sizes for a size of image
    assert {shape[0] for shape in network.shapes} <= {1, 2}
    assert sum(shape[0] for shape in network.shapes) == len(images)


def test_last_scale_of_a_pyramid_goes_without_stride_32():
    class AllStrides(FakeNetwork):
        def __call__(self, data: np.ndarray) -> list[np.ndarray]:
            cells = {(s, 0, 0, 1): (0.9 if s == 32 else 0.8, *NOTHING) for s in (32, 16, 8)}
            return [part[None] for part in planes(data.shape[1], data.shape[2], cells)]

    detector = EsshDetector(AllStrides(), nms_threshold=1.0)
    images = [np.zeros((512, 512, 3), np.uint8)]
    one = detector.detect(images)[0]
    np.testing.assert_array_equal(one.boxes[:, 2], [135, 39, 15])
    several = detector.detect(images, scales=(1.0, 0.5))[0]
    # 135 at scale 1; not 270, which stride 32 would find at scale 0.5
    np.testing.assert_array_equal(several.boxes[:, 2], [135, 39, 15, 78, 30])


def test_boxes_are_clipped_to_a_wide_image():
    faces = EsshDetector(FakeNetwork()).detect([marked(40, 100, 4, 12)])[0]
    np.testing.assert_array_equal(faces.boxes, [[96, 32, 99, 39]])


def test_no_images_give_no_results():
    assert EsshDetector(FakeNetwork()).detect([]) == []


def test_a_single_image_outside_of_a_list_is_refused():
    with pytest.raises(InputError, match="list"):
        EsshDetector(FakeNetwork()).detect(np.zeros((64, 64, 3), np.uint8))


def boxes_only(*boxes: tuple[float, float, float, float]) -> Faces:
    count = len(boxes)
    return Faces(np.array(boxes, np.float32), np.ones(count, np.float32), np.zeros((count, 5, 2), np.float32))


@pytest.mark.parametrize(
    ("boxes", "best"),
    [
        ([(0, 0, 50, 50), (75, 25, 125, 75)], 1),  # the same size: the one in the centre
        ([(75, 25, 125, 75), (70, 20, 130, 80)], 1),  # both in the centre: the larger
        ([(75, 25, 125, 75), (0, 0, 90, 100)], 1),  # 2500 - 0 against 9000 - 2 * 55 ** 2 = 2950
        ([(75, 25, 125, 75), (0, 0, 84, 100)], 0),  # 2500 - 0 against 8400 - 2 * 58 ** 2 = 1672
        ([(100, 25, 150, 75), (80, 0, 120, 40)], 0),  # 2500 - 1250 against 1600 - 2 * 900
        ([(75, 25, 125, 75), (75, 25, 125, 75)], 0),  # the better score of two equals
        ([(190, 90, 199, 99)], 0),  # alone, however far
    ],
)
def test_central_face_by_hand(boxes, best):
    assert central_face(boxes_only(*boxes), 200, 100) == best


def test_central_face_knows_width_from_height():
    faces = boxes_only((75, 25, 125, 75), (25, 75, 75, 125))
    assert central_face(faces, 200, 100) == 0
    assert central_face(faces, 100, 200) == 1


@cache
def load(model: str) -> EsshDetector:
    return load_detector(model)


@pytest.fixture
def detector(models) -> EsshDetector:
    return load(models["detector"])


@pytest.fixture
def image() -> np.ndarray:
    """Six people."""
    return group()[0]


def assert_plausible(faces: Faces) -> None:
    x, y = faces.landmarks[..., 0], faces.landmarks[..., 1]
    assert (x > faces.boxes[:, :1]).all()
    assert (x < faces.boxes[:, 2:3]).all()
    assert (y > faces.boxes[:, 1:2]).all()
    assert (y < faces.boxes[:, 3:]).all()
    assert (x[:, 0] < x[:, 1]).all()  # left eye, right eye
    assert (x[:, 3] < x[:, 4]).all()
    assert (y[:, :2].max(1) < y[:, 3:].min(1)).all()  # eyes above the mouth


def assert_same_faces(found: Faces, expected: Faces, atol: float) -> None:
    assert len(found) == len(expected)
    found = found.take(overlaps(found.boxes, expected.boxes).argmax(0))
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=atol)
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=atol)


def test_it_finds_the_six_faces(six):
    faces = load(six.model).detect([six.image], 0.5)[0]
    assert len(faces) == 6
    assert_plausible(faces)
    assert (np.diff(faces.scores) <= 0).all()
    assert faces.scores.min() > 0.9
    eyes = faces.landmarks[:, :2].mean(1)
    nearest = np.linalg.norm(eyes[None] - six.eyes[:, None], axis=2).argmin(1)
    assert sorted(nearest) == list(range(6))
    np.testing.assert_allclose(eyes[nearest], six.eyes, atol=5)


def test_an_image_in_a_batch_has_the_faces_it_has_alone(detector, image):
    flipped = np.ascontiguousarray(image[:, ::-1])
    alone, alone_flipped = detector.detect([image])[0], detector.detect([flipped])[0]
    first, second, third = detector.detect([image, flipped, image])
    assert_same_faces(first, alone, 0.05)
    assert_same_faces(third, alone, 0.05)
    assert_same_faces(second, alone_flipped, 0.05)
    assert len(alone_flipped) == 6
    assert_plausible(second)
    back = image.shape[1] - 1 - second.boxes[:, [2, 0]]
    assert (
        overlaps(
            np.ascontiguousarray(np.stack([back[:, 0], second.boxes[:, 1], back[:, 1], second.boxes[:, 3]], 1)),
            first.boxes,
        )
        .max(0)
        .min()
        > 0.7
    )


def test_a_small_and_a_black_image_beside_the_group(detector, image):
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    black = np.zeros_like(half)
    small, none, large = detector.detect([half, black, image])
    assert len(none) == 0
    assert none.boxes.shape == (0, 4)
    assert none.landmarks.shape == (0, 5, 2)
    assert len(small) == len(large) == 6
    match = overlaps(small.boxes * 2, large.boxes)
    assert match.max(0).min() > 0.7


def test_pyramid_finds_the_faces_once_and_in_pixels_of_the_image(detector, image):
    single = detector.detect([image])[0]
    pyramid = detector.detect([image], scales=(0.5, 1.0))[0]
    assert len(pyramid) == 6
    assert_plausible(pyramid)
    assert overlaps(pyramid.boxes, single.boxes).max(0).min() > 0.7
    smaller = detector.detect([image], scales=(0.5,))[0]
    assert overlaps(smaller.boxes, single.boxes).max(0).min() > 0.7


def agree(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> bool:
    return all(np.allclose(f, e, rtol=0, atol=1e-4 * np.abs(e).max()) for f, e in zip(found, expected, strict=True))


def outputs_for_bgr(model: str, rgb: np.ndarray, mean: Sequence[float]) -> list[np.ndarray]:
    """What the detector's network computes for images, after a look at what reached it; `rgb`: (N, 3, H, W) uint8."""
    images = np.ascontiguousarray(rgb.transpose(0, 2, 3, 1)[..., ::-1])
    network = load(model).network
    found = network(images)
    plain = load_network(load_checkpoint(model))
    assert agree(found, plain(rgb - np.array(mean, np.float32).reshape(3, 1, 1)))
    assert not agree(network(np.ascontiguousarray(images[..., ::-1])), found)
    return found


def test_bgr_images_reach_the_network_as_rgb(models, image):
    outputs_for_bgr(models["detector"], np.ascontiguousarray(image[None, ..., ::-1].transpose(0, 3, 1, 2)), (0, 0, 0))
    assert load(models["detector"]).nms_threshold == 0.3


def test_published_detectors_get_rgb_less_their_mean(shared, checkpoints, subtests):
    for name, mean, overlap in (
        ("retinaface", (0, 0, 0), 0.4), ("essh-resnet50", (0, 0, 0), 0.3), ("essh-vgg16", VGG_MEAN, 0.3),
    ):  # fmt: skip
        with subtests.test(name):
            with np.load(shared / f"checkpoints/{CHECKPOINTS[name]}-reference.npz") as stored:
                rgb, reference = stored["data"], [stored[f"output{i}"] for i in range(9)]
            # MXNet was fed the planes as they are
            assert agree(outputs_for_bgr(checkpoints[name], rgb, mean), reference) == (not any(mean))
            assert load(checkpoints[name]).nms_threshold == overlap


def test_an_embedding_checkpoint_is_no_detector(models):
    model = models["model"]
    with pytest.raises(InputError, match="is an embedding, not a detector; give it as --model") as caught:
        load_detector(model)
    assert model in str(caught.value)


def test_nms_threshold_can_be_chosen(models):
    assert load_detector(models["detector"], nms_threshold=0.2).nms_threshold == 0.2


def test_a_face_in_every_portrait(detector):
    portraits = [(number, take) for number in range(8) for take in range(3)]
    images = [portrait(*shown) for shown in portraits]
    for shown, image, faces in zip(portraits, images, detector.detect(images, 0.3), strict=True):
        assert len(faces), shown
        best = central_face(faces, image.shape[1], image.shape[0])
        drawn = portrait_landmarks(*shown)
        # the background may look like one, too, so this is also the choice of the person's own
        assert np.abs(faces.landmarks[best] - drawn).mean() < 0.16 * np.ptp(drawn[:2, 0]), shown


def test_a_face_in_every_photograph(shared, checkpoints):
    paths = sorted((shared / "faces").glob("*/*.jpg"))[::PHOTOGRAPH_STEP]
    assert len(paths) > 50
    images = [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths]
    for path, image, faces in zip(paths, images, load(checkpoints["retinaface"]).detect(images, 0.3), strict=True):
        assert len(faces), path
        best = central_face(faces, image.shape[1], image.shape[0])
        # the photographs are cut so that the person's face is in the middle
        box = faces.boxes[best]
        assert box[0] < 125 < box[2], path
        assert box[1] < 125 < box[3], path
