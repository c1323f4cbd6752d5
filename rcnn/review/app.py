"""The addresses of the desk."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ..errors import InputError
from .answering import RefusedError
from .desk import Desk
from .media import LARGE, SMALL, NotShownError
from .page import read_page
from .people import ALL, LEFT
from .pool import BusyError
from .ranges import part_of
from .searching import NoSearchError

COUNT, MOST = 100, 500  # items on a page of a list: default and maximum
MEDIA_THREADS = 8  # threads that wait for decoders; answers have their own
USUAL_SECONDS = 8.0  # clips played at once
LATEST = 1e7  # seconds of a film
JPEG, MP4, JSON = "image/jpeg", "video/mp4", "application/json"

Found = TypeVar("Found")


class Api:
    """Requests to calls of the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._page = read_page()
        self._media = anyio.CapacityLimiter(MEDIA_THREADS)

    def app(self) -> Starlette:
        """The ASGI application, without its guard."""
        get: list[tuple[str, Callable[[Request], Any]]] = [
            ("/", self.page),
            ("/static/{name:path}", self.static),
            ("/api/state", self.state),
            ("/api/person/{label:int}", self.person),
            ("/api/film", self.film),
            ("/api/films", self.films),
            ("/api/groups", self.groups),
            ("/api/group", self.group),
            ("/api/events", self.events),
            ("/face/{clip}/{track:int}.jpg", self.face),
            ("/frame/{clip}.jpg", self.frame),
            ("/video/{clip}", self.video),
            ("/play/{clip}", self.play),
        ]
        post = [("/api/answer", self.answer), ("/api/search", self.search)]
        routes = [Route(path, call, methods=["GET"]) for path, call in get]
        routes += [Route(path, call, methods=["POST"]) for path, call in post]
        handlers: dict[Any, Any] = {HTTPException: _refused, Exception: _broken}
        return Starlette(routes=routes, exception_handlers=handlers, lifespan=self._life)

    @asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._desk.events.watch)
            yield
            self._desk.events.stop()

    async def page(self, _: Request) -> Response:
        return self._asset("index.html")

    async def static(self, request: Request) -> Response:
        return self._asset(request.path_params["name"])

    def _asset(self, name: str) -> Response:
        if name not in self._page:
            raise HTTPException(404, "There is nothing here.")
        body, kind = self._page[name]
        return Response(body, media_type=kind)

    async def state(self, _: Request) -> Response:
        return await self._json(self._desk.state)

    async def person(self, request: Request) -> Response:
        show = request.query_params.get("show", LEFT)
        if show not in (LEFT, ALL):
            raise HTTPException(400, f"show is {LEFT} or {ALL}.")
        label = request.path_params["label"]
        return await self._json(lambda: self._desk.person(label, *_page_of(request), show))

    async def film(self, request: Request) -> Response:
        clip = request.query_params.get("clip", "")
        return await self._json(lambda: self._desk.film(clip))

    async def films(self, request: Request) -> Response:
        return await self._json(lambda: self._desk.films(*_page_of(request)))

    async def groups(self, request: Request) -> Response:
        hidden = request.query_params.get("hidden", "0") == "1"
        return await self._json(lambda: self._desk.group_list(*_page_of(request), hidden))

    async def group(self, request: Request) -> Response:
        clip, track = request.query_params.get("clip", ""), int(_number(request, "track", 0, LATEST))
        return await self._json(lambda: self._desk.group(clip, track))

    async def answer(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise HTTPException(415, f"An answer is {JSON}.")
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise HTTPException(400, "This is not JSON.") from None
        try:
            return await self._json(lambda: self._desk.answer(body))
        except RefusedError as refused:
            raise HTTPException(refused.status, str(refused)) from None

    async def search(self, request: Request) -> Response:
        data = await request.body()
        try:
            return JSONResponse(await run_sync(self._desk.search, data, limiter=self._media))
        except NoSearchError as error:
            raise HTTPException(400, str(error)) from None
        except BusyError:
            raise _busy() from None

    async def events(self, _: Request) -> Response:
        if self._desk.events.is_full:
            raise HTTPException(503, "Too many windows are open.")
        return StreamingResponse(self._desk.events.stream(), media_type="text/event-stream")

    async def face(self, request: Request) -> Response:
        size = int(_number(request, "size", SMALL, LATEST))
        if size not in (SMALL, LARGE):
            raise HTTPException(400, f"size is {SMALL} or {LARGE}.")
        place = request.path_params["clip"], request.path_params["track"]
        return Response(await self._made(lambda: self._desk.media.face(place, size)), media_type=JPEG)

    async def frame(self, request: Request) -> Response:
        clip, seconds = self._clip(request), _number(request, "time", 0.0, LATEST)
        return Response(await self._made(lambda: self._desk.media.frame(clip, seconds)), media_type=JPEG)

    async def video(self, request: Request) -> Response:
        clip = self._clip(request)
        path, kind = await run_sync(lambda: (self._desk.places.path(clip), self._desk.places.kind(clip)))
        if path is None:
            raise HTTPException(404, f"{self._desk.places.why_not(clip).capitalize()}.")
        if not kind:
            raise HTTPException(415, "No browser plays this file; /play shows some seconds of it.")
        if "," in request.headers.get("range", ""):
            raise HTTPException(416, "One range at a time.")
        return FileResponse(path, media_type=kind)

    async def play(self, request: Request) -> Response:
        clip = self._clip(request)
        start = _number(request, "from", 0.0, LATEST)
        seconds = _number(request, "seconds", USUAL_SECONDS, LATEST)
        if seconds <= 0:
            raise HTTPException(400, "seconds is more than 0.")
        data = await self._made(lambda: self._desk.media.play(clip, start, seconds))
        return part_of(data, request.headers.get("range", ""), MP4)

    def _clip(self, request: Request) -> str:
        clip: str = request.path_params["clip"]
        if self._desk.places.clip(clip) is None:
            raise HTTPException(404, "This run has no such clip.")
        return clip

    async def _json(self, call: Callable[[], dict[str, Any] | None]) -> Response:
        found = await run_sync(call)
        if found is None:
            raise HTTPException(404, "This run has no such thing.")
        return JSONResponse(found)

    async def _made(self, make: Callable[[], bytes | None]) -> bytes:
        try:
            found = await run_sync(make, limiter=self._media)
        except NotShownError as error:
            raise HTTPException(404, f"{error}.") from None
        except BusyError:
            raise _busy() from None
        if found is None:
            raise HTTPException(404, "This run has no such face.")
        return found


def _page_of(request: Request) -> tuple[int, int]:
    """Offset and count of a part of a list."""
    offset, count = _number(request, "offset", 0, LATEST), _number(request, "count", COUNT, LATEST)
    return int(offset), min(int(count), MOST)


def _number(request: Request, name: str, usual: float, most: float) -> float:
    """A number in the address, from 0 to `most`."""
    text = request.query_params.get(name)
    if text is None:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise HTTPException(400, f"{name} is a number of 0 or more.")
    return value


def _busy() -> HTTPException:
    return HTTPException(503, "All decoders are busy; try again.")


async def _refused(_: Request, error: HTTPException) -> Response:
    return PlainTextResponse(f"{error.detail}\n", error.status_code, headers=error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    """An internal error, or a table that no longer exists: a sentence for the page, a line on the terminal."""
    text = " ".join(str(error).split()) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    print(f"review: {request.url.path!r:.200}: {text}", file=sys.stderr, flush=True)
    return PlainTextResponse(f"{text if isinstance(error, InputError) else 'Internal error.'}\n", 500)
