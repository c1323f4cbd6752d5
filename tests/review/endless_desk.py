"""A desk with as many tracks as wanted and no server: the page's own files, and answers that are made up for it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import cv2
import numpy as np

from rcnn.review.page import read_page

PAGE = read_page()
HERE = "http://desk.test"
POLICY = "default-src 'self'"
FILMS, IN_GROUP = 40, 12


@cache
def _picture(number: int) -> bytes:
    """Something that is not a person."""
    image = np.full((112, 112, 3), 60 + 12 * number, np.uint8)
    cv2.circle(image, (56, 56), 20 + 2 * number, (240, 200, 40 * number % 255), -1)
    return cv2.imencode(".jpg", image)[1].tobytes()


def item(number: int, verdict: str = "maybe", name: str = "Ada") -> dict:
    """A track."""
    start = number % 3000
    return {
        "clip": f"clip{number}", "track": 0, "source": f"/films/{number % FILMS:03}/film{number}.mp4", "start": start,
        "end": start + 2.5, "time": start + 1, "box": [0.3, 0.2, 0.2, 0.4], "who": 1, "name": name,
        "cosine": 0.4, "probability": 0.5, "verdict": verdict, "answer": None,
        "others": [{"label": 2, "name": "Bob", "cosine": 0.3}], "face": f"/face/clip{number}/0.jpg",
        "plays": None, "why": "it is made up",
    }  # fmt: skip


class EndlessDesk:
    """Answers of a desk.

    Parameters
    ----------
    tracks : of one person; there are as many groups and films
    at_once : tracks of a film or of a group, which come in one answer
    names : of the people
    """

    def __init__(self, tracks: int, at_once: int, names: tuple[str, ...] = ("Ada", "Bob")) -> None:
        self.tracks, self.at_once, self.names = tracks, at_once, names

    def serve(self, context) -> None:
        """Answer everything that a browser's context asks for."""
        context.route("**/*", self._answer)

    def _answer(self, route) -> None:
        address = urlsplit(route.request.url)
        path = Path(unquote(address.path))
        if not route.request.url.startswith(HERE):
            route.abort()
        elif path.parts[1:2] in [("face",), ("frame",)]:
            route.fulfill(body=_picture(sum(path.parts[2].encode()) % 16), content_type="image/jpeg")
        elif path.parts[1:2] == ("api",):
            found = self._said(path, {key: value[0] for key, value in parse_qs(address.query).items()})
            if found is None:
                route.fulfill(body="retry: 60000\n\n", content_type="text/event-stream")
            else:
                route.fulfill(body=json.dumps(found), content_type="application/json")
        else:
            body, kind = PAGE[path.name or "index.html"]
            route.fulfill(body=body, content_type=kind, headers={"Content-Security-Policy": POLICY})

    def _said(self, path: Path, query: dict[str, str]) -> dict | None:
        offset, count = int(query.get("offset", 0)), int(query.get("count", 0))
        numbers = range(offset, min(offset + count, self.tracks))
        match path.parts[2]:
            case "events":
                return None
            case "state":
                return self._state()
            case "person":
                return {"label": 1, "name": self.names[0], "total": self.tracks, "items": [item(n) for n in numbers]}
            case "films":
                films = [{**item(n), "seconds": 5400, "people": n % 7, "unknown": n % 5} for n in numbers]
                return {"total": self.tracks, "items": films}
            case "groups":
                return {"total": self.tracks, "items": [self._group(n) for n in numbers]}
            case "group":
                return {"group": 0, "items": [item(n, "no", "") for n in range(self.at_once)]}
            case "film":
                tracks = [
                    {**item(n), "who": n % len(self.names) + 1, "name": self.names[n % len(self.names)], "group": None}
                    if n % 2
                    else {**item(n, "no", ""), "who": None, "group": n // 2}
                    for n in range(self.at_once)
                ]
                return {"source": "/films/long.mp4", "seconds": 3003, "tracks": tracks, "plays": None, "why": "made up"}
        raise AssertionError(path)

    def _state(self) -> dict:
        people = [
            {"label": n, "name": name, "yes": n, "maybe": 3, "left": 2, "answers": 1, "face": f"/face/clip{n}/0.jpg"}
            for n, name in enumerate(self.names, 1)
        ]
        return {
            "run": "made up", "revision": 1, "people": people,
            "unknown": {"groups": self.tracks, "tracks": self.tracks},
            "left": self.tracks, "answers": 0, "changed_last_100": 0, "hidden": 0,
        }  # fmt: skip

    def _group(self, number: int) -> dict:
        clips = [f"clip{number}_{n}" for n in range(IN_GROUP)]
        faces = [{"clip": clip, "track": 0, "face": f"/face/{clip}/0.jpg"} for clip in clips]
        return {"group": number, "tracks": 14, "films": 5, "seconds": 80, "sure": 0.9, "faces": faces}
