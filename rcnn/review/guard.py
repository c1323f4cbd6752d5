"""Access control of the desk: only the user who opened its address. All other requests are refused before they reach
it.

The page is on a port of this machine, to which any program, and any page in any browser, can send requests. So a
request needs the key of this desk and an address that names this machine, and must not come from another page.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs

from .settings import LOCALHOST, is_loopback

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

KEY_BYTES = 24
HTTP_PORT = 80
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]@/]+)(:(?P<port>[0-9]{1,5}))?")  # RFC 9110, 7.2
DESK_HEADER = b"x-desk"  # no form and no other page can send it without being asked first (Fetch standard, 4.8)
MOST_BODY = 1 << 20  # bytes of an answer
MOST_IMAGE = 20 << 20  # bytes of a photograph
MOST_HEAD = 16 << 10  # bytes of the headers
BODY_SECONDS = 30.0  # within which a body must arrive
SEARCH = "/api/search"
OWN_SITES = (b"same-origin", b"none")  # of Sec-Fetch-Site: our own page, or a typed address
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class _RefusedError(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def new_key() -> str:
    """An unguessable text."""
    return secrets.token_urlsafe(KEY_BYTES)


@dataclass(frozen=True)
class Guard:
    """Passes on permitted requests, and adds `HEADERS` to every response.

    Parameters
    ----------
    app : the application behind it
    port : of the desk
    host : address at which it is, without brackets
    key : in the opened address
    """

    app: App
    port: int
    host: str
    key: str
    tickets: set[str] = field(default_factory=set)  # single-use keys

    def ticket(self) -> str:
        """A single-use key: other users of this machine may be able to read an address with it."""
        made = new_key()
        self.tickets.add(made)
        return made

    @property
    def cookie(self) -> str:
        """Name of the cookie. Browsers send it to all ports of an address, so two desks need two names."""
        return f"desk-{self.port}"

    @property
    def _word(self) -> str:
        """Value of the cookie: derived from this key, but not the key."""
        return hashlib.sha256(b"cookie " + self.key.encode()).hexdigest()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        sender = _Sender(send)
        try:
            self._check(scope)
            login = self._login(scope)
            if login:
                await _answer(sender, 303, "", [(b"location", b"/"), (b"set-cookie", login)])
                return
            body = await self._body(scope, receive)
            await self.app(scope, body, sender)
        except _RefusedError as refused:
            await _answer(sender, refused.status, str(refused), [(b"connection", b"close")])

    def _check(self, scope: Message) -> None:
        """Refuse what is not a request of our own page to this address."""
        headers = scope["headers"]
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise _RefusedError(405, "Method not allowed.")
        if sum(len(name) + len(value) for name, value in headers) > MOST_HEAD:
            raise _RefusedError(431, "The headers are too large.")
        unframed = _all(headers, b"transfer-encoding") or len(_all(headers, b"content-length")) > 1
        if unframed or _all(headers, b"upgrade"):
            raise _RefusedError(400, "This kind of request is not supported.")
        host = _one(headers, b"host")
        if not self._is_here(host):
            raise _RefusedError(403, "This is not the address of the desk; open the one that it printed.")
        origins = _all(headers, b"origin")
        foreign = any(origin.lower() != b"http://" + host.lower() for origin in origins)
        site = _one(headers, b"sec-fetch-site")
        if foreign or (site and site not in OWN_SITES and scope["path"] != "/"):
            raise _RefusedError(403, "Requests from other pages are refused.")
        if scope["method"] == "POST" and (not origins or _one(headers, DESK_HEADER) != b"1"):
            raise _RefusedError(403, "Only the desk's own page may answer.")

    def _is_here(self, host: bytes) -> bool:
        """Whether a Host header names this machine by IP address. The owner of any name can make it resolve to this
        machine."""
        parts = HOST.fullmatch(host.decode("latin-1").lower())
        if parts is None or int(parts["port"] or HTTP_PORT) != self.port:
            return False
        name = parts["name"].removeprefix("[").removesuffix("]")
        if is_loopback(self.host):
            return is_loopback(name)
        try:
            ip_address(name)
        except ValueError:
            return name in (LOCALHOST, self.host.lower())
        return True

    def _login(self, scope: Message) -> bytes:
        """The cookie for a request with the key; empty for a request with the cookie.

        Raises
        ------
        _RefusedError
            For all others.
        """
        if scope["path"] == "/":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[-1]
            if self._is_key(given):
                return f"{self.cookie}={self._word}; Path=/; HttpOnly; SameSite=Strict".encode()
        for line in _all(scope["headers"], b"cookie"):
            for pair in line.decode("latin-1").split(";"):
                name, _, value = pair.strip().partition("=")
                if name == self.cookie and _same(value, self._word):
                    return b""
        raise _RefusedError(403, "The desk opens with the address that it printed, with its key.")

    def _is_key(self, given: str) -> bool:
        for ticket in tuple(self.tickets):
            if _same(given, ticket):
                self.tickets.discard(ticket)
                return True
        return _same(given, self.key)

    async def _body(self, scope: Message, receive: Receive) -> Receive:
        """The body, which is read completely before the app is called."""
        if scope["method"] != "POST":
            return receive
        most = MOST_IMAGE if scope["path"] == SEARCH else MOST_BODY
        too_large = _RefusedError(413, f"At most {most >> 20} MB can be sent here.")
        length = _one(scope["headers"], b"content-length")
        if not length.isdigit():
            raise _RefusedError(411, "A request needs a length.")
        if int(length) > most:
            raise too_large
        parts: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise _RefusedError(400, "The request broke off.")
                    parts.append(message.get("body", b""))
                    size, more = size + len(parts[-1]), message.get("more_body", False)
                    if size > most:
                        raise too_large
        except TimeoutError:
            raise _RefusedError(408, "The request took too long.") from None
        return _whole(b"".join(parts), receive)


class _Sender:
    """Adds the headers of all responses."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            names = {name for name, _ in own}
            theirs = [pair for pair in message.get("headers", ()) if pair[0].lower() not in names]
            message = {**message, "headers": [*theirs, *own]}
        await self._send(message)


def _whole(body: bytes, receive: Receive) -> Receive:
    """A body that was read, then the messages after it."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Message:
        return left.pop() if left else await receive()

    return read


async def _answer(send: Send, status: int, text: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
    body = f"{text}\n".encode() if text else b""
    own = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _all(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _one(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    return next(iter(_all(headers, name)), b"")


def _same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
