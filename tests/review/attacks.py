"""What strangers may try with the desk, and what each attempt gets; docs/review.md has the same table."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from desk_cast import Films

from benchmarks.made_desk import Running

SECRETS = (b"root:", b"SQLite format", b"manifest")  # that no answer has
PASSWD = "../../../../../../etc/passwd"
TRAVERSALS = (
    PASSWD,
    quote(PASSWD, safe=""),
    quote(quote(PASSWD, safe=""), safe=""),
    PASSWD.replace("../", "....//"),
    PASSWD.replace("/", "%5c"),
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "file:%2f%2f%2fetc%2fpasswd",
    "..%c0%af..%c0%afetc%c0%afpasswd",
    "link.mp4",
    "review.sqlite",
    "det_test%2fmanifest.json",
    "%00",
)


@dataclass(frozen=True)
class Asked:
    """A request; what is None is as the page sends it, and an empty text leaves it out."""

    path: str = "/api/state"
    method: str = "GET"
    host: str | None = None
    origin: str | None = None
    cookie: str | None = None
    desk: str | None = None
    more: tuple[str, ...] = ()
    body: bytes = b""
    length: str | None = None
    kind: str = "application/json"
    version: str = "1.1"

    def bytes(self, desk: Running, cookie: str) -> bytes:
        """As it goes over the wire."""
        own = f"127.0.0.1:{desk.port}"
        posts = self.method == "POST"
        length = self.length if self.length is not None else str(len(self.body)) if posts else ""
        headers = {
            "Host": own if self.host is None else self.host.replace("PORT", str(desk.port)),
            "Cookie": cookie if self.cookie is None else self.cookie,
            "Origin": (f"http://{own}" if posts else "") if self.origin is None else self.origin,
            "X-Desk": ("1" if posts else "") if self.desk is None else self.desk,
            "Content-Type": self.kind if posts else "",
            "Content-Length": length,
            "Connection": "close",
        }
        lines = [f"{self.method} {self.path} HTTP/{self.version}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value]
        return "\r\n".join([*lines, *self.more, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True)
class Attack:
    """What is tried, the status that each of its requests gets, and what to look for in the answers.

    got : statuses of HTTP, any of them
    never : what no answer has
    """

    words: str
    asked: Callable[[Running, Films], Iterator[Asked]]
    got: tuple[int, ...]
    never: tuple[bytes, ...] = field(default=SECRETS)


def _each(*asked: Asked) -> Callable[[Running, Films], Iterator[Asked]]:
    return lambda desk, films: iter(asked)


def post(body: object, path: str = "/api/answer", **changes: object) -> Asked:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Asked(path, "POST", body=data, **changes)  # type: ignore[arg-type]


def answer(**more: object) -> dict[str, object]:
    return {"token": "attack", "kind": "rename", "label": 2, "name": "Bo", **more}


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _traversals(desk: Running, films: Films) -> Iterator[Asked]:
    for name in TRAVERSALS:
        for place in ("/face/{}/0.jpg", "/frame/{}.jpg?time=0", "/video/{}", "/play/{}?from=0", "/static/{}"):
            yield Asked(place.format(name))
        yield Asked(f"/api/film?clip={name}")
        yield Asked(f"/api/group?clip={name}&track=0")


def _answered_traversals(desk: Running, films: Films) -> Iterator[Asked]:
    for name in ("../../etc/passwd", "/etc/passwd", "a\0b", "link.mp4"):
        yield post(answer(kind="yes", spots=[[name, 0]]))


def _ranges(*ranges: str) -> Callable[[Running, Films], Iterator[Asked]]:
    def asked(desk: Running, films: Films) -> Iterator[Asked]:
        for wanted in ranges:
            yield Asked(f"/video/{films.by_codec['libx264']}", more=(f"Range: {wanted}",))

    return asked


def _search(*images: bytes) -> Callable[[Running, Films], Iterator[Asked]]:
    return _each(*(post(image, "/api/search", kind="image/png") for image in images))


SMUGGLED = b"GET /api/state HTTP/1.1\r\nHost: x\r\n\r\n"
BOMB = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="http://x.invalid/"/></svg>'

ATTACKS = (
    Attack(
        "no key, a wrong key, an empty one, the key at another address",
        lambda desk, films: iter(
            [Asked(path, cookie="") for path in ("/", "/?key=", "/?key=wrong", f"/api/state?key={desk.key}")]
        ),
        (403,),
    ),
    Attack(
        "each address without the cookie",
        lambda desk, films: iter(
            Asked(path, cookie="")
            for path in (
                "/api/state",
                "/api/person/1",
                "/api/films",
                "/api/groups",
                "/api/events",
                "/static/index.html",
                f"/face/{films.gone}/0.jpg",
                f"/video/{films.by_codec['libx264']}",
                f"/play/{films.by_codec['libx264']}",
            )
        ),
        (403,),
    ),
    Attack(
        "a cookie of another desk, the key as a cookie, a name that only begins alike",
        lambda desk, films: iter(
            [
                Asked(cookie="desk-1=0f"),
                Asked(cookie=f"desk-{desk.port}={'0' * 64}"),
                Asked(cookie=f"desk-{desk.port}={desk.key}"),
                Asked(cookie=f"desk-{desk.port}x={desk.key}"),
            ]
        ),
        (403,),
    ),
    Attack(
        "a foreign name in Host (DNS rebinding), another port, none, a user before it",
        _each(
            *(
                Asked(host=host)
                for host in (
                    "evil.example:PORT",
                    "127.0.0.1.evil.example:PORT",
                    "localhost.evil.example:PORT",
                    "127.0.0.1:1",
                    "127.0.0.1",
                    "x@127.0.0.1:PORT",
                    "10.0.0.1:PORT",
                    "[::ffff:10.0.0.1]:PORT",
                )
            ),
            Asked(host="", version="1.0"),
        ),
        (403,),
    ),
    Attack(
        "two Host headers",
        _each(Asked(more=("Host: evil.example",))),
        (400,),
    ),
    Attack(
        "another page asks: foreign Origin, null, https, another port, a request that the browser calls cross-site",
        _each(
            *(
                Asked(origin=origin)
                for origin in ("http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1")
            ),
            *(Asked(more=(f"Sec-Fetch-Site: {site}",)) for site in ("cross-site", "same-site")),
        ),
        (403,),
    ),
    Attack(
        "another page answers (CSRF): foreign or no Origin, no X-Desk, a form",
        _each(
            post(answer(), origin="http://evil.example"),
            post(answer(), origin="null"),
            post(answer(), origin=""),
            post(answer(), desk=""),
            post(answer(), desk="2"),
            post(b"token=1&kind=undo", desk="", kind="application/x-www-form-urlencoded"),
            post(answer(), desk="", kind="text/plain"),
        ),
        (403,),
    ),
    Attack("an answer that is no JSON by its type", _each(post(answer(), kind="text/plain")), (415,)),
    Attack(
        "unknown methods, a question before a foreign request (CORS), answers to what only shows",
        _each(
            *(Asked(method=method) for method in ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "BREW")),
            post(answer(), "/api/state"),
            Asked("/api/answer"),
        ),
        (405,),
    ),
    Attack(
        "out of the run by the name of a clip: .., encoded once and twice, with \\, NUL, absolute, as a URL, a link, "
        "our own files; at each of 7 addresses",
        _traversals,
        (404,),
    ),
    Attack("the same in an answer", _answered_traversals, (400,)),
    Attack("another server's address in the request line", _each(Asked("http://evil.example/api/state")), (404,)),
    Attack(
        "a film whose file is no film any more: a text, a playlist that names an address",
        lambda desk, films: iter(
            [
                Asked(f"/play/{films.secret}"),
                Asked(f"/play/{films.playlist}"),
                Asked(f"/frame/{films.secret}.jpg"),
                Asked(f"/frame/{films.playlist}.jpg"),
            ]
        ),
        (404,),
    ),
    Attack(
        "the same, whole",
        lambda desk, films: iter([Asked(f"/video/{films.secret}"), Asked(f"/video/{films.playlist}")]),
        (415,),
    ),
    Attack(
        "ranges behind the end, from behind to front, many at once",
        _ranges("bytes=99999999-", "bytes=9-1", f"bytes={'0-,' * 500}0-"),
        (416, 400),
    ),
    Attack("ranges that are nonsense", _ranges("bytes=a-b", "bytes=-", "bytes=0x1-2", "lines=0-1"), (400,)),
    Attack(
        "a body that says it is too large",
        _each(
            post(b"", length="1048577"),
            post(b"", "/api/search", length="20971521"),
            post(b"", length="9" * 19),
        ),
        (413,),
    ),
    Attack("a body of no length", _each(post(b"", length="")), (411,)),
    Attack(
        "answers that are nonsense: no JSON, brackets 100,000 deep, not a number, no object, labels of any kind, "
        "20,001 tracks, names of thousands of letters or with what can't be seen",
        _each(
            post(b"{"),
            post(b"[" * 100_000),
            post(b'{"token": "a", "kind": "no", "label": NaN}'),
            post([]),
            post({}),
            post(answer(token="")),
            post(answer(token=["a"])),
            post(answer(kind="drop")),
            *(post(answer(label=label)) for label in ("2", 2.5, True, -1, 2**70, [2])),
            post(answer(kind="yes", spots=[["a", 0]] * 20_001)),
            post(answer(kind="yes", spots=[["a", 2**80]])),
            post(answer(kind="yes", spots="all")),
            post(answer(name="x" * 10_000)),
            post(answer(name="a\u202eb")),
            post(answer(name="a\0b")),
            post(b'{"token": "a", "kind": "rename", "label": 2, "name": "\\ud800"}'),
        ),
        (400,),
    ),
    Attack(
        "photographs that are bombs: 60,000 x 60,000 pixels, a cut one, an SVG that names an address, a film, a text, "
        "none",
        _search(_png(60_000, 60_000), _png(60, 60)[:-30], BOMB, b"\0\0\0\x20ftypisom" + bytes(64), b"hello", b""),
        (400,),
    ),
    Attack(
        "line breaks for headers of the answer",
        lambda desk, films: iter(
            [
                Asked("/api/film?clip=a%0d%0aSet-Cookie:%20x=1"),
                Asked("/video/a%0d%0aSet-Cookie:%20x=1"),
                Asked("/face/a%0aSet-Cookie:%20x=1/0.jpg"),
            ]
        ),
        (404,),
        never=(*SECRETS, b"x=1\r\n"),
    ),
    Attack(
        "a websocket, HTTP/2 without TLS",
        _each(
            Asked("/api/events", more=("Upgrade: websocket", "Sec-WebSocket-Key: a", "Sec-WebSocket-Version: 13")),
            Asked(more=("Upgrade: h2c", "HTTP2-Settings: a")),
        ),
        (400,),
    ),
    Attack(
        "two requests in one (smuggling): both lengths, two lengths, a chunked one, a length with a sign, a space "
        "before the colon",
        _each(
            post(b"0\r\n\r\n" + SMUGGLED, more=("Transfer-Encoding: chunked",)),
            post(SMUGGLED, more=("Content-Length: 0",)),
            post(b"0\r\n\r\n" + SMUGGLED, length="", more=("Transfer-Encoding: chunked",)),
            Asked(more=("Transfer-Encoding: chunked",), body=b"0\r\n\r\n"),
            post(b"ab", length="+2"),
            Asked(more=("X-Desk : 1",)),
        ),
        (400,),
    ),
    Attack("a header of 64 kB", _each(Asked(more=(f"X: {'a' * 65_536}",))), (431,)),
    Attack("a header with a bare line break in it", _each(Asked(more=("X: a\rb: c",))), (400,)),
    Attack(
        "numbers that are none: offset, time, size",
        lambda desk, films: iter(
            [
                Asked("/api/films?offset=-1"),
                Asked("/api/films?count=1e99"),
                Asked("/api/films?offset=nan"),
                Asked(f"/frame/{films.by_codec['libx264']}.jpg?time=inf"),
                Asked(f"/play/{films.by_codec['libx264']}?from=-1"),
                Asked(f"/face/{films.gone}/0.jpg?size=100000"),
            ]
        ),
        (400,),
    ),
    Attack(
        "SQL in the name of a clip or a person who is not there",
        _each(
            Asked("/api/film?clip=%27%20OR%201=1--"), Asked("/api/person/1%20OR%201=1"), Asked("/face/%27;DROP/0.jpg")
        ),
        (404,),
    ),
)
