"""The guard alone: who is slow, who comes twice, and a desk that others on the network may reach. Takes 1 s."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn

from rcnn.review import events, guard, serving
from rcnn.review.guard import Guard, new_key

PORT = 8000
KEY = new_key()
Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine gives, run in a thread: the main one has a loop once a test of this process had a browser."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive()).get("body", b"") if scope["method"] == "POST" else b""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})
    await send({"type": "http.response.body", "body": b"came through " + body})


def asked(guarded: Guard, method: str = "GET", path: str = "/api/state", **changes: Any) -> httpx.Response:
    """What a request gets, with the cookie and the headers of our page but for `changes`."""

    async def ask() -> httpx.Response:
        host = changes.pop("host", f"127.0.0.1:{PORT}")
        headers = {"Host": host, "Cookie": f"{guarded.cookie}={guarded._word}"}
        headers |= {"Origin": f"http://{host}", "X-Desk": "1"} if method == "POST" else {}
        headers |= changes.pop("headers", {})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url="http://desk") as client:
            return await client.request(method, path, headers=headers, **changes)

    return run(ask())


def test_what_comes_through_has_the_headers_of_the_guard_and_no_others() -> None:
    got = asked(Guard(echo, PORT, "127.0.0.1", KEY))
    assert got.text == "came through " and got.headers.get_list("cache-control") == ["no-store"]
    assert set(guard.HEADERS) <= {name.title() for name in got.headers} | {"Content-Security-Policy"}


def test_a_ticket_opens_once_and_the_key_always() -> None:
    guarded = Guard(echo, PORT, "127.0.0.1", KEY)
    ticket = guarded.ticket()
    without = {"Cookie": ""}
    statuses = [asked(guarded, path=f"/?key={key}", headers=without).status_code for key in (ticket, ticket, KEY, KEY)]
    assert statuses == [303, 403, 303, 303]


@pytest.mark.parametrize(
    ("own", "host", "status"),
    [
        ("127.0.0.1", "localhost:8000", 200),
        ("127.0.0.1", "[::1]:8000", 200),
        ("127.0.0.1", "192.0.2.7:8000", 403),
        ("0.0.0.0", "192.0.2.7:8000", 200),
        ("0.0.0.0", "evil.example:8000", 403),
        ("studio.lan", "studio.lan:8000", 200),
        ("studio.lan", "evil.example:8000", 403),
        ("::", "[2001:db8::1]:8000", 200),
        ("::", "[evil]:8000", 403),
    ],
)
def test_a_name_reaches_only_the_desk_that_was_told_it(own: str, host: str, status: int) -> None:
    assert asked(Guard(echo, PORT, own, KEY), host=host).status_code == status


def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.01)
    guarded, said = Guard(echo, PORT, "127.0.0.1", KEY), []
    headers = {
        "host": f"127.0.0.1:{PORT}", "origin": f"http://127.0.0.1:{PORT}", "x-desk": "1", "content-length": "10",
        "cookie": f"{guarded.cookie}={guarded._word}",
    }  # fmt: skip
    scope = {"type": "http", "method": "POST", "path": "/api/answer", "query_string": b"",
             "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}  # fmt: skip

    async def never() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        said.append(message)

    run(guarded(scope, never, send))
    assert said[0]["status"] == 408


def test_a_body_larger_than_it_said_is_refused() -> None:
    async def chunks() -> Any:
        for _ in range(3):
            yield b"x" * (guard.MOST_BODY // 2)

    got = asked(Guard(echo, PORT, "127.0.0.1", KEY), "POST", content=chunks(), headers={"Content-Length": "10"})
    assert got.status_code in (400, 413)


def test_a_connection_that_never_says_what_it_wants_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.05)

    async def talk() -> list[bytes]:
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(echo, http=serving._Protocol, ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        heard = [await _say(listening.getsockname()[1], words) for words in ([], [b"GET / HTTP/1.1\r\nHost: "])]
        heard.append(await _say(listening.getsockname()[1], [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HT"]))
        server.should_exit = True
        await running
        return heard

    silent, slow, second = run(talk())
    assert (silent, slow) == (b"", b"") and second.count(b"HTTP/1.1 200") == 1


async def _say(port: int, words: Iterable[bytes]) -> bytes:
    """What a server says until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in words:
        writer.write(part)
        await writer.drain()
    said = await reader.read()
    writer.close()
    return said


def test_streams_of_events_end_with_the_desk_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(events, "MOST_STREAMS", 1)

    async def listen() -> list[bytes]:
        numbers = iter(range(100))
        found = events.Events(lambda: min(next(numbers), 3))
        watching = asyncio.create_task(found.watch())
        heard = []
        async for part in found.stream():
            assert found.is_full
            heard.append(part)
            if b"data: 3" in part:
                found.grouped()
            if b"groups" in part:
                found.stop()
        await watching
        assert not found.is_full
        return [part for part in heard if part]

    heard = run(listen())
    assert b"event: revision\ndata: 3\n\n" in heard and heard[-1].startswith(b"event: groups")
