"""What callers give wrongly is refused in one line that names the argument, and no flag of a command."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import rcnn
from rcnn import ArgumentError, Face, FaceAnalysis, FaceFinder, Faces, InputError, compare, match_threshold
from rcnn.python.checks import in_python, python_errors
from rcnn.python.images import as_bgr

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False, width=32)
PAIRS = st.integers(2, 40).flatmap(lambda width: st.tuples(*[arrays.arrays(np.float32, width, elements=NUMBERS)] * 2))
IMAGE = np.zeros((40, 40, 3), np.uint8)
NONE = Faces.none()
ONE = np.ones(4)
NAN = np.array([1.0, np.nan])


@settings(max_examples=50)
@given(PAIRS, st.floats(1e-3, 1e3))
def test_compare_is_the_cosine(pair: tuple[np.ndarray, np.ndarray], times: float):
    one, two = (each.astype(np.float64) for each in pair)
    if not one.any() or not two.any():
        with pytest.raises(ArgumentError, match="zeros"):
            compare(one, two)
        return
    found = compare(*pair)
    assert -1 <= found <= 1 and found == pytest.approx(compare(pair[1], pair[0]), abs=1e-6)
    assert compare(one * times, two) == pytest.approx(found, abs=1e-6)
    largest = np.abs(one).max(), np.abs(two).max()
    one, two = one / largest[0], two / largest[1]
    assert found == pytest.approx(one @ two / np.linalg.norm(one) / np.linalg.norm(two), abs=1e-6)


def test_compare_takes_faces_rows_lists_and_extremes():
    face = Face(np.zeros(4), np.zeros((5, 2)), 1.0, 10.0, np.float32([0, 1]), IMAGE)
    assert compare(face, [0, 5]) == pytest.approx(1)
    assert compare(np.array([[3, 0]]), face) == pytest.approx(0)
    assert compare(np.array([1e300, 0]), np.array([1e-300, 0])) == pytest.approx(1)
    assert compare(np.float16([1, 1]), np.int8([1, 1])) == pytest.approx(1)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (np.zeros(0), ONE, "first: is empty"),
        (np.zeros((0, 0), np.float32), ONE, "no face was found"),
        ([], ONE, "first: is empty"),
        (ONE, np.ones(5), "are 4 and 5 wide, so two models"),
        (ONE, np.ones((3, 4)), r"second: has 3 vectors; give one of them, as second\[0\]"),
        (ONE, np.ones((1, 1, 4)), "second: is an array"),
        (ONE, NAN, "second: has NaN"),
        (ONE, np.array([np.inf, 1]), "second: has NaN or infinity"),
        (ONE, np.zeros(4), "second: is all zeros"),
        (ONE, 3.0, "second: is an array"),
        (ONE, "Ada", "second: is a text"),
        (ONE, None, "second: is None"),
        (ONE, np.array(["a", "b"]), "second: is an array"),
        (ONE, np.array([True, False]), "second: is an array"),
        (ONE, np.array([1j, 2j]), "second: is an array"),
        (ONE, [[1, 2], [3]], "second: is not an array"),
        (ONE, object(), "second: is an array"),
    ],
)  # fmt: skip
def test_what_is_no_vector_is_named(first: object, second: object, said: str):
    with pytest.raises(ArgumentError, match=said):
        compare(first, second)


NUMPY = arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
THINGS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.binary(max_size=40), NUMPY,
    st.complex_numbers(), st.lists(st.floats() | st.text(max_size=3), max_size=3), st.just({}),
)  # fmt: skip


@settings(max_examples=50)
@given(THINGS, st.sampled_from([None, "bgr", "rgb"]))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_whatever_is_given_is_taken_or_refused_in_a_line(thing: object, colour: str | None):
    calls = (
        lambda: as_bgr(thing, colour), lambda: compare(thing, thing), lambda: match_threshold(thing),
        lambda: as_bgr(IMAGE, thing),
    )  # fmt: skip
    for call in calls:
        try:
            call()
        except ArgumentError as error:
            assert str(error) and "\n" not in str(error)


BAD = {
    "threshold": (lambda: FaceFinder(threshold=50, gpu=-1), r"^threshold: is 50; give a number from 0 to 1.*0\.5"),
    "threshold of detect": (lambda: rcnn.detect_faces(IMAGE, threshold=-1, gpu=-1), "^threshold: is -1"),
    "threshold text": (lambda: FaceFinder(threshold="0.5", gpu=-1), "^threshold: is a text"),
    "threshold nan": (lambda: FaceFinder(threshold=float("nan"), gpu=-1), "^threshold: is nan"),
    "quality": (lambda: FaceFinder(min_quality=-3, gpu=-1), "^min_quality: is -3"),
    "gpu": (lambda: FaceFinder(gpu="cuda:0"), "^gpu: is 'cuda:0'"),
    "detector": (lambda: FaceFinder("nowhere/essh,0", gpu=-1), "^detector nowhere/essh,0: there is no nowhere"),
    "detector int": (lambda: FaceFinder(7, gpu=-1), "^detector: is an object of type int; give PREFIX,EPOCH"),
    "embedding": (lambda: FaceFinder(embedding="none,0", gpu=-1), "^embedding none,0: there is no none"),
    "embedding empty": (lambda: FaceFinder(embedding="", gpu=-1), "^embedding: is an empty text"),
    "model": (lambda: rcnn.embed_faces(IMAGE, NONE, "none,0", gpu=-1), "^model none,0: there is no"),
    "faces": (lambda: rcnn.embed_faces(IMAGE, [], gpu=-1), "^faces: is a list; give what detect_faces"),
    "image": (lambda: rcnn.detect_faces(None, gpu=-1), "^image: is None"),
    "read": (lambda: rcnn.read_image(IMAGE), "^path: is an array"),
    "read missing": (lambda: rcnn.read_image(Path("missing.jpg")), r"^path missing\.jpg: No such file"),
    "count": (lambda: rcnn.rank_clips(ONE, "x", count=0), "^count: is 0; give a whole number of 1 or more"),
    "count float": (lambda: rcnn.rank_clips(ONE, "x", count=2.5), r"^count: is 2\.5"),
    "count bool": (lambda: rcnn.rank_clips(ONE, "x", count=True), "^count: "),
    "person": (lambda: rcnn.rank_clips(np.zeros((0, 0)), "x"), "^person: is empty"),
    "person nan": (lambda: rcnn.rank_clips(NAN, "x"), "^person: has NaN"),
    "false_hits": (lambda: rcnn.rank_clips(ONE, "x", false_hits=0), "^false_hits: is 0"),
    "features": (lambda: rcnn.rank_clips(ONE, Path("nowhere")), "nowhere"),
    "features none": (lambda: rcnn.rank_clips(ONE, []), "^features: is empty"),
    "features array": (lambda: rcnn.rank_clips(ONE, ONE), "^features: is an array"),
    "features twice": (lambda: rcnn.rank_clips(ONE, ["a", "a"]), "^features a,a: has a directory twice"),
    "model_of": (lambda: rcnn.model_of(Path("nowhere")), "nowhere"),
    "model_of none": (lambda: rcnn.model_of(None), "^features: is None"),
    "video": (lambda: rcnn.find_in_video("nowhere.mp4", {"Ada": "a.jpg"}), r"^path nowhere\.mp4: there is no such"),
    "video folder": (lambda: rcnn.find_in_video(Path("/"), {"Ada": "a.jpg"}), "^path /: is a folder; find_people"),
    "video people": (lambda: rcnn.find_in_video(__file__, 3, gpu=-1), "^people: is an object of type int"),
    "people": (lambda: rcnn.find_people(3, __file__), "^people: is an object of type int; give {'Ada'"),
    "people paths": (lambda: rcnn.find_people({"Ada": "a.jpg"}, "nowhere.mp4"), r"^paths nowhere\.mp4: there is no"),
    "people none": (lambda: rcnn.find_people({"Ada": "a.jpg"}, []), "^paths: is empty"),
    "people verdicts": (lambda: rcnn.find_people({}, "x", verdicts=["sure"]), r"^verdicts: is \['sure'\]"),
    "people finder": (lambda: rcnn.find_people({}, "x", finder="essh"), "^finder: is a text; give a FaceFinder"),
    "rate": (lambda: match_threshold("often"), "^rate: is 'often'; give \"1 in 1,000\""),
    "rate 0": (lambda: match_threshold("1 in 0"), "^rate: is 0"),
    "rate 1000": (lambda: match_threshold(1000), "^rate: is 1000"),
    "rate rare": (lambda: match_threshold("1 in 1,000,000"), "^rate: is 1e-06; with face-m,0 1 in 100 to 1 in 10,000"),
    "ctx_id": (lambda: FaceAnalysis(detector="essh-m25,0").prepare("cpu"), "^ctx_id: is a text|^detector essh"),
    "modules": (lambda: FaceAnalysis(allowed_modules=["recognition"]), "^allowed_modules: is .*detection"),
    "modules int": (lambda: FaceAnalysis(allowed_modules=5), "^allowed_modules: is 5"),
    "name": (lambda: FaceAnalysis(None), "^name: is None; give the name of a pack"),
    "landmarks": (
        lambda: rcnn.embed_faces(IMAGE, Faces(NONE.boxes, NONE.scores, np.zeros((1, 10))), gpu=-1),
        r"^faces: has landmarks \(1, 10\)",
    ),
    "modules text": (lambda: FaceAnalysis(allowed_modules="detection"), "^allowed_modules: is 'detection'; give a"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore:buffalo_l")
def test_a_wrong_argument_is_named(name: str):
    call, said = BAD[name]
    with pytest.raises(ValueError, match=said) as caught:
        call()
    assert isinstance(caught.value, InputError)
    assert "\n" not in str(caught.value) and "--" not in re.sub(r"\bfeature\.py --.*", "", str(caught.value))


def test_flags_become_arguments_and_commands_stay():
    assert in_python("--gpu 7: there is none; use --gpu -1", {}) == "gpu=7: there is none; use gpu=-1"
    assert in_python("--quality-threshold: x", {"quality-threshold": "quality"}) == "quality: x"
    line = "x: is unknown; python -m rcnn card x --faces DIR finds it, give it as --detector"
    assert in_python(line, {}) == "x: is unknown; python -m rcnn card x --faces DIR finds it, give it as detector"
    line = "x: is missing; run python feature.py --inputs a,b --output c; or leave --output out"
    assert in_python(line, {}) == "x: is missing; run python feature.py --inputs a,b --output c; or leave output out"
    with pytest.raises(ArgumentError, match=r"^model a: is gone$") as caught, python_errors():
        raise InputError("--model a: is gone", "a line")
    assert caught.value.paste == "a line"


@pytest.mark.parametrize("rate", ["1 in 1,000", "1 in 1000", "1:1000", "1/1_000", "0.1%", " 0.1 % ", 0.001])
def test_a_threshold_has_a_name(rate: str | float):
    assert match_threshold(rate) == pytest.approx(match_threshold("1 in 1,000"))
    assert match_threshold("1 in 100") < match_threshold(rate) < match_threshold("1 in 10,000")
