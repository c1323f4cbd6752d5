"""A film is parted at key frames into pieces of a length, however long it is and whatever its container."""

from __future__ import annotations

import os
import shlex
import signal
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from zoo import Kind, Zoo, run

from rcnn.video import decoder as decoder_module
from rcnn.video import pieces
from rcnn.video.decoder import FrameDecoder
from rcnn.video.frames import read_frames
from rcnn.video.pieces import plan_pieces
from rcnn.video.planning import plan_cuts

X264 = "-an -c:v libx264 -preset ultrafast -bf 2 -sc_threshold 0 -threads 1 -pix_fmt yuv420p"
SECONDS = 100
KEY = 12  # seconds between key frames


def long_film(options: str):
    """A film of `SECONDS` at 10 frames a second."""

    def make(plain: Path, path: Path) -> None:
        source = shlex.split(f"-f lavfi -i testsrc=s=64x48:r=10:d={SECONDS}")
        run(*source, *shlex.split(f"{options} -g {10 * KEY} -keyint_min {10 * KEY}"), path)

    return make


FILMS = [Kind(f"film_{ending}", f".{ending}", long_film(X264)) for ending in ("mp4", "mkv", "ts", "avi", "flv")]


def nothing() -> None:
    pass


@pytest.mark.parametrize("kind", FILMS, ids=[kind.name for kind in FILMS])
def test_pieces_begin_at_key_frames(kind: Kind, zoo: Zoo):
    cuts = plan_cuts(str(zoo.path(kind)), 30.0, nothing)
    assert cuts == pytest.approx([24, 48, 72], abs=0.25)
    for cut in cuts:
        first = next(read_frames(str(zoo.path(kind)), start=cut))
        assert first.time == cut


@pytest.mark.parametrize("kind", FILMS[:3], ids=[kind.name for kind in FILMS[:3]])
def test_without_a_key_frame_they_are_cut_by_time(kind: Kind, zoo: Zoo):
    cuts = plan_cuts(str(zoo.path(kind)), 10.0, nothing)
    assert {round(cut) for cut in cuts} >= set(range(KEY, SECONDS - 10, KEY))
    assert max(end - start for start, end in pairwise([0.0, *cuts])) <= 10.001
    assert SECONDS - cuts[-1] <= 10.3


def test_one_piece_where_there_is_nothing_to_part(zoo: Zoo, tmp_path):
    path = str(zoo.path(FILMS[0]))
    assert plan_pieces(path, longest=SECONDS) == [(0.0, 0.0)]
    assert plan_pieces(path, longest=40.0) == [(0.0, 36.0), (36.0, 72.0), (72.0, 0.0)]
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    (tmp_path / "broken.mp4").write_bytes(Path(path).read_bytes()[:900])
    for other in (tmp_path / "a.jpg", tmp_path / "broken.mp4", tmp_path / "missing.mp4", tmp_path):
        assert plan_pieces(str(other)) == [(0.0, 0.0)]


def test_a_film_that_was_cut_off_is_planned_as_far_as_it_goes(zoo: Zoo, tmp_path):
    run("-i", zoo.path(FILMS[0]), "-c", "copy", "-movflags", "+faststart", tmp_path / "whole.mp4")
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 6 // 10])
    assert plan_cuts(str(tmp_path / "cut.mp4"), 15.0, nothing) == [12.0, 24.0, 36.0, 48.0]


def test_a_joined_broadcast_is_planned_over_all_of_it(zoo: Zoo, tmp_path):
    (tmp_path / "joined.ts").write_bytes(zoo.path(FILMS[2]).read_bytes() * 2)
    cuts = plan_cuts(str(tmp_path / "joined.ts"), 30.0, nothing)
    assert cuts[-1] > 2 * SECONDS - 31
    assert max(end - start for start, end in pairwise([0.0, *cuts])) <= 30.001


def test_a_file_that_kills_the_planner_is_one_piece(zoo: Zoo):
    path = str(zoo.path(FILMS[0]))
    plan_pieces(path)
    os.kill(pieces._own.decoder._process.pid, signal.SIGKILL)
    assert plan_pieces(path) == [(0.0, 0.0)]
    assert len(plan_pieces(path)) == 4


def test_a_film_in_a_store_is_fetched_once_for_its_pieces(zoo: Zoo, monkeypatch):
    film, other = str(zoo.path(FILMS[0])), str(zoo.path(FILMS[1]))
    there: list[str] = []
    fetches: list[str] = []

    @contextmanager
    def fetched(path, came):
        fetches.append(path)
        there.append(path)
        yield path
        there.remove(path)

    monkeypatch.setattr(decoder_module, "fetched", fetched)
    decoder = FrameDecoder()
    for path, start, end in ((film, 0.0, 2.0), (film, 24.0, 26.0), (film, 98.0, 0.0), (other, 98.0, 0.0)):
        assert list(decoder.read_frames(path, rate=1, start=start, end=end))
        assert there == [path]
    assert list(decoder.read_frames(film, rate=1))
    assert there == [other] and fetches == [film, other, film]
    decoder.__del__()
    assert there == []
