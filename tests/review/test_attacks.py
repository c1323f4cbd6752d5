"""Strangers at the desk. Takes 6 s, most of it to start two desks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from attacks import ATTACKS, Asked, Attack, answer, post
from desk_cast import Run

from benchmarks.made_desk import Running, said

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/review-details.md"


@pytest.fixture(scope="module")
def window(desk: Running) -> httpx.Client:
    return desk.client()


@pytest.fixture(scope="module")
def cookie(window: httpx.Client) -> str:
    return "; ".join(f"{name}={value}" for name, value in window.cookies.items())


def _statuses(answer: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.words[:50])
def test_an_attack_gets_nothing(attack: Attack, desk: Running, run: Run, window: httpx.Client, cookie: str) -> None:
    before = said(window.get("/api/state"))
    for asked in attack.asked(desk, run.films):
        got = desk.raw(asked.bytes(desk, cookie), end=False)
        statuses = _statuses(got)
        assert len(statuses) == 1 and statuses[0] in attack.got, (asked, got[:500])
        assert not [secret for secret in attack.never if secret in got], (asked, got[:500])
        if b"HTTP/1.1 400" not in got:  # some of these don't reach us
            assert b"content-security-policy: default-src 'none'" in got
            assert b"access-control-allow" not in got.lower()
    assert said(window.get("/api/state")) == before


def test_the_same_request_without_the_attack_is_answered(desk: Running, cookie: str) -> None:
    """Else every attack might fail for another reason than its own."""
    for asked in (Asked(), Asked("/static/index.html"), post(answer(token="plain"))):
        assert _statuses(desk.raw(asked.bytes(desk, cookie), end=False)) == [200]


def test_the_document_lists_every_attack_with_what_it_got() -> None:
    text = DOCUMENT.read_text()
    for attack in ATTACKS:
        assert f"| {attack.words} | {' or '.join(map(str, attack.got))} |" in text


def test_a_cookie_of_one_desk_opens_no_other(desk: Running, second: Running, cookie: str) -> None:
    value = cookie.partition("=")[2]
    for tried in (cookie, f"desk-{second.port}={value}"):
        assert httpx.get(f"{second.base}/api/state", headers={"Cookie": tried}).status_code == 403
    assert httpx.get(f"{second.base}/?key={desk.key}").status_code == 403


def test_a_slow_neighbour_keeps_nobody_out(desk: Running, window: httpx.Client) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", desk.port)) as slow:
        slow.sendall(b"GET /api/state HTTP/1.1\r\nHost: ")
        assert window.get("/api/state").status_code == 200


def test_names_are_text_and_nothing_else(desk: Running, window: httpx.Client) -> None:
    names = [
        "<img src=x onerror=alert(1)>",
        "'); DROP TABLE answers; --",
        '"; alert(1); "',
        "{{7*7}}",
        "=cmd|' /C calc'!A0",
    ]
    for number, name in enumerate(names):
        got = window.post("/api/answer", json=answer(token=f"name {number}", label=3, name=name))
        assert got.headers["content-type"] == "application/json" and got.headers["x-content-type-options"] == "nosniff"
        assert {one["label"]: one["name"] for one in said(got)["state"]["people"]}[3] == name
    for _ in names:
        window.post("/api/answer", json={"token": f"undo {_}", "kind": "undo"})
    assert {one["label"]: one["name"] for one in said(window.get("/api/state"))["people"]}[3] == "Zoë"


def test_the_page_may_ask_its_own_desk_only(window: httpx.Client) -> None:
    policy = window.get("/").headers["content-security-policy"]
    sources = {name: set(words) for name, *words in (part.split() for part in policy.split(";"))}
    assert sources.pop("default-src") == {"'none'"}
    assert set().union(*sources.values()) == {"'self'", "'none'", "blob:"}
    assert "blob:" not in sources["script-src"] and "blob:" not in sources["connect-src"]


def test_the_cookie_is_out_of_reach(desk: Running) -> None:
    got = httpx.get(f"{desk.base}/?key={desk.key}")
    assert got.status_code == 303 and got.headers["location"] == "/"
    words = got.headers["set-cookie"]
    assert "HttpOnly" in words and "SameSite=Strict" in words and desk.key not in words


def test_json_stays_json(window: httpx.Client) -> None:
    """A name that closes a tag is not a tag in JSON; the page puts it in as text, which its own tests look at."""
    text = window.get("/api/state").text
    assert json.loads(text)["people"][0]["name"].startswith("Ada")
