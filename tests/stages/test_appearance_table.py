"""The stage appearances on tables made by hand: what goes in and comes out, going on after a stop, wrong inputs."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from labelled import write_labels

import rcnn.stages.appearances
import rcnn.tables.reader
from rcnn.clips.dataset import Clip
from rcnn.errors import InputError, Stopped
from rcnn.stages.appearances import appearances
from rcnn.stages.settings import AppearancesSettings
from rcnn.tables import (
    FACES_SCHEMA,
    NO_FACE,
    OK,
    TRACKED_FACES_SCHEMA,
    UNREADABLE,
    StageReader,
    StageWriter,
    features_schema,
    vector_array,
)
from rcnn.tables.faces import ClipFaces

WIDTH, RATE, FPS, SECONDS = 16, 8.0, 25.0, 4.0
PEOPLE, CLIPS = 3, 9
MODEL = {"m-symbol.json": "0" * 64}
DIRECTIONS = np.eye(PEOPLE + 2, WIDTH)  # of the people, a stranger who is searched, and one who is not


def vector(person: int, seed: int) -> np.ndarray:
    """Of a person's track, from 0: near the person's direction."""
    return (DIRECTIONS[person] + np.random.default_rng(seed).normal(0, 0.05, WIDTH)).astype(np.float32)


def faces_of(clip: Clip, looks: dict[int, range]) -> ClipFaces:
    """Faces of tracks at looks."""
    rows = sorted((look, track) for track, mine in looks.items() for look in mine)
    times, tracks = (np.array(column) for column in zip(*rows, strict=True))
    size = len(rows)
    return ClipFaces(
        clip, (times * 3 + 1).astype(np.int32), times / RATE, np.ones(size, np.float32),
        np.arange(size, dtype=np.float32), np.tile(np.array([[1, 2, 3, 4]], np.float32), (size, 1)),
        np.zeros((size, 5, 2), np.float32), [b"crop"] * size, tracks.astype(np.int32),
    )  # fmt: skip


def row_of(clip: Clip, state: str, **more) -> dict:
    looks = 0 if state == UNREADABLE else int(SECONDS * RATE)
    usual = {"frames": looks, "seconds": SECONDS, "fps": FPS, "read": int(SECONDS * FPS)}
    who = {"name": clip.name, "split": clip.split}
    return {**who, "state": state, "reason": "" if state == OK else "why", "faces": 1, **usual, **more}


def write_features(path: str, rows: list[tuple[Clip, str, list[np.ndarray]]], sources=(), **options) -> str:
    tracked = options.pop("tracked", True)
    schema = features_schema(WIDTH, tracked)
    arguments = {"model": "m,0", **options.pop("arguments", {})}
    with StageWriter(path, "feature", schema, arguments=arguments, models=options.pop("models", MODEL),
                     sources=sources) as writer:  # fmt: skip
        for clip, state, vectors in rows:
            writer.add_clips([row_of(clip, state)])
            if vectors:
                columns = [pa.array([value] * len(vectors)) for value in (clip.name, clip.split)]
                columns += [pa.array(range(len(vectors)), pa.int32())] if tracked else []
                columns.append(vector_array(np.stack(vectors)))
                writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))
    return path


@pytest.fixture
def settings(tmp_path) -> AppearancesSettings:
    """Clips of two tracks each, a known person and a stranger, one clip without a face and one that can't be read."""
    known = [
        (Clip(f"k{person}{take}.mp4", "", "train"), OK, [vector(person, 10 * person + take)])
        for person in range(PEOPLE)
        for take in range(8)
    ]
    strangers = [(Clip(f"s{take}.mp4", "", "val"), OK, [vector(PEOPLE + 1, take)]) for take in range(9)]
    labels = {f"k{person}{take}.mp4": person + 1 for person in range(PEOPLE) for take in range(8)}
    arguments = {"dataset": write_labels(tmp_path / "data", labels)}
    rows = sorted([*known, *strangers], key=lambda row: row[0].name)
    write_features(f"{tmp_path}/known", rows, arguments=arguments)
    searched = []
    with StageWriter(f"{tmp_path}/det", "detect", TRACKED_FACES_SCHEMA, arguments={"rate": RATE}) as writer:
        for number in range(CLIPS):
            clip = Clip(f"t{number}.mp4", "", "test")
            state = {3: NO_FACE, 5: UNREADABLE}.get(number, OK)
            writer.add_clips([row_of(clip, state)])
            if state == OK:
                faces = faces_of(clip, {0: range(2, 10), 1: range(6, 30)})
                writer.add_rows(faces.record(TRACKED_FACES_SCHEMA))
            tracks = [vector(number % PEOPLE, number), vector(PEOPLE, number)] if state == OK else []
            searched.append((clip, state, tracks))
    write_features(f"{tmp_path}/feat", searched, [f"{tmp_path}/det"])
    (tmp_path / "sources.txt").write_text("t0.mp4\t/my/photo.JPG\nt1.mp4\t/my/film.mov\n")
    return AppearancesSettings(
        f"{tmp_path}/feat", known=(f"{tmp_path}/known",), output=f"{tmp_path}/out", sources=f"{tmp_path}/sources.txt",
        false_hits=10.0,
    )  # fmt: skip


def rows_of(path: str) -> list[dict]:
    return [row for batch in StageReader(path, ("appearances",)).batches() for row in batch.to_pylist()]


def tables(path: Path) -> dict[str, bytes]:
    return {str(part.relative_to(path)): part.read_bytes() for part in sorted(path.rglob("*.parquet"))}


def test_each_track_is_an_appearance_of_whom_it_is_most_like(settings, monkeypatch, capsys):
    monkeypatch.setattr(rcnn.tables.reader, "READ_ROWS", 3)  # so that the tracks of a clip lie in two batches
    appearances(settings)
    rows = rows_of(settings.output)
    good = [number for number in range(CLIPS) if number not in (3, 5)]
    assert [(row["name"], row["start"], row["who"]) for row in rows] == sorted(
        (row["name"], row["start"], row["who"]) for row in rows
    )
    yes = [row for row in rows if row["verdict"] == "yes"]
    assert [(row["name"], row["who"], row["track"]) for row in yes] == [
        (f"t{number}.mp4", number % PEOPLE + 1, 0) for number in good
    ]
    assert {row["verdict"] for row in rows if row["track"] == 1} == {"no"}
    for row in yes[1:]:  # the first is a photograph
        assert (row["start"], row["end"], row["seen"]) == (1.5 / RATE, 9.5 / RATE, 1.0)
        assert row["time"] == 9 / RATE and row["cosine"] > 0.9 and 0.5 < row["probability"] <= 1
        assert row["person"] == "" and row["source"] == ("/my/film.mov" if row["name"] == "t1.mp4" else row["name"])
    out = capsys.readouterr().out
    assert f"{PEOPLE} people looked for in {CLIPS} clips, {PEOPLE} found; 7 appearances" in out
    assert "label 1: " in out and f"next: python -m rcnn appearances --table {settings.output} --output who.csv" in out
    states = [
        row["state"] for batch in StageReader(settings.output, ("appearances",)).clips() for row in batch.to_pylist()
    ]
    assert states.count(OK) == 7 and states.count(NO_FACE) == states.count(UNREADABLE) == 1


def test_a_photograph_has_no_times(settings):
    appearances(settings)
    mine = [row for row in rows_of(settings.output) if row["name"] == "t0.mp4"]
    assert len(mine) == 2
    for row in mine:
        assert row["source"] == "/my/photo.JPG" and row["start"] == row["end"] == row["time"] == row["seen"] == 0


@pytest.mark.parametrize("stop", [0, 2])
def test_a_run_that_was_stopped_goes_on_and_writes_the_same(settings, tmp_path, stop, monkeypatch):
    monkeypatch.setattr(rcnn.stages.appearances, "BATCH_CLIPS", 2)
    appearances(replace(settings, output=f"{tmp_path}/whole"))
    real, calls = StageWriter.save, count()

    def save(self, **state):
        real(self, **state)
        if next(calls) == stop:
            raise Stopped(15)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(StageWriter, "save", save)
        appearances(settings)
    assert not (tmp_path / "out/manifest.json").exists()
    appearances(settings)
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")
    whole, gone_on = (
        json.loads((tmp_path / name / "manifest.json").read_text())["counts"] for name in ("whole", "out")
    )
    assert whole == gone_on


def test_one_face_a_frame_and_one_vector_a_clip_do_as_well(settings, tmp_path):
    """As the recipe seed makes them, by every third frame."""
    clip = Clip("a.mp4", "", "test")
    with StageWriter(f"{tmp_path}/one", "detect", FACES_SCHEMA, arguments={"sampling": 3}) as writer:
        writer.add_clips([row_of(clip, OK, frames=int(SECONDS * FPS / 3))])
        writer.add_rows(faces_of(clip, {0: range(4, 8)}).record(FACES_SCHEMA))
    write_features(f"{tmp_path}/of-one", [(clip, OK, [vector(1, 5)])], [f"{tmp_path}/one"], tracked=False)
    appearances(replace(settings, features=f"{tmp_path}/of-one"))
    (row,) = rows_of(settings.output)
    assert (row["who"], row["track"], row["verdict"]) == (2, 0, "yes")
    assert row["start"] == pytest.approx(0.5 - 3 / FPS / 2) and row["end"] == pytest.approx(7 / RATE + 3 / FPS / 2)


def test_names_that_change_make_the_table_anew(settings, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("1 Ada\n")
    settings = replace(settings, names=str(names))
    appearances(settings)
    assert {row["person"] for row in rows_of(settings.output) if row["who"] == 1} == {"Ada"}
    names.write_text("1 Ada\n2 Bo\n")
    with pytest.raises(InputError, match=r"another names\.txt"):
        appearances(settings)
    appearances(replace(settings, renew=True))
    assert {row["person"] for row in rows_of(settings.output) if row["who"] == 2} == {"Bo"}


def test_what_does_not_fit_is_said_in_one_line(settings, tmp_path):
    other = write_features(f"{tmp_path}/other", [(Clip("k.mp4", "", "train"), OK, [vector(0, 0)])],
                           models={"m-symbol.json": "1" * 64})  # fmt: skip
    strangers = write_features(f"{tmp_path}/none", [(Clip("k.mp4", "", "val"), OK, [vector(0, 0)])])
    with StageWriter(f"{tmp_path}/det2", "detect", TRACKED_FACES_SCHEMA, arguments={"rate": 4.0}) as writer:
        writer.add_clips([row_of(Clip("t0.mp4", "", "test"), NO_FACE)])
    for wrong, words in (
        ({"known": (other,)}, r"other: was made with another model than .*feat"),
        ({"known": (strangers,)}, "no clip has a label"),
        ({"faces": f"{tmp_path}/det2"}, r"det2: is not what .*feat was made of"),
        ({"features": f"{tmp_path}/det"}, "was written by stage 'detect'"),
        ({"features": f"{tmp_path}/known"}, "was made of 0 existing directories of detect.py"),
        ({"output": f"{tmp_path}/feat"}, "is also the input"),
    ):
        with pytest.raises(InputError, match=words) as error:
            appearances(replace(settings, **wrong))
        assert "\n" not in str(error.value)


def test_a_film_in_pieces_has_one_appearance_also_after_a_stop(settings, tmp_path, monkeypatch):
    """A person in view in two of its pieces and over their border, beside a clip that is a whole file."""
    seconds = SECONDS
    film = [("f0", 0.0, seconds), ("f1", seconds, 2 * seconds), ("f2", 2 * seconds, 0.0), ("g", 0.0, 0.0)]
    looks = {"f0": range(8, 32), "f1": range(32, 40), "f2": range(80, 88), "g": range(8, 16)}
    searched = []
    with StageWriter(f"{tmp_path}/pieces", "detect", TRACKED_FACES_SCHEMA, arguments={"rate": RATE}) as writer:
        for name, start, end in film:
            clip = Clip(name, "", "test", start=start, end=end)
            writer.add_clips([row_of(clip, OK, source=f"/{name[0]}.mkv", start=start, end=end)])
            writer.add_rows(faces_of(clip, {0: looks[name]}).record(TRACKED_FACES_SCHEMA))
            searched.append((clip, vector(1, 7)))
    schema = features_schema(WIDTH, True)
    with StageWriter(
        f"{tmp_path}/of-pieces", "feature", schema, arguments={"model": "m,0"}, models=MODEL,
        sources=[f"{tmp_path}/pieces"],
    ) as writer:  # fmt: skip
        for clip, row in searched:
            writer.add_clips([row_of(clip, OK, source=f"/{clip.name[0]}.mkv", start=clip.start, end=clip.end)])
            columns = [pa.array([value]) for value in (clip.name, clip.split)] + [pa.array([0], pa.int32())]
            writer.add_rows(pa.RecordBatch.from_arrays([*columns, vector_array(row[None])], schema=schema))
    settings = replace(settings, features=f"{tmp_path}/of-pieces")
    monkeypatch.setattr(rcnn.stages.appearances, "BATCH_CLIPS", 1)
    real = StageWriter.save

    def save(self, **state):
        real(self, **state)
        raise Stopped(15)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(StageWriter, "save", save)
        appearances(settings)
    appearances(settings)
    half = 1 / RATE / 2
    found = [(row["name"][0], row["start"], row["end"]) for row in rows_of(settings.output) if row["verdict"] != "no"]
    wanted = [("f", 1 - half, 5 - half), ("f", 10 - half, 11 - half), ("g", 1 - half, 2 - half)]
    assert [name for name, *_ in found] == [name for name, *_ in wanted]
    assert np.abs(np.subtract([times for _, *times in found], [times for _, *times in wanted])).max() < 1e-9
