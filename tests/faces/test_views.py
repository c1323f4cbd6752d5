"""Frames on canvases: the shape is kept, and what is found comes back in pixels of the frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.config import config
from rcnn.faces.load import load_detector
from rcnn.faces.types import Faces
from rcnn.faces.views import canvas_of, detect_frames, fit
from rcnn.networks.engine import openvino as engine

SIDES = st.integers(16, 1920)


class Marks:
    """Finds the white rectangle of each image."""

    threshold = 0.5

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def detect(self, images, threshold=None, scales=(1.0,), batch_size=8):
        self.seen += [image.shape for image in images]
        found = []
        for image in images:
            y, x = np.nonzero(image[..., 0] > 127)
            box = np.array([[x.min(), y.min(), x.max(), y.max()]], np.float32)
            points = np.repeat(box[:, None, :2], 5, 1)
            found.append(Faces(box, np.ones(1, np.float32), points))
        return found


@given(SIDES, SIDES)
def test_the_canvas_is_the_one_on_which_the_image_is_largest(height, width):
    rows, columns = canvas_of(height, width)
    assert (columns, rows) in config.FRAME.CANVASES
    scales = {(r, c): min(r / height, c / width, 4 / 3) for c, r in config.FRAME.CANVASES}
    assert scales[rows, columns] == max(scales.values())
    alike = [size for size, scale in scales.items() if scale == scales[rows, columns]]
    assert rows * columns == min(r * c for r, c in alike)


@given(SIDES, SIDES)
def test_the_shape_is_kept_and_the_rest_is_black(height, width):
    canvas = np.zeros((*canvas_of(height, width), 3), np.uint8)
    scale = fit(np.full((height, width, 3), 255, np.uint8), canvas)
    inside = canvas[..., 0] == 255
    assert inside.sum() == round(width * scale[0]) * round(height * scale[1])
    assert inside[0, 0]
    # no more than half a pixel of the canvas from one scale for both sides
    assert abs(width * scale[0] - width * scale[1]) <= 0.5 * (1 + width / height) + 1e-9 or min(height, width) < 32


@pytest.mark.parametrize(
    "shape", [(360, 640), (1080, 1920), (1920, 1080), (480, 480), (480, 640), (360, 2560), (2000, 360)]
)
def test_a_rectangle_comes_back_where_it_is(shape):
    image = np.zeros((*shape, 3), np.uint8)
    top, left, bottom, right = shape[0] // 4, shape[1] // 3, shape[0] // 2, shape[1] // 2
    image[top : bottom + 1, left : right + 1] = 255
    (faces,) = detect_frames(Marks(), [image])
    scale = min(4 / 3, *(a / b for a, b in zip(canvas_of(*shape), shape, strict=True)))
    np.testing.assert_allclose(faces.boxes[0], [left, top, right, bottom], atol=0.75 / min(1, scale))
    np.testing.assert_allclose(faces.landmarks[0], [[left, top]] * 5, atol=0.75 / min(1, scale))


def test_frames_of_several_sizes_come_back_in_their_order_and_one_size_is_one_batch():
    images = []
    for index, shape in enumerate([(360, 640), (640, 360), (360, 640), (480, 480)]):
        image = np.zeros((*shape, 3), np.uint8)
        image[10 * index + 20, 50:60] = 255
        images.append(image)
    detector = Marks()
    found = detect_frames(detector, images)
    assert [round(float(faces.boxes[0, 1:4:2].mean())) for faces in found] == [20, 30, 40, 50]
    assert detector.seen == [(480, 888, 3)] * 2 + [(888, 480, 3), (656, 656, 3)]


def test_a_small_frame_is_not_enlarged_beyond_measure():
    assert canvas_of(256, 256) == (352, 352)
    canvas = np.zeros((352, 352, 3), np.uint8)
    np.testing.assert_allclose(fit(np.full((256, 256, 3), 255, np.uint8), canvas), 341 / 256)
    assert (canvas[..., 0] == 255).sum() == 341 * 341


def test_a_detector_of_one_size_gets_canvases_of_that_size():
    detector = Marks()
    detector.size = (640, 320)
    image = np.zeros((90, 70, 3), np.uint8)
    image[40:60, 30:50] = 255
    (faces,) = detect_frames(detector, [image])
    np.testing.assert_allclose(faces.boxes, [[30, 40, 49, 59]], atol=1)
    assert detector.seen == [(640, 320, 3)]


@pytest.mark.parametrize(
    ("shape", "canvas"),
    [((480, 270), (640, 384)), ((360, 640), (384, 640)), ((2160, 3840), (384, 640)), ((100, 100), (640, 640))],
)
def test_a_detector_that_was_made_for_a_side_gets_images_so_long(shape, canvas):
    detector = Marks()
    detector.side = 640
    image = np.zeros((*shape, 3), np.uint8)
    image[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 255
    (faces,) = detect_frames(detector, [image])
    wanted = [shape[1] // 4, shape[0] // 4, shape[1] // 2 - 1, shape[0] // 2 - 1]
    np.testing.assert_allclose(faces.boxes[0], wanted, atol=max(1, max(shape) / 640))
    assert detector.seen == [(*canvas, 3)]


class Sizes(Marks):
    """Finds the white rectangle of an image where it is no more than 420 pixels high, and a grey one."""

    side, largest = 640, 420.0

    def detect(self, images, threshold=None, scales=(1.0,), batch_size=8):
        self.seen += [image.shape for image in images]
        found = []
        for image in images:
            parts = []
            for low, high in ((60, 127), (200, 255)):
                y, x = np.nonzero((image[..., 0] > low) & (image[..., 0] <= high))
                box = np.array([[x.min(), y.min(), x.max(), y.max()]], np.float32)
                if y.max() - y.min() <= self.largest:
                    parts.append(Faces(box, np.full(1, 0.9, np.float32), np.repeat(box[:, None, :2], 5, 1)))
            found.append(Faces.joined(parts))
        return found


def test_a_close_up_beside_a_small_face_is_found_in_a_second_look_and_each_face_once():
    image = np.zeros((1280, 1280, 3), np.uint8)
    image[100:1200, 300:1100] = 250  # 550 pixels high in the first look
    image[20:60, 20:60] = 100
    detector = Sizes()
    (faces,) = detect_frames(detector, [image])
    assert detector.seen == [(640, 640, 3), (320, 320, 3)]
    boxes = faces.boxes[np.argsort(faces.boxes[:, 0])]
    np.testing.assert_allclose(boxes, [[20, 20, 59, 59], [300, 100, 1099, 1199]], atol=4)


def test_a_picture_too_low_for_a_face_that_is_too_large_is_looked_at_once():
    detector = Sizes()
    image = np.zeros((360, 640, 3), np.uint8)
    image[10:340, 100:400], image[350:360, :] = 250, 100
    assert len(detect_frames(detector, [image])[0]) == 2
    assert detector.seen == [(384, 640, 3)]


def test_a_pyramid_is_made_where_it_is_asked_for():
    detector = Marks()
    image = np.zeros((360, 640, 3), np.uint8)
    image[100:200, 100:200] = 255
    (faces,) = detect_frames(detector, [image], scales=(1.0, 2.0))
    assert detector.seen == [(480, 888, 3), (960, 1728, 3)]
    assert len(faces) == 1
    np.testing.assert_allclose(faces.boxes[0], [100, 100, 199, 199], atol=1)


def test_boxes_end_at_the_border():
    faces = Faces(np.array([[-5, 3, 900, 490]], np.float32), np.ones(1, np.float32), np.zeros((1, 5, 2), np.float32))
    np.testing.assert_array_equal(faces.scaled_back(np.ones(2), 640, 360).boxes, [[0, 3, 639, 359]])


def test_every_canvas_and_its_half_stays_compiled(models, monkeypatch):
    """A folder of videos and photographs of many shapes must not compile the network again and again."""
    detector = load_detector(models["detector"])
    compiled = []
    requests = engine._Requests
    monkeypatch.setattr(engine, "_Requests", lambda *given: compiled.append(given) or requests(*given))
    images = [np.zeros((height // 2, width // 2, 3), np.uint8) for width, height in config.FRAME.CANVASES]
    for image in images:
        detect_frames(detector, [image, np.zeros((image.shape[0] * 2, image.shape[1] * 2, 3), np.uint8)])
    once = len(compiled)
    for image in images:
        detect_frames(detector, [image])
    assert len(config.FRAME.CANVASES) <= once == len(compiled)
