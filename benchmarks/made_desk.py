"""Synthetic runs for the desk, with random vectors of chosen similarity for each track."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pyarrow as pa

from rcnn.clips.dataset import Clip, list_clips
from rcnn.clips.gather import SourceFile
from rcnn.clips.in_place import read_earlier, write_in_place
from rcnn.tables import TRACKED_FACES_SCHEMA, Listing, StageWriter, features_schema, vector_array
from rcnn.tables.faces import ClipFaces

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 600.0  # seconds before giving up, generous for a busy machine
WIDTH = 64  # of a vector
PHOTOGRAPHS = 4  # per known person
FACES = 3  # per track
FPS, SECONDS = 10, 4  # of films
SIZE = (160, 120)  # pixels
SURE = 0.97  # approximate cosine between photographs of one person
MODEL = {"m-0000.params": "0" * 64}
CODECS = {  # containers and pixel formats of codecs; browsers play the first
    "libx264": (".mp4", "yuv420p"),
    "mpeg2video": (".mpg", "yuv420p"),
    "prores_ks": (".mov", "yuv422p10le"),
    "libx265": (".mkv", "yuv420p"),
}


@dataclass(frozen=True)
class Track:
    """A track of a film.

    who : number of the person; numbers from the count of `Cast.known` are strangers
    like : approximate cosine with the person
    first : index of the film's face where it begins
    """

    who: int
    like: float = SURE
    first: int = 0


@dataclass(frozen=True)
class Cast:
    """The known people, and the tracks of each film.

    known : names of known people
    films : tracks of each film, by its file
    width : length of vectors
    """

    known: Sequence[str]
    films: dict[Path, Sequence[Track]]
    width: int = WIDTH


@cache
def direction(who: int, width: int) -> np.ndarray:
    """(width,) float64, unit: people are approximately orthogonal."""
    found = np.random.default_rng(who).normal(size=width)
    return found / np.linalg.norm(found)


def vectors_of(who: np.ndarray, like: np.ndarray, width: int, seed: int) -> np.ndarray:
    """(n, width) float32, unit, with the given cosines with the people."""
    own = np.stack([direction(each, width) for each in who.tolist()])
    noise = np.random.default_rng([7, seed]).normal(size=own.shape)
    noise -= (noise * own).sum(1, keepdims=True) * own
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    return (like[:, None] * own + np.sqrt(1 - like**2)[:, None] * noise).astype(np.float32)


def crop(seed: int) -> bytes:
    """A JPEG of a single colour that is unique to the seed."""
    colour = np.random.default_rng(seed).integers(0, 255, 3)
    image = np.full((112, 112, 3), colour, np.uint8)
    return bytes(cv2.imencode(".jpg", image)[1].tobytes())


def write_film(path: Path, codec: str = "libx264") -> Path:
    """Write a few seconds of a moving square; adds the extension of the codec's container."""
    ending, pixels = CODECS[codec]
    path = path.with_name(path.name + ending)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        rate = 25 if codec == "mpeg2video" else FPS  # MPEG-2 does not support 10 frames per second
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixels
        if codec == "libx265":
            stream.options = {"x265-params": "log-level=none", "preset": "ultrafast"}
        for number in range(rate * SECONDS):
            image = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
            image[40:80, number : number + 40] = 220
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def make_run(root: Path, cast: Cast) -> Path:
    """Write the run to a new folder; returns it."""
    people = {name: [root / "people" / f"{name[:20]}-{n}.jpg" for n in range(PHOTOGRAPHS)] for name in cast.known}
    files = {path: _file(path) for path in (*cast.films, *(path for mine in people.values() for path in mine))}
    owners = {str(path): who for who, name in enumerate(cast.known) for path in people[name]}
    dataset = root / "found/dataset"
    plans = dict.fromkeys(files.values(), ((0.0, 0.0),))
    known = {name: [files[path] for path in mine] for name, mine in people.items()}
    with redirect_stdout(StringIO()):
        write_in_place(str(dataset), known, [files[path] for path in cast.films], plans, read_earlier(str(dataset)))
        tracks = {str(path): mine for path, mine in cast.films.items()}
        photographs = {path: [Track(who)] for path, who in owners.items()}
        _write_stage(root / "found", "trainval", photographs, cast.width)
        _write_stage(root / "found", "test", tracks, cast.width)
    return root / "found"


def _file(path: Path) -> SourceFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(b"nothing that is played")
    found = path.stat()
    return SourceFile(str(path), found.st_size, found.st_mtime_ns)


def _write_stage(found: Path, part: str, cast: dict[str, Sequence[Track]], width: int) -> None:
    clips = [clip for clip in list_clips(str(found / "dataset"), part, marked=True) if cast[clip.path]]
    arguments = {"dataset": str(found / "dataset"), "stage": part, "rate": 2.0, "sampling": None, "faces": "all"}
    detection, crops = str(found / f"det_{part}"), [crop(seed) for seed in range(50)]
    with StageWriter(
        detection, "detect", TRACKED_FACES_SCHEMA, arguments=arguments, models=MODEL, listing=Listing.of(clips)
    ) as writer:
        for clip in clips:
            writer.add_clips([_row(clip, len(cast[clip.path]))])
            writer.add_rows(_faces(clip, cast[clip.path], crops).record(TRACKED_FACES_SCHEMA))
    schema = features_schema(width, True)
    arguments = {"model": "m,0", "dataset": str(found / "dataset"), "sampling": 1}
    with StageWriter(
        str(found / f"feat_{part}"), "feature", schema, arguments=arguments, models=MODEL, sources=[detection]
    ) as writer:
        for number, clip in enumerate(clips):
            mine = cast[clip.path]
            who, like = np.array([track.who for track in mine]), np.array([track.like for track in mine])
            names = [pa.array([value] * len(mine)) for value in (clip.name, clip.split)]
            rows = vector_array(vectors_of(who, like, width, number + (part == "test") * 10_000_000))
            columns = [*names, pa.array(range(len(mine)), pa.int32()), rows]
            writer.add_clips([_row(clip, len(mine))])
            writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))


def _row(clip: Clip, tracks: int) -> dict[str, Any]:
    codec = {".mp4": "h264", ".mkv": "hevc", ".mov": "prores", ".mpg": "mpeg2video"}.get(Path(clip.path).suffix, "")
    return {
        "name": clip.name, "split": clip.split, "source": clip.path, "start": clip.start, "end": clip.end,
        "size": clip.size, "changed": clip.changed, "state": "ok", "reason": "", "frames": FACES,
        "faces": FACES * tracks, "seconds": float(SECONDS), "fps": float(FPS), "width": SIZE[0], "height": SIZE[1],
        "codec": codec, "read": FPS * SECONDS,
    }  # fmt: skip


def _faces(clip: Clip, tracks: Sequence[Track], crops: list[bytes]) -> ClipFaces:
    count = FACES * len(tracks)
    numbers = np.repeat(np.arange(len(tracks)), FACES).astype(np.int32)
    first = np.repeat([track.first for track in tracks], FACES)
    frames = (5 * (first + np.tile(np.arange(FACES), len(tracks))) + 1).astype(np.int32)
    ones = np.ones(count, np.float32)
    boxes = np.array([16, 24, 80, 96], np.float32) + 40 * numbers[:, None].astype(np.float32)
    landmarks = np.ones((count, 5, 2), np.float32)
    mine = [crops[number % len(crops)] for number in numbers]
    qualities = (20 + np.tile(np.arange(FACES), len(tracks))).astype(np.float32)
    faces = ClipFaces(clip, frames, (frames - 1) / FPS, ones, qualities, boxes, landmarks, mine, numbers)
    return faces.take(np.argsort(frames, kind="stable"))


@dataclass
class Running:
    """A running desk.

    key : access key in its address
    """

    process: subprocess.Popen[str]
    port: int
    key: str

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        """A client with the cookie and the headers of the page."""
        client = httpx.Client(base_url=self.base, timeout=PATIENCE, headers={"Origin": self.base, "X-Desk": "1"})
        assert client.get(f"/?key={self.key}").status_code == 303
        return client

    def raw(self, request: bytes, end: bool = True) -> bytes:
        """The server's reply to raw bytes, up to the end of the connection or of one response."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(request)
            if end:
                connection.shutdown(socket.SHUT_WR)
            said = b""
            while data := connection.recv(1 << 16):
                said += data
            return said

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Stop it as by Ctrl-C; returns exit code, remaining stdout, and stderr."""
        self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, errors


def start(found: Path, *words: str) -> Running:
    """Start the desk as a user does; returns when its address is printed."""
    command = [sys.executable, "-m", "rcnn", "review", str(found), "--no-browser", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        address = re.search(r"http://\S+:(\d+)/\?key=(\S+)", line)
        if address:
            return Running(process, int(address[1]), address[2])
    raise AssertionError(process.communicate()[1])


@contextmanager
def running(found: Path, *words: str) -> Iterator[Running]:
    """Start a desk and stop it afterwards."""
    desk = start(found, *words)
    try:
        yield desk
    finally:
        desk.process.kill()
        desk.process.communicate()


def events(client: httpx.Client) -> Iterator[tuple[str, str]]:
    """Type and data of each event of a desk."""
    with client.stream("GET", "/api/events") as stream:
        kind = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield kind, line.removeprefix("data: ")


def said(response: httpx.Response) -> Any:
    """The JSON of a successful response."""
    assert response.status_code == 200, response.text
    return json.loads(response.content)
