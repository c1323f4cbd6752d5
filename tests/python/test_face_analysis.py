"""FaceAnalysis has the shape of InsightFace's class of this name, 2.1, and its numbers with its models."""

from __future__ import annotations

import copy
import inspect
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_people import group
from reference_models import SHIPPED

from rcnn import ArgumentError, FaceAnalysis, FaceFinder

# of insightface.app 2.1: names and defaults of arguments, and what a face has
INIT = {"name": "buffalo_l", "root": "~/.insightface", "allowed_modules": None}
PREPARE = {"ctx_id": 0, "det_thresh": 0.5, "det_size": None}
GET = {"img": inspect.Parameter.empty, "max_num": 0, "det_metric": "default"}
DRAW_ON = ["self", "img", "faces"]
# What insightface 2.1 (onnxruntime 1.32, CPU) gives for images/t1.jpg with SCRFD-2.5G and MobileFaceNet at (640, 640):
# box, probability, length of the embedding, and its cosine with the first one
OF_INSIGHTFACE = np.array([
    (745.81, 339.19, 845.65, 480.63, 0.9172, 14.1916, 1.0000),
    (465.39, 265.37, 573.37, 416.11, 0.9107, 17.9447, 0.0885),
    (58.55, 262.95, 168.83, 395.56, 0.8821, 14.6848, 0.0207),
    (1131.39, 271.12, 1225.69, 398.86, 0.8793, 14.5476, 0.0690),
    (904.85, 54.16, 1013.21, 204.18, 0.8606, 11.1640, 0.4231),
    (269.04, 147.26, 371.16, 265.10, 0.8578, 12.7412, 0.0508),
])  # fmt: skip


@pytest.fixture(scope="module")
def app() -> FaceAnalysis:
    made = FaceAnalysis(detector=SHIPPED["detector"], embedding=SHIPPED["model"], providers=["CPUExecutionProvider"])
    made.prepare(ctx_id=-1, det_thresh=0.5, det_size=(640, 640))
    return made


def defaults(function: object) -> dict[str, object]:
    found = inspect.signature(function).parameters.values()
    return {
        each.name: each.default for each in found if each.name != "self" and each.kind == each.POSITIONAL_OR_KEYWORD
    }


def test_calls_have_the_arguments_of_insightface():
    assert defaults(FaceAnalysis.__init__) == INIT
    assert defaults(FaceAnalysis.prepare) == PREPARE
    assert defaults(FaceAnalysis.get) == GET
    assert list(inspect.signature(FaceAnalysis.draw_on).parameters) == DRAW_ON


def test_a_face_is_a_dict_with_attributes(app: FaceAnalysis):
    image, points = group()
    faces = app.get(image)
    assert len(faces) == len(points)
    scores = [face.det_score for face in faces]
    assert scores == sorted(scores, reverse=True)
    face = faces[0]
    assert list(face) == ["bbox", "kps", "det_score", "embedding"] and face["bbox"] is face.bbox
    assert face.bbox.shape == (4,) and face.kps.shape == (5, 2) and face.det_score.dtype == np.float32
    assert face.embedding.shape == (128,) and face.embedding.dtype == np.float32
    assert face.embedding_norm == pytest.approx(np.linalg.norm(face.embedding))
    np.testing.assert_allclose(face.normed_embedding, face.embedding / face.embedding_norm)
    assert face.gender is None and face.age is None and face.sex is None and face.landmark_2d_106 is None
    face.name = "Ada"
    assert (
        face["name"] == "Ada" and copy.deepcopy(face).name == "Ada" and pickle.loads(pickle.dumps(face)).name == "Ada"
    )
    drawn = app.draw_on(image, faces)
    assert drawn.shape == image.shape and (drawn != image).any() and drawn is not image


def test_fewer_faces_are_the_large_ones_near_the_middle(app: FaceAnalysis):
    image, _ = group()
    boxes, landmarks = app.det_model.detect(image)
    assert boxes.shape == (6, 5) and landmarks.shape == (6, 5, 2)
    areas = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
    (largest,) = app.get(image, max_num=1, det_metric="max")
    np.testing.assert_array_equal(largest.bbox, boxes[areas.argmax(), :4])
    offsets = boxes[:, :4].reshape(-1, 2, 2).mean(1) - np.array([image.shape[1], image.shape[0]]) / 2
    order = np.argsort(-(areas - 2 * (offsets**2).sum(1)))
    for found, row in zip(app.get(image, max_num=2), order[:2], strict=True):
        np.testing.assert_array_equal(found.bbox, boxes[row, :4])


def test_it_finds_what_facefinder_finds(app: FaceAnalysis):
    image, _ = group()
    theirs = FaceFinder(gpu=-1).get(image, "bgr")
    mine = sorted(app.get(image), key=lambda face: face.bbox[0])
    for one, two in zip(mine, theirs, strict=True):
        assert np.abs(one.kps - two.landmarks).max() < 10  # pixels: the image is scaled otherwise
        assert one.normed_embedding @ two.embedding > 0.8


def test_numbers_are_those_of_insightface(shared: Path, tmp_path: Path):
    for name in ("scrfd_2.5g_bnkps", "mobilefacenet"):
        shutil.copy(shared / f"models/{name}.onnx", tmp_path)
    # insightface feeds every embedding so, and knows no card
    (tmp_path / "mobilefacenet.toml").write_text('colour = "rgb"\nmean = 127.5\nstd = 127.5\n')
    app = FaceAnalysis(tmp_path)
    app.prepare(ctx_id=-1, det_size=(640, 640))
    assert sorted(app.models) == ["detection", "recognition"]
    faces = app.get(cv2.imread(str(shared / "images/t1.jpg")))
    first = faces[0].normed_embedding
    found = np.array([
        (*face.bbox, face.det_score, face.embedding_norm, first @ face.normed_embedding) for face in faces
    ])  # fmt: skip
    np.testing.assert_allclose(found[:, :4], OF_INSIGHTFACE[:, :4], atol=0.02)  # pixels
    np.testing.assert_allclose(found[:, 4:], OF_INSIGHTFACE[:, 4:], atol=0.01)


def test_recognition_alone_can_be_asked(app: FaceAnalysis):
    image, _ = group()
    face = app.get(image, max_num=1)[0]
    wanted = face.embedding.copy()
    recogniser = app.models["recognition"]
    np.testing.assert_allclose(recogniser.get(image, face), wanted, rtol=1e-4, atol=1e-4)
    assert recogniser.compute_sim(wanted, face.embedding) == pytest.approx(1)
    assert recogniser.get_feat(np.zeros((112, 112, 3), np.uint8)).shape == (1, 128)


def test_detection_alone_and_what_is_not_here():
    with pytest.warns(UserWarning, match="genderage are not here"):
        app = FaceAnalysis(allowed_modules=["detection", "genderage"], detector=SHIPPED["detector"])
    image, _ = group()
    face = app.get(image)[0]  # sizes and threshold are those of prepare
    assert face.embedding is None and face.normed_embedding is None and face.embedding_norm is None
    assert app.det_size == [(128, 128), (640, 640)]
    with pytest.warns(UserWarning, match="buffalo_x: is not in .*the default models are used"):
        FaceAnalysis("buffalo_x", root="nowhere")


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ((640, 640), [(640, 640)]),
        ([(320, 320), (640, 480)], [(320, 320), (640, 480)]),
        ((0, 0), [(128, 128), (640, 640)]),
    ],
)
def test_sizes_are_a_pair_or_several(app: FaceAnalysis, size: object, sizes: list[tuple[int, int]]):
    mine = copy.copy(app)
    mine.models = dict(app.models)
    mine.prepare(-1, det_size=size)
    assert mine.det_size == sizes


def test_wrong_arguments_are_named(app: FaceAnalysis):
    image, _ = group()
    for size in (640, (640,), (-1, 640), (600, 640), "640", (640.5, 640.0), [(1, 2), 3]):
        with pytest.raises(ArgumentError, match=r"^det_size: is .*multiples of 32, as \(640, 640\)"):
            app.prepare(-1, det_size=size)
    with pytest.raises(ArgumentError, match=r"^det_thresh: is 50"):
        app.prepare(-1, det_thresh=50)
    with pytest.raises(ArgumentError, match=r"^ctx_id: is a text"):
        app.prepare("cpu")
    for img, said in ((None, "cv2.imread"), ("a.jpg", "a text"), (image[:0], "no pixels"), (image / 255, "uint8")):
        with pytest.raises(ArgumentError, match=f"^img: is.*{said}"):
            app.get(img)
    with pytest.raises(ArgumentError, match=r"^max_num: is -1"):
        app.get(image, max_num=-1)
    with pytest.raises(ArgumentError, match=r"^det_metric: is 'area'"):
        app.get(image, det_metric="area")
    with pytest.raises(ArgumentError, match=r"^addons: liveness are not here"):
        FaceAnalysis(addons=["liveness"])
