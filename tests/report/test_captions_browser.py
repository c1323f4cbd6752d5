"""Captions of who is in the picture in a real browser, which shows them in a `<track>` over a video that it plays."""

from __future__ import annotations

import base64

import av
import numpy as np
import pytest
from appearance_tables import ALL, Seen, write_table

from rcnn.exports.appearances import write_file

SITE = "http://page.test"  # answered by the test itself
RATE, SECONDS = 4, 6
EVIL = "<i>Zoë</i> & Co --> \u202ex\n\n00:00:00.000 --> 00:00:09.000\nnobody"
PAGE = """<!doctype html><video src="data:video/webm;base64,{film}" muted width="320" height="180">
<track default kind="captions" src="who.vtt" srclang="en" label="Who"></video>"""
SEEK = """([video, time]) => new Promise(done => {
  video.addEventListener('seeked', () => done(), {once: true}); video.currentTime = time; })"""
SHOWN = "video => [...video.textTracks[0].activeCues].map(cue => cue.getCueAsHTML().textContent)"


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "film.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(RATE * SECONDS):
            frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 90, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


def test_a_track_shows_who_is_there(browser, film, tmp_path):
    seen = [
        Seen("film.webm", 1.0, 3.0, person="Zoë Smith"), Seen("film.webm", 2.0, 4.0, who=3, person="", verdict="maybe"),
        Seen("film.webm", 4.5, 5.0, who=4, person=EVIL),
    ]  # fmt: skip
    write_file(write_table(tmp_path / "table", seen), str(tmp_path / "who.vtt"), ALL)
    page = PAGE.format(film=base64.b64encode(film).decode())
    answers = {"/": ("text/html", page.encode()), "/who.vtt": ("text/vtt", (tmp_path / "who.vtt").read_bytes())}
    tab = browser.new_page()
    try:
        for path, (kind, body) in answers.items():
            tab.route(f"{SITE}{path}", lambda route, kind=kind, body=body: route.fulfill(body=body, content_type=kind))
        tab.goto(f"{SITE}/")
        tab.wait_for_function("document.querySelector('track').readyState == 2")  # loaded
        tab.wait_for_function("document.querySelector('video').readyState >= 2")
        video = tab.query_selector("video")
        assert video.evaluate("v => [...v.textTracks[0].cues].map(c => [c.startTime, c.endTime])") == [
            [1, 3], [2, 4], [4.5, 5],
        ]  # fmt: skip
        evil = "<i>Zoë</i> & Co --> \ufffdx 00:00:00.000 --> 00:00:09.000 nobody"
        for time, wanted in ((0.5, []), (1.5, ["Zoë Smith"]), (2.5, ["Zoë Smith", "3 (maybe)"]), (4.7, [evil])):
            tab.evaluate(SEEK, [video, time])
            tab.wait_for_function("([v, n]) => v.textTracks[0].activeCues.length == n", arg=[video, len(wanted)])
            assert video.evaluate(SHOWN) == wanted
    finally:
        tab.close()
