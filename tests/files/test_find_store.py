"""The command find on a film and a photograph that lie in an object store."""

from __future__ import annotations

import csv
import sys

import cv2
import numpy as np
from drawn_people import framed, person, portrait

from rcnn import files
from rcnn.commands import find as command
from rcnn.demo.film import draw_take, film_frames
from rcnn.video.motion import write_video

SIZE = (320, 320)  # pixels of the film
ADA, BO = 1, 4  # numbers of people


def test_people_are_found_in_a_store(s3, tmp_path, monkeypatch):
    """One is in the film and one on the photograph; given again, the command fetches neither."""
    people = tmp_path / "people"
    people.mkdir()
    for name, number in (("Ada", ADA), ("Bo", BO)):
        assert cv2.imwrite(str(people / f"{name}.png"), portrait(number, 0))
    film, picture = tmp_path / "film.mp4", framed(np.ascontiguousarray(portrait(BO, 1)))
    write_video(film, film_frames(person(ADA), draw_take(0, ADA, 5, size=SIZE), SIZE), SIZE, 20)
    files.put(s3.url("films/one film.mp4"), film.read_bytes())
    files.put(s3.url("films/still.png"), cv2.imencode(".png", picture)[1].tobytes())
    found = tmp_path / "found"
    words = ["--people", str(people), "--clips", s3.url("films"), "--output", str(found)]
    monkeypatch.setattr(sys, "argv", ["rcnn find", *words, "--gpu", "-1", "--quality-threshold", "0"])
    command.main()
    with open(found / "who.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["person"], row["source"]) for row in rows if row["verdict"] == "yes"} == {
        ("Ada", s3.url("films/one film.mp4")),
        ("Bo", s3.url("films/still.png")),
    }
    assert {float(row["end"]) for row in rows if row["person"] == "Bo"} == {0.0}  # a photograph has no times
    assert fetched(s3.requests)
    s3.requests.clear()
    command.main()
    assert not fetched(s3.requests)


def fetched(requests: list[str]) -> list[str]:
    return [request for request in requests if request.startswith("GET") and ".mp4" in request]
