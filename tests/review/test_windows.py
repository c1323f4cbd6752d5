"""Two windows, two desks, and kills in the middle of answers. Takes 15 s of processor, most of it to start desks."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
from desk_cast import ADA, BO, Run

from benchmarks.desk_kills import kill_often, run_of
from benchmarks.made_desk import Running, events, said, start
from rcnn.commands.review import main
from rcnn.errors import InputError
from rcnn.people.answers import ANSWERS_FILE, read_given
from rcnn.review.desk import Desk


def answered(client: httpx.Client, token: str, kind: str, **more: object) -> dict:
    return said(client.post("/api/answer", json={"token": token, "kind": kind, **more}))


def undo_all(client: httpx.Client, name: str, steps: int) -> None:
    for number in range(steps):
        answered(client, f"{name} undo {number}", "undo", window=name)


def test_two_windows_see_each_other_and_undo_their_own(desk: Running, run: Run) -> None:
    mine, theirs = desk.client(), desk.client()
    heard = events(theirs)
    kind, before = next(heard)
    assert kind == "revision"
    clip = run.films.by_codec["libx264"]
    done = answered(mine, "w1", "yes", spots=[[clip, 0]], label=ADA + 1, window="mine")
    assert done["changed"] and int(next(heard)[1]) == done["revision"] > int(before)
    assert said(theirs.get("/api/state"))["answers"] == done["state"]["answers"]
    answered(theirs, "w2", "no", spots=[[run.films.gone, 0]], label=BO + 1, window="theirs")
    assert answered(mine, "w3", "undo", window="mine")["step"] == done["step"]
    item = said(mine.get(f"/api/person/{BO + 1}?show=all"))["items"][-1]
    assert (item["clip"], item["answer"]) == (run.films.gone, "no")
    assert answered(theirs, "w4", "undo", window="theirs")["state"]["answers"] == done["state"]["answers"] - 1
    heard.close()


def test_a_second_desk_on_the_same_run_hears_the_first(desk: Running, second: Running, run: Run) -> None:
    assert second.port != desk.port and second.key != desk.key
    here, there = desk.client(), second.client()
    heard = events(there)
    next(heard)
    group = said(here.get("/api/groups"))["items"][0]
    spots = [[face["clip"], face["track"]] for face in group["faces"]]
    named = answered(here, "s1", "name", name="Stranger", spots=spots, window="s")
    assert int(next(heard)[1]) == named["revision"]
    label = next(one["label"] for one in said(there.get("/api/state"))["people"] if one["name"] == "Stranger")
    other = answered(there, "s2", "name", name="Somebody", spots=[[run.films.gone, 0]], window="s")
    labels = [one["label"] for one in other["state"]["people"]]
    assert len(labels) == len(set(labels)) and label in labels  # two desks give no label twice
    assert said(there.get(f"/api/person/{label}?show=all"))["total"] >= len(spots)
    heard.close()
    undo_all(here, "s", 2)


def test_the_same_token_counts_once_also_at_another_desk_and_after_a_merge(run: Run, desk: Running) -> None:
    window = desk.client()
    named = answered(window, "m0", "name", name="Twin", spots=[[run.films.secret, 0]], window="m")
    label = next(one["label"] for one in named["state"]["people"] if one["name"] == "Twin")
    merged = [answered(window, "m1", "merge", label=ADA + 1, other=label, window="m") for _ in range(2)]
    assert merged[0]["step"] == merged[1]["step"] and merged[0]["revision"] == merged[1]["revision"]
    assert label not in [one["label"] for one in merged[1]["state"]["people"]]
    undo_all(window, "m", 2)


def test_nobody_is_in_two_places_at_once(run: Run, desk: Running) -> None:
    window = desk.client()
    clip = run.films.by_codec["libx264"]
    for body in (
        {"kind": "name", "name": "Both", "spots": [[clip, 0], [clip, 1]]},
        {"kind": "together", "spots": [[clip, 0], [clip, 1]]},
    ):
        got = window.post("/api/answer", json={"token": f"c {body['kind']}", **body})
        assert got.status_code == 409 and "two people" in got.text
    answered(window, "c1", "yes", spots=[[clip, 0]], label=ADA + 1, window="c")
    body = {"token": "c2", "kind": "yes", "spots": [[clip, 1]], "label": ADA + 1}
    assert window.post("/api/answer", json=body).status_code == 409
    undo_all(window, "c", 1)


def test_a_group_is_split_hidden_and_put_together_again(run: Run, desk: Running) -> None:
    window = desk.client()

    def groups(hidden: int = 0) -> list[set[tuple[str, int]]]:
        found = said(window.get(f"/api/groups?hidden={hidden}"))["items"]
        return [{(face["clip"], face["track"]) for face in group["faces"]} for group in found]

    first = groups()[0]
    a, b = sorted(first)[:2]
    answered(window, "g1", "apart", spots=[list(a), list(b)], window="g")
    assert not any({a, b} <= group for group in groups())
    answered(window, "g2", "together", spots=[list(a), list(b)], window="g")
    assert first in groups()
    answered(window, "g3", "hide", spots=[list(spot) for spot in first], window="g")
    assert first not in groups() and groups(1) == [first]
    assert said(window.get(f"/api/group?clip={a[0]}&track={a[1]}"))["items"]
    undo_all(window, "g", 3)
    assert first in groups()


def test_kills_in_the_middle_of_answers_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found, spots = run_of(tmp_path / "run")
    outcome = kill_often(found, spots, kills=3, requests=6)
    assert outcome.kills == 3 and len(outcome.steps) >= 6
    assert outcome.count(found / ANSWERS_FILE) == (0, 0)
    assert read_given(str(found / ANSWERS_FILE)).shown  # whole, and what it says counts


def test_it_ends_cleanly_while_windows_are_open_and_is_found_again(run: Run, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    places = set()
    for number in (signal.SIGINT, signal.SIGTERM):
        desk = start(run.found)
        heard = events(desk.client())
        next(heard)
        code, printed, errors = desk.stop(number)
        assert (code, errors) == (0, "") and "ended" in printed
        places.add((desk.port, desk.key))
    assert len(places) == 1  # windows that were open go on where they are


def test_what_can_t_be_opened_is_told_in_a_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "half").mkdir()
    damaged, older, foreign, going = (tmp_path / name for name in ("damaged", "older", "foreign", "going"))
    for copy in (damaged, older, foreign, going):
        shutil.copytree(run.found, copy, symlinks=True, ignore=shutil.ignore_patterns("review.sqlite*"))
    part = damaged / "feat_test/features/part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    manifest = older / "feat_test/manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 1}))
    (foreign / "review.sqlite").write_bytes(b"SQLite format 3\0 of somebody else" * 40)
    (going / "feat_test/manifest.json").rename(going / "feat_test/progress.json")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        tried = [[tmp_path / "none"], [tmp_path / "half"], [damaged], [older], [foreign], [going]]
        tried += [[run.found, "--port", port], [run.found, "--host", "192.0.2.1"], [run.found, "--host", "no where"]]
        for words in tried:
            monkeypatch.setattr(sys, "argv", ["rcnn review", *map(str, words), "--no-browser"])
            with pytest.raises(InputError) as refused:
                main()
            assert str(words[-1]) in str(refused.value) and "\n" not in str(refused.value)


def test_a_run_whose_data_set_is_gone_is_shown_without_its_films(run: Run, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(run.found, moved, symlinks=True, ignore=shutil.ignore_patterns("review.sqlite*", "dataset"))
    for stage in ("det_test", "det_trainval", "feat_test", "feat_trainval"):  # it was elsewhere, too
        manifest = moved / stage / "manifest.json"
        manifest.write_text(manifest.read_text().replace(str(run.found), str(tmp_path / "nowhere")))
    for stage in ("feat_test", "feat_trainval"):
        manifest = moved / stage / "manifest.json"
        found = json.loads(manifest.read_text())
        beside = moved / found["sources"][0]["path"].rpartition("/")[2] / "manifest.json"
        found["sources"][0]["manifest"] = hashlib.sha256(beside.read_bytes()).hexdigest()
        manifest.write_text(json.dumps(found))
    desk = Desk.open(str(moved))
    try:
        state = desk.state()
        assert not state["people"] and state["unknown"]["tracks"] == len(
            desk.model.run.tracks
        )  # nobody says who is who
        film = desk.film(run.films.by_codec["libx264"])
        assert film is not None and film["plays"] is None and film["why"] == "the file is gone"
        assert desk.media.face((run.films.by_codec["libx264"], 0), 320)
        named = {"token": "1", "kind": "name", "name": "Ada", "spots": [[run.films.by_codec["libx264"], 0]]}
        assert [one["name"] for one in desk.answer(named)["state"]["people"]] == ["Ada"]
    finally:
        desk.close()
