"""Shapes, orientations and colours of converted pictures."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideData
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.video import hdr
from rcnn.video.conversion import Converter, squared, turn, upright
from rcnn.video.deinterlacing import Deinterlacer

SQUARE = Fraction(1)


def picture(image: np.ndarray, layout: str) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    return frame.reformat(format=layout, threads=1)  # several threads spoil pixels where their slices meet


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """Colours that change slowly, of an odd size."""
    y, x = np.mgrid[:91, :161].astype(np.float32)
    return np.dstack([60 + x, 200 - x, 40 + 2 * y]).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "layout",
    ["yuv420p", "yuvj420p", "yuv422p10le", "yuv444p12le", "yuva420p", "nv12", "p010le", "gbrp", "rgba64le", "bgra"],
)
def test_colours_stay_whatever_the_layout(layout, image):
    shown = Converter()(picture(image, layout), SQUARE)
    assert shown.shape == image.shape
    assert np.abs(shown.astype(int) - image).max() <= 8
    assert np.abs(shown.astype(int) - image).mean() <= 2


def test_grey_and_alpha():
    grey = np.full((16, 16, 3), 99, np.uint8)
    assert np.abs(Converter()(picture(grey, "gray10le"), SQUARE).astype(int) - 99).max() <= 1
    clear = np.dstack([grey, np.zeros((16, 16), np.uint8)])  # quite transparent
    assert np.array_equal(Converter()(av.VideoFrame.from_ndarray(clear, format="bgra"), SQUARE), grey)


@pytest.mark.parametrize(("size", "said", "right"), [
    ((64, 64), 2, 5), ((1280, 64), 2, 1), ((64, 720), 2, 1), ((64, 576), 2, 5), ((64, 64), 1, 1), ((1280, 720), 5, 5),
    ((64, 64), 9, 9), ((64, 64), 3, 5),
])  # fmt: skip
def test_the_matrix_is_the_one_said_or_else_that_of_the_size(size, said, right):
    """Numbers of ITU-T H.273: 1 is BT.709, 2 unspecified, 3 reserved, 5 BT.601, 9 BT.2020."""
    luma, blue, red = 120, 90, 180
    planes = [np.full(size[0] * size[1], luma, np.uint8)]
    planes += [np.full(size[0] * size[1] // 4, value, np.uint8) for value in (blue, red)]
    coded = av.VideoFrame.from_ndarray(np.concatenate(planes).reshape(-1, size[0]), format="yuv420p")
    coded.colorspace = said
    weight_red, weight_blue = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 9: (0.2627, 0.0593)}[right]
    y, pb, pr = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    r, b = y + 2 * (1 - weight_red) * pr, y + 2 * (1 - weight_blue) * pb
    g = (y - weight_red * r - weight_blue * b) / (1 - weight_red - weight_blue)
    expected = 255 * np.clip([b, g, r], 0, 1)
    assert np.abs(Converter()(coded, SQUARE)[3, 3] - expected).max() < 3


def test_a_change_in_the_middle_is_followed(image):
    convert = Converter()
    small, high = cv2.resize(image, (60, 40)), cv2.resize(image, (50, 200))
    for shown, layout in ((image, "yuv420p"), (small, "yuv420p"), (high, "yuv422p10le"), (image, "gbrp")):
        assert np.abs(convert(picture(shown, layout), SQUARE).astype(int) - shown).mean() <= 3
    assert convert(picture(small, "yuv420p"), Fraction(3, 2)).shape == (40, 90, 3)
    assert convert(picture(small, "yuv420p"), Fraction(2, 3)).shape == (60, 60, 3)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 8192), st.integers(1, 8192), st.fractions(Fraction(1, 1000), 1000, max_denominator=1000)
)  # fmt: skip
def test_no_pixel_is_lost_to_square_ones(width, height, aspect):
    wide, high = squared(width, height, aspect)
    assert (wide == width and high >= height) or (high == height and wide >= width)
    if Fraction(1, 8) <= aspect <= 8:
        assert abs(wide - high * width * aspect / height) <= max(1, width * aspect / height)
    else:
        assert (wide, high) == (width, height)


@pytest.mark.parametrize("index", range(8))
def test_eight_orientations(index, image):
    """A point (x, y) of the coded picture is shown at (a x + c y, b x + d y), moved into the picture."""
    transposed, mirrored, flipped = (bool(index & bit) for bit in (4, 2, 1))
    along, down = -1 if mirrored else 1, -1 if flipped else 1
    a, b, c, d = (0, down, along, 0) if transposed else (along, 0, 0, down)
    matrix = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], np.int32)
    coded = SimpleNamespace(side_data={SideData.DISPLAYMATRIX: matrix.tobytes()})
    shown = upright(image, *turn(coded))
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [40, 10]])
    places = corners @ np.array([[a, b], [c, d]])
    places -= np.minimum(0, np.array([[0, 0], [width - 1, height - 1]]) @ np.array([[a, b], [c, d]])).min(0)
    for (x, y), (right, bottom) in zip(corners, places, strict=True):
        assert np.array_equal(shown[bottom, right], image[y, x])


def test_an_angle_between_is_taken_for_the_nearest():
    for degrees, expected in ((10, (False, False, False)), (80, (True, False, True)), (170, (False, True, True))):
        angle = np.radians(degrees)  # counter-clockwise on the screen
        cosine, sine = (round(part * (1 << 16)) for part in (np.cos(angle), np.sin(angle)))
        matrix = np.array([cosine, -sine, 0, sine, cosine, 0, 0, 0, 1 << 30], np.int32)
        assert turn(SimpleNamespace(side_data={SideData.DISPLAYMATRIX: matrix.tobytes()})) == expected


@settings(max_examples=15, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_progressive_pictures_pass_the_deinterlacer_unchanged(interlaced):
    rng = np.random.default_rng(len(interlaced))
    images = [rng.integers(16, 236, (24, 16), np.uint8) for _ in interlaced]
    deinterlacer: Deinterlacer[int] = Deinterlacer()
    found = []
    for index, (luma, fields) in enumerate(zip(images, interlaced, strict=True)):
        coded = av.VideoFrame.from_ndarray(luma, format="yuv420p")  # 16x16 and its two planes of colour
        found += deinterlacer.push(flagged(coded) if fields else coded, index)
    found += deinterlacer.flush()
    assert [index for _, index in found] == list(range(len(interlaced)))
    for coded, index in found:
        if not interlaced[index]:
            assert np.array_equal(coded.to_ndarray(), images[index])


def flagged(coded: av.VideoFrame) -> av.VideoFrame:
    """A picture that says it is interlaced."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=coded.width, height=coded.height, format=coded.format, time_base=Fraction(1, 25))
    graph.link_nodes(source, graph.add("setfield", mode="tff"), graph.add("buffersink")).configure()
    graph.push(coded)
    return graph.vpull()


@pytest.mark.parametrize("transfer", [hdr.PQ, hdr.HLG])
def test_tones_are_grey_where_they_were_and_rise(transfer):
    table = hdr.table(transfer)
    greys = table[range(hdr.TABLE), range(hdr.TABLE), range(hdr.TABLE)]
    assert np.ptp(greys, axis=1).max() < 0.01
    assert (np.diff(greys[:, 1]) >= -1e-6).all()
    assert greys[0].max() < 0.01 and greys[-1].min() > 0.99


def test_what_is_not_bright_stays():
    light = np.array([1.0, 10.0, 50.0, 90.0])
    np.testing.assert_allclose(hdr.darkened(light), light, rtol=1e-3)
    np.testing.assert_allclose(hdr.pq_light(hdr.pq_signal(light)), light, rtol=1e-6)
    assert hdr.darkened(np.array(1000.0)) == pytest.approx(203, rel=1e-3)


def test_signals_of_the_standards():
    """ITU-R BT.2408-7, table 1: diffuse white, 203 cd/m2, is 58% of PQ and 75% of HLG."""
    assert hdr.pq_light(np.array(0.5806)) == pytest.approx(203, rel=0.01)
    assert hdr.hlg_light(np.full(3, 0.75)) == pytest.approx(np.full(3, 203), rel=0.01)
