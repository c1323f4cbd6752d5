"""Films that browsers don't play, and what is not there to be played. Takes 3 s."""

from __future__ import annotations

import io

import av
import cv2
import httpx
import numpy as np
import pytest
from desk_cast import Run

from benchmarks.made_desk import CODECS, FPS, SIZE, Running, said

UNPLAYABLE = [codec for codec in CODECS if codec != "libx264"]


@pytest.fixture(scope="module")
def window(desk: Running) -> httpx.Client:
    return desk.client()


def items(window: httpx.Client) -> dict[str, dict]:
    people = said(window.get("/api/state"))["people"]
    return {
        item["clip"]: item
        for one in people
        for item in said(window.get(f"/api/person/{one['label']}?show=all&count=500"))["items"]
    }


@pytest.mark.parametrize("codec", UNPLAYABLE)
def test_a_film_that_no_browser_plays_is_made_playable(codec: str, window: httpx.Client, run: Run) -> None:
    clip = run.films.by_codec[codec]
    assert items(window)[clip]["plays"].startswith("/play/")
    got = window.get(items(window)[clip]["plays"], params={"from": 1, "seconds": 2})
    assert got.status_code == 200 and got.headers["content-type"] == "video/mp4"
    assert b"moof" in got.content[:4096]  # fragmented
    with av.open(io.BytesIO(got.content)) as made:
        stream = made.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = list(made.decode(stream))
    rate = 25 if codec == "mpeg2video" else FPS
    assert abs(len(frames) - 2 * rate) <= 1 and (frames[0].width, frames[0].height) == SIZE
    assert frames[0].time < 1 / rate  # its 0 is the second that was asked for
    assert abs(_square(frames[0].to_ndarray(format="bgr24")) - rate) <= 3  # which is where it was then


def _square(image: np.ndarray) -> int:
    """Column in which the bright square begins: it moves by a pixel a frame."""
    return int(np.flatnonzero(image[60].mean(1) > 130)[0])


def test_a_film_that_browsers_play_comes_as_it_is_by_ranges(window: httpx.Client, run: Run) -> None:
    item = items(window)[run.films.by_codec["libx264"]]
    whole = window.get(item["plays"])
    assert item["plays"].startswith("/video/") and whole.headers["content-type"] == "video/mp4"
    with av.open(io.BytesIO(whole.content)) as film:
        assert film.streams.video[0].codec_context.name == "h264"
    part = window.get(item["plays"], headers={"Range": "bytes=4-7"})
    assert part.status_code == 206 and part.content == whole.content[4:8] == b"ftyp"
    assert part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
    made = window.get(item["plays"].replace("/video/", "/play/"), headers={"Range": "bytes=-5"})
    assert made.status_code == 206 and len(made.content) == 5


def test_a_face_comes_small_from_the_table_and_large_from_its_frame(window: httpx.Client, run: Run) -> None:
    item = items(window)[run.films.by_codec["libx264"]]
    small, large = (_picture(window.get(item["face"], params={"size": size})) for size in (112, 320))
    assert small.shape[0] == 112 and large.shape[0] == 320
    assert large.max() > 180 > small.std()  # the square, of which the stored crop has nothing
    frame = _picture(window.get(item["frame"]))
    assert frame.shape[:2] == SIZE[::-1]


def _picture(got: httpx.Response) -> np.ndarray:
    assert got.status_code == 200 and got.headers["content-type"] == "image/jpeg"
    return cv2.imdecode(np.frombuffer(got.content, np.uint8), cv2.IMREAD_COLOR)


def test_a_film_that_is_gone_is_told_and_its_face_is_still_there(window: httpx.Client, run: Run) -> None:
    item = items(window)[run.films.gone]
    assert (item["plays"], item["why"]) == (None, "the file is gone")
    for path in (f"/video/{run.films.gone}", f"/play/{run.films.gone}", item["frame"]):
        got = window.get(path)
        assert got.status_code == 404 and "gone" in got.text
    assert _picture(window.get(item["face"], params={"size": 320})).shape[0] == 320


def test_two_films_are_made_playable_at_once_and_the_rest_waits() -> None:
    from rcnn.review.pool import BusyError, DecoderPool

    pool = DecoderPool(2, wait=0.01)
    with pool.decoder(), pool.decoder(), pytest.raises(BusyError), pool.decoder():
        pass
    with pool.decoder():
        pass
    pool.close()
