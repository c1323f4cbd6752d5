"""Runs the desk until the user ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import webbrowser
from contextlib import suppress
from types import FrameType

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .address import Address, listen
from .app import Api
from .desk import Desk
from .guard import MOST_HEAD, Guard, new_key
from .settings import ReviewSettings

CONNECTIONS = 200  # at once
HEAD_SECONDS = 10.0  # within which a connection must send its request
END_SECONDS = 3  # for pending requests, at the end
BACKLOG = 128


class _Server(uvicorn.Server):
    """Also ends the streams of events, which would stay open."""

    def __init__(self, config: uvicorn.Config, desk: Desk) -> None:
        super().__init__(config)
        self._desk = desk

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._desk.events.stop()
        super().handle_exit(sig, frame)


class _Protocol(H11Protocol):
    """Closes connections that don't send their request in time; the guard handles bodies."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(HEAD_SECONDS, self._check)

    def _check(self) -> None:
        if self.transport.is_closing():
            return
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if begun or self.cycle is None:
            self.transport.close()
        else:
            self.loop.call_later(HEAD_SECONDS, self._check)


def serve(settings: ReviewSettings) -> None:
    """Open the desk of a run, print its address, and answer until Ctrl-C.

    Raises
    ------
    InputError
        If the run can't be opened, or this machine has no such address or free port.
    """
    listening, key = listen(settings.found, settings.host, settings.port)
    try:
        desk = Desk.open(settings.found, settings.dataset, settings.gpu)
    except BaseException:
        listening.close()
        raise
    port = listening.getsockname()[1]
    guard = Guard(Api(desk).app(), port, settings.host, key or new_key())
    Address(port, guard.key).write(settings.found)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if not settings.is_local:
        print(
            f"review: --host {settings.host}: anyone on your network with the address below sees all faces and names "
            "of this run and can answer, without encryption; leave --host out to stay on this machine",
            flush=True,
        )
    listening.listen(BACKLOG)
    print(f"review: http://{host}:{port}/?key={guard.key} (Ctrl-C ends it)", flush=True)
    if not settings.no_browser:
        address = f"http://{host}:{port}/?key={guard.ticket()}"
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    config = uvicorn.Config(
        guard,
        http=_Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=MOST_HEAD,
        timeout_graceful_shutdown=END_SECONDS,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):  # how this is ended
            _Server(config, desk).run(sockets=[listening])
    finally:
        desk.close()
    print("review: ended; all answers are in the run", flush=True)
    if not desk.groups.ready:  # grouping is native code that can't be interrupted, and everything else is closed
        os._exit(0)
