"""A folder of people and a folder of films in one command: who is in view when, and what comes and goes later."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_people import group, person, portrait
from films import Shot, true_spans

import rcnn
from rcnn.commands import find as command
from rcnn.demo.film import draw_take, film_frames
from rcnn.errors import InputError
from rcnn.files.lock import Lock
from rcnn.scores.intervals import match_intervals
from rcnn.stages import find_set
from rcnn.stages.appearances import appearances
from rcnn.stages.detect import detect
from rcnn.stages.feature import feature
from rcnn.stages.genfeat import genfeat
from rcnn.stages.predict import predict
from rcnn.stages.settings import (
    AppearancesSettings,
    DetectSettings,
    FeatureSettings,
    GenfeatSettings,
    PredictSettings,
    SubmitSettings,
    TrainSettings,
)
from rcnn.stages.submit import submit
from rcnn.stages.train import train_mlp
from rcnn.video.motion import write_video
from rcnn.video.pieces import plan_pieces

SIZE = (320, 320)  # pixels of films: a small canvas is enough
LOOK = 1 / 8  # seconds, of --recipe best
PIECE = 1.0  # seconds of a film
ADA, BO, CY = "Ada Löve", "Bo", "Cy"
NUMBERS = {ADA: 1, BO: 4, CY: 5}
STRANGER = 23


def shot(name: str | None, take: int) -> Shot:
    number = STRANGER if name is None else NUMBERS[name]
    label = list(NUMBERS).index(name) + 1 if name else 0
    return Shot(label, list(film_frames(person(number), draw_take(0, number, take, size=SIZE), SIZE)))


def put_film(path: Path, shots: list[Shot]) -> list[Shot]:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, (frame for one in shots for frame in one.frames), SIZE, 20)
    return shots


def put_photo(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


class Place:
    """A folder of people, one of films, and the command on them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.found = root / "found"
        self.people, self.films = root / "people", root / "films"

    def __call__(self, *more: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            common = ["--people", str(self.people), "--clips", str(self.films), "--output", str(self.found)]
            patch.setattr(sys, "argv", ["rcnn find", *common, "--gpu", "-1", "--quality-threshold", "0", *more])
            patch.setattr(find_set, "plan_pieces", lambda path: plan_pieces(path, PIECE))
            command.main()

    def rows(self) -> list[dict[str, str]]:
        with open(self.found / "who.csv", newline="") as file:
            return list(csv.DictReader(file))

    def spans(self, film: str) -> dict[str, list[tuple[float, float]]]:
        spans: dict[str, list[tuple[float, float]]] = {}
        for row in self.rows():
            if row["source"] == str(self.films / film):
                spans.setdefault(row["person"], []).append((float(row["start"]), float(row["end"])))
        return spans


def check_spans(found: dict[str, list[tuple[float, float]]], shots: list[Shot]) -> None:
    """Who is in the film is found there from when to when, and nobody else is."""
    truth = {list(NUMBERS)[label - 1]: spans for label, spans in true_spans(shots).items()}
    assert set(found) == set(truth)
    for name, true in truth.items():
        pairs = match_intervals(np.array(found[name]), np.array(true))
        assert len(pairs) == len(true) == len(found[name]), (found, truth)
        assert max(np.abs(np.subtract(found[name][one], true[other])).max() for one, other in pairs) <= LOOK


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    """One photograph of each person, and a film with Bo, a stranger and Ada, in pieces of a second."""
    place = Place(tmp_path_factory.mktemp("find"))
    put_photo(place.people / f"{ADA}.png", portrait(NUMBERS[ADA], 0))
    put_photo(place.people / BO / "old/bo.png", portrait(NUMBERS[BO], 0))
    put_photo(place.people / BO / "group.png", group()[0])
    put_photo(place.people / "Wall.png", np.full((100, 100, 3), 90, np.uint8))
    (place.films / "notes.txt").parent.mkdir()
    (place.films / "notes.txt").write_text("to be sorted")
    (place.films / "broken.mp4").write_bytes(bytes(range(256)))
    return place


@pytest.fixture(scope="module")
def film(place) -> list[Shot]:
    return put_film(place.films / "first cut.mp4", [shot(BO, 6), shot(None, 0), shot(ADA, 5)])


@pytest.fixture(scope="module")
def said(place, film) -> str:
    """What the command prints."""
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: lines.append(" ".join(map(str, words))))
        place()
    return "\n".join(lines)


def test_people_are_found_over_the_borders_of_pieces(place, film, said):
    check_spans(place.spans("first cut.mp4"), film)
    with open(place.found / "dataset/gt_v2/clips.csv", newline="") as file:
        pieces = [row for row in csv.DictReader(file) if row["source"].endswith("first cut.mp4")]
    assert len(pieces) > 2


def test_all_that_is_wanted_is_there(place, film, said):
    rows = json.loads((place.found / "who.json").read_text())
    assert len(rows if isinstance(rows, list) else rows["appearances"]) == len(place.rows())
    page = (place.found / "report.html").read_text()
    assert "first cut.mp4" in page and ADA in page and "0:0" in page
    assert 'id="measures"' not in page and "without the truth" not in page
    assert len((place.found / "submission.txt").read_text().splitlines()) >= 2
    assert "2 people in 1 of 2 clips" in page


def test_what_could_not_be_used_is_said_by_name(place, said):
    assert f"{BO}, group.png: shows 6 large faces; the one most like" in said
    assert "Wall, Wall.png: no face detected" in said and "not searched for" in said
    assert "notes.txt" in said and "broken.mp4" in said
    skipped = (place.found / "skipped.txt").read_text()
    assert "notes.txt\tis neither" in skipped and "broken.mp4\tcan't be read: " in skipped
    assert f"  {ADA}: 1 yes" in said and f"  {BO}: 1 yes" in said and "not found: Wall" in said


def test_the_six_commands_go_on_from_there(place, said, capsys):
    at = {name: str(place.found / name) for name in os.listdir(place.found)}
    for part in ("trainval", "test"):
        detect(
            DetectSettings(
                dataset=at["dataset"], stage=part, output=at[f"det_{part}"], recipe="best", quality_threshold=0
            )
        )
        feature(FeatureSettings(input=at[f"det_{part}"], output=at[f"feat_{part}"], recipe="best"))
    genfeat(GenfeatSettings(inputs=(at["feat_trainval"],), output=at["trainval"], recipe="best"))
    classifier = TrainSettings(data=at["trainval"], prefix=f"{place.found}/iqiyi", recipe="best")
    train_mlp(classifier)
    predict(
        PredictSettings(
            model=f"{classifier.prefix},{classifier.last_epoch}",
            inputs=(at["feat_test"],),
            output=at["pred_test"],
            recipe="best",
        )
    )
    appearances(AppearancesSettings(features=at["feat_test"], known=(at["feat_trainval"],), output=at["appearances"]))
    assert capsys.readouterr().out.count("it is kept") == 8
    submit(SubmitSettings(inputs=(at["pred_test"],), output=f"{place.root}/submission.txt", recipe="best"))
    assert (place.root / "submission.txt").read_text() == (place.found / "submission.txt").read_text()
    photo = portrait(NUMBERS[ADA], 1)
    faces = rcnn.detect_faces(photo, gpu=-1)
    vectors = rcnn.embed_faces(photo, faces, rcnn.model_of(at["feat_test"]), gpu=-1)
    assert rcnn.rank_clips(vectors, [at["feat_test"]], 1)[0].clip.startswith("first-cut_")


def test_nothing_is_looked_at_twice(place, film, said, monkeypatch):
    rows = place.rows()
    for module in ("detect", "feature", "predict"):
        monkeypatch.setattr(f"rcnn.stages.{module}.open_crew", None)
    monkeypatch.setattr("rcnn.stages.find_set.plan_pieces", None)
    place()
    assert place.rows() == rows


@pytest.mark.parametrize(
    ("people", "clips", "words"),
    [
        ("nowhere", "films", "--people .*nowhere: no such folder"),
        ("empty", "films", "--people .*empty: contains no photograph and no video"),
        ("people", "nowhere", "--clips .*nowhere: there is no such file or folder"),
        ("people", "empty", "--clips .*empty: contains no film and no photograph"),
        ("people", "people", "files of the people are not searched"),
    ],
)
def test_what_is_missing_is_one_line(place, tmp_path, monkeypatch, people, clips, words):
    (place.root / "empty").mkdir(exist_ok=True)
    given = [
        "--people",
        str(place.root / people),
        "--clips",
        str(place.root / clips),
        "--output",
        str(tmp_path / "out"),
    ]
    monkeypatch.setattr(sys, "argv", ["rcnn find", *given])
    with pytest.raises(InputError, match=words):
        command.main()


def test_another_output_is_left_alone(place, tmp_path, monkeypatch):
    other = Place(place.root)
    other.found = tmp_path
    (tmp_path / "thesis.txt").write_text("!")
    with pytest.raises(InputError, match=r"contains 'thesis\.txt', which find did not make"):
        other()
    other.found = tmp_path / "thesis.txt"
    with pytest.raises(InputError, match="is a file"):
        other()
    assert (tmp_path / "thesis.txt").read_text() == "!"


def test_two_at_once_are_one_line(place, said):
    lock = Lock(str(place.found / "lock"), str(place.found), "--output")
    try:
        with pytest.raises(InputError, match="writes there; wait for its end"):
            place()
    finally:
        lock.release()


def test_people_without_a_face_end_the_run(tmp_path, film, place):
    lonely = Place(tmp_path)
    put_photo(lonely.people / "Wall.png", np.full((100, 100, 3), 90, np.uint8))
    lonely.films = place.films
    with pytest.raises(InputError, match=r"no face was found in any of its photographs, Wall, Wall\.png: no face"):
        lonely()


def test_films_and_people_come_and_go(place, film, said, capsys):
    """The last test of this place."""
    second = put_film(place.films / "more/zweiter.mp4", [shot(CY, 1)])
    put_photo(place.people / f"{CY}.png", portrait(NUMBERS[CY], 0))
    (place.people / f"{ADA}.png").unlink()
    (place.films / "broken.mp4").unlink()
    before = [row for row in place.rows() if row["verdict"] == "yes" and row["person"] == BO]
    capsys.readouterr()
    place()
    assert "2 films: 1 as before, 1 new, 0 changed; 1 gone" in capsys.readouterr().out
    check_spans(place.spans("more/zweiter.mp4"), second)
    assert ADA not in place.spans("first cut.mp4")
    # a label is for ever, and the times are those of the first look
    assert {row["person"]: row["label"] for row in place.rows()} == {BO: "2", CY: "4"}
    places = ("source", "clip", "start", "end", "best_time", "track")
    after = [row for row in place.rows() if row["verdict"] == "yes" and row["source"] == before[0]["source"]]
    assert [[row[key] for key in places] for row in after] == [[row[key] for key in places] for row in before]
    log = (place.found / "log/find.log").read_text()
    assert re.search(r"[1-9]\d* clips? kept, [1-9]\d* new, 0 changed, 1 gone", log), log
