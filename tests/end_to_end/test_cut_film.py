"""A film that is cut together of people who do not exist: who is in view from when to when, and strangers are not."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_people import person, portrait
from films import Shot, true_spans, write_clips

import rcnn
from rcnn.clips.labels import read_labels_of
from rcnn.commands.appearances import main
from rcnn.demo.film import SIZE, draw_take, film_frames
from rcnn.errors import InputError
from rcnn.scores.intervals import match_intervals
from rcnn.stages.appearances import appearances
from rcnn.stages.detect import detect
from rcnn.stages.feature import feature
from rcnn.stages.settings import AppearancesSettings, DetectSettings, FeatureSettings
from rcnn.tables import StageReader
from rcnn.video.frames import read_frames
from rcnn.video.motion import FPS

LOOK = 1 / 8  # seconds, of --recipe best
KNOWN = (1, 4, 5)
STRANGERS = (6, 8)  # of clips without a label
SHORT = 6  # frames of a clip


def cut(*scenes: tuple[int | None, int]) -> list[Shot]:
    """Shots of people and takes; the number of a known person is the label."""
    shots = []
    for number, take in scenes:
        who = None if number is None else person(number)
        label = None if number is None else number if number in KNOWN else 0
        shots.append(Shot(label, list(film_frames(who, draw_take(0, number or 99, take)))))
    return shots


@pytest.fixture(scope="module")
def film() -> list[Shot]:
    """Two known people come twice each, with strangers (23, 24) and nobody in between; person 5 comes not at all."""
    return cut((1, 5), (23, 0), (4, 5), (4, 6), (1, 6), (None, 0), (24, 0), (4, 7))


@pytest.fixture(scope="module")
def run(film, models, tmp_path_factory) -> Path:
    """Faces and features of the film, and of the clips that people are known from."""
    root = tmp_path_factory.mktemp("film")
    known = {f"known_{number}_{take}.mp4": (number, cut((number, take))) for number in KNOWN for take in range(2)}
    strangers = {f"stranger_{number}.mp4": (0, cut((number, 0))) for number in STRANGERS}
    nobody = Shot(None, cut((None, 1))[0].frames[:SHORT])
    write_clips(root / "data", "train", known, SIZE)
    write_clips(root / "data", "val", strangers, SIZE)
    write_clips(root / "data", "test", {"film.mp4": (0, film), "nobody.mp4": (0, [nobody])}, SIZE)
    (root / "data/gt_v2/names.txt").write_text("1 Ada\n4 Bo\n5 Cy\n")
    (root / "data/gt_v2/sources.txt").write_text("film.mp4\t/films/first cut.mp4\n")
    find_faces(root, models)
    return root


def find_faces(root: Path, models: dict[str, str]) -> None:
    """Stages 1 and 2."""
    for stage in ("trainval", "test"):
        data = {"dataset": str(root / "data"), "stage": stage, "quality_threshold": 0.0}
        detect(DetectSettings(**models, **data, output=f"{root}/det_{stage}", gpu=-1, recipe="best"))
        paths = {"input": f"{root}/det_{stage}", "output": f"{root}/feat_{stage}"}
        feature(FeatureSettings(models["model"], **paths, gpu=-1, recipe="best"))


@pytest.fixture(scope="module")
def settings(run) -> AppearancesSettings:
    return AppearancesSettings(f"{run}/feat_test", known=(f"{run}/feat_trainval",), output=f"{run}/appearances")


@pytest.fixture(scope="module")
def table(settings) -> list[dict]:
    appearances(settings)
    return rows_of(settings.output)


def rows_of(path: str) -> list[dict]:
    return [row for batch in StageReader(path, ("appearances",)).batches() for row in batch.to_pylist()]


def check_spans(found: dict[int, list[tuple[float, float]]], film: list[Shot]) -> None:
    """Each appearance is found, nothing else is, and starts and ends are right within a look."""
    truth = true_spans(film)
    assert len(truth) == 2 and set(found) == set(truth)
    for label, true in truth.items():
        pairs = match_intervals(np.array(found[label]), np.array(true))
        assert len(pairs) == len(true) == len(found[label]), (found, truth)
        for one, other in pairs:
            assert np.abs(np.subtract(found[label][one], true[other])).max() <= LOOK


def spans_of(rows: list[dict]) -> dict[int, list[tuple[float, float]]]:
    found: dict[int, list[tuple[float, float]]] = {}
    for row in rows:
        if row["verdict"] != "no":
            found.setdefault(row["who"], []).append((row["start"], row["end"]))
    return found


def test_people_are_found_when_they_are_in_view_and_strangers_are_not(table, film):
    check_spans(spans_of(table), film)
    assert sum(row["verdict"] == "no" for row in table) >= 2  # the strangers, each like somebody


def test_a_row_says_who_where_and_in_which_file(table, run):
    row = next(row for row in table if row["who"] == 1)
    assert row["name"] == "film.mp4" and row["split"] == "test"
    assert row["person"] == "Ada" and row["source"] == "/films/first cut.mp4"
    assert row["start"] <= row["time"] <= row["end"] and 0 < row["seen"] <= row["end"] - row["start"]
    faces = [face for batch in StageReader(f"{run}/det_test", ("detect",)).batches() for face in batch.to_pylist()]
    best = next(face for face in faces if face["time"] == row["time"] and face["track"] == row["track"])
    assert best["box"] == row["box"]
    inside = [face for face in faces if face["track"] == row["track"] and row["start"] <= face["time"] <= row["end"]]
    assert best["quality"] == max(face["quality"] for face in inside)


def test_the_manifest_says_how_the_verdicts_were_made_and_every_clip_is_listed(table, settings):
    reader = StageReader(settings.output, ("appearances",))
    assert [row["name"] for batch in reader.clips() for row in batch.to_pylist()] == ["film.mp4", "nobody.mp4"]
    counts = reader.manifest["counts"]
    assert counts["people"] == len(KNOWN) and counts["yes"] + counts["maybe"] + counts["no"] == len(table)
    assert counts["operating_point"]["false_hits"] == 1.0 and counts["operating_point"]["words"]


def test_the_command_makes_files_of_the_table(table, settings, tmp_path, monkeypatch, capsys):
    output = tmp_path / "who.csv"
    monkeypatch.setattr(sys, "argv", ["rcnn", "--table", settings.output, "--output", str(output), "--verdicts", "all"])
    main()
    assert f"appearances: {len(table)} of" in capsys.readouterr().out
    with open(output, newline="") as file:
        assert [float(row["start"]) for row in csv.DictReader(file)] == [row["start"] for row in table]
    for more, words in (
        (["--output", str(output), "--false-hits", "3"], "--false-hits: is for the table"),
        (["--verdicts", "all"], "--verdicts: is for a file"),
        (["--output", str(output), "--verdicts", "perhaps"], "--verdicts"),
        (["--false-hits", "1001"], "--false-hits: '1001' is not a number"),
    ):
        monkeypatch.setattr(sys, "argv", ["rcnn", *more])
        with pytest.raises(InputError, match=words):
            main()


def test_the_same_is_kept_and_other_thresholds_are_not_mixed_in(table, settings, capsys):
    appearances(settings)
    assert "is complete and was made from the same inputs; it is kept" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"another false_hits \(1.0, now 5.0\)"):
        appearances(replace(settings, false_hits=5.0))


def test_a_known_clip_that_is_searched_is_judged_without_itself(run, tmp_path):
    known = f"{run}/feat_trainval"
    appearances(AppearancesSettings(known, known=(known,), output=f"{tmp_path}/all"))
    labels = read_labels_of(f"{run}/data")
    rows = [row for row in rows_of(f"{tmp_path}/all") if row["name"] in labels]
    assert {row["name"] for row in rows if row["who"] == labels[row["name"]] and row["verdict"] != "no"} == {
        f"known_{number}_{take}.mp4" for number in KNOWN for take in range(2)
    }
    assert all(row["cosine"] < 0.99 for row in rows)
    assert {row["source"] for row in rows} == {f"IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN/{row['name']}" for row in rows}


def test_one_file_is_searched_for_people_of_photographs_or_features(run, film, models, tmp_path):
    names = {"Ada": 1, "Bo": 4, "Cy": 5}
    people = {}
    for name, number in names.items():
        people[name] = [str(tmp_path / f"{name}{take}.png") for take in range(2)]
        for take, path in enumerate(people[name]):
            cv2.imwrite(path, portrait(number, take))
    path = f"{run}/data/IQIYI_VID_TEST/film.mp4"
    rows = list(rcnn.find_in_video(path, people, models["detector"], models["model"], quality=0.0, gpu=-1))
    assert {row.source for row in rows} == {path} and {row.person for row in rows} <= set(names)
    check_spans(spans_of([{**vars(row), "who": names[row.person]} for row in rows]), film)
    path = f"{run}/data/IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN/known_4_0.mp4"
    (row,) = rcnn.find_in_video(path, f"{run}/feat_trainval", models["detector"], quality=0.0, gpu=-1)
    assert (row.who, row.person, row.start) == (4, "Bo", 0.0) and row.verdict != "no"
    with pytest.raises(InputError, match="each name needs at least one photograph"):
        next(rcnn.find_in_video(path, {}, gpu=-1))
    with pytest.raises(InputError, match=r"nowhere\.mp4: there is no such file"):
        next(rcnn.find_in_video(f"{run}/nowhere.mp4", people, models["detector"], models["model"], gpu=-1))


def test_ranked_clips_say_when(run, film, models):
    vectors = rcnn.embed_faces(portrait(4, 0), rcnn.detect_faces(portrait(4, 0), gpu=-1), models["model"], gpu=-1)
    first, *others = rcnn.rank_clips(vectors, [f"{run}/feat_test", f"{run}/feat_trainval"], 4, times=True)
    clips = {match.clip: match.appearances for match in (first, *others)}
    assert {"film.mp4", "known_4_0.mp4", "known_4_1.mp4"} < set(clips)
    assert all(items[0].verdict != "no" for name, items in clips.items() if name.startswith("known_4"))
    best = clips["film.mp4"][0]  # others may be like the one who is looked for
    mine = sorted((item.start, item.end) for item in clips["film.mp4"] if item.verdict == best.verdict)
    assert len(match_intervals(np.array(mine), np.array(true_spans(film)[4]))) == len(mine) == 2
    assert best.source == "/films/first cut.mp4"


REAL = {  # file of a shot, its label, and where it begins and ends in the file, seconds
    "film.mp4": [
        ("barack_obama/hieubkvn123-obama.mp4", 1, 0.0, 2.0),
        ("theresa_may/Zejun-Yang-pose_ref_video.mp4", 0, 0.0, 1.5),
        ("joe_biden/hieubkvn123-biden.mp4", 2, 1.0, 3.0),
        ("elon_musk/aliawan01-musk.mp4", 0, 2.0, 3.6),
        ("barack_obama/hieubkvn123-obama.mp4", 1, 2.5, 4.5),
    ],
    "known_1.mp4": [("barack_obama/clone95-obama.mp4", 1, 1.0, 2.5)],  # another session
    "known_2.mp4": [("joe_biden/zhangxinaaaa-biden.mp4", 2, 1.0, 2.5)],
}
REAL_SIZE = (640, 360)


def real_shot(path: Path, label: int, start: float, end: float) -> Shot:
    """A part of a video, fitted into a frame, at the rate of the film."""
    times, images = [], []
    for frame in read_frames(str(path)):
        if frame.time > end:
            break
        scale = min(REAL_SIZE[0] / frame.image.shape[1], REAL_SIZE[1] / frame.image.shape[0])
        small = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        canvas = np.zeros((REAL_SIZE[1], REAL_SIZE[0], 3), np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        times.append(frame.time)
        images.append(canvas)
    wanted = np.arange(start, end, 1 / FPS)
    return Shot(label, [images[index] for index in np.abs(np.array(times)[None] - wanted[:, None]).argmin(1)])


def test_real_people_are_found_in_a_film_of_other_sessions(shared, models, tmp_path):
    shots = {
        name: [real_shot(shared / "realvideo" / file, *rest) for file, *rest in parts] for name, parts in REAL.items()
    }
    known = {name: (label, shots[name]) for label, name in ((1, "known_1.mp4"), (2, "known_2.mp4"))}
    write_clips(tmp_path / "data", "train", known, REAL_SIZE)
    write_clips(tmp_path / "data", "val", {}, REAL_SIZE)
    write_clips(tmp_path / "data", "test", {"film.mp4": (0, shots["film.mp4"])}, REAL_SIZE)
    find_faces(tmp_path, models)
    output = f"{tmp_path}/appearances"
    appearances(AppearancesSettings(f"{tmp_path}/feat_test", known=(f"{tmp_path}/feat_trainval",), output=output))
    check_spans(spans_of(rows_of(output)), shots["film.mp4"])
