"""Contact sheets of what detect.py found, to see why a clip has no face."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from .. import files
from ..clips.dataset import Clip, list_clips
from ..clips.labels import label_files, label_of, read_labels_of
from ..clips.names import find_people, show
from ..clips.sources import find_sources
from ..errors import InputError, UnreadableError
from ..faces.alignment import align_faces
from ..faces.choice import central_face
from ..faces.detectors import Detector
from ..faces.embedding import Embedder
from ..faces.types import Faces
from ..faces.vectors import norms
from ..faces.views import detect_frames, fit
from ..files import on_disk
from ..files.text import printable
from ..installation import as_called
from ..networks.engine import FP32, choose_device
from ..tables import OK, StageReader
from ..video.decoder import FrameDecoder
from ..workers.progress import progress
from .face_finder import looks
from .loaded import load_detector, load_embedder
from .settings import PreviewSettings
from .settings.clips import DRAWN_WHOLE, EVERY, NORM
from .sheets import Sheets, sheet_name

FRAMES = 9  # of a sheet
COLUMNS = 3
TILE = (444, 240)  # width, height in pixels of a frame's tile on the sheet
LINE, FOOTER, GAP = 25, 34, 6  # pixels: line height of the header, height of the footer, gap between frames
FAINT_SCORE = 0.1  # smallest probability to draw, far below the detector's threshold
FACES_A_FRAME = 6  # maximum to draw
JPEG_QUALITY = 85
SHOWN = 200  # characters of a path in a line

BACK, INK, SOFT = (32, 28, 24), (245, 245, 245), (170, 170, 170)  # B, G, R
KEPT, DROPPED, OTHER, FAINT = (96, 200, 80), (60, 150, 255), (235, 206, 135), (150, 150, 150)
KEY = (
    (KEPT, "chosen and kept"),
    (DROPPED, "chosen, quality too low"),
    (OTHER, "not chosen"),
    (FAINT, "score under the threshold"),
)
TEXT_HEIGHT, LINE_HEIGHT = 14, 15  # pixels
BOLD, PLAIN = 600, 400  # weight of the font


@dataclass(frozen=True)
class SeenFrame:
    """A frame of a sheet.

    image : (H, W, 3) uint8, BGR
    faces : best score first, including those below the detector's threshold
    qualities : (n,) float32 of the faces
    chosen : index of the face that detect.py chose; None if none was above the threshold
    kept : whether that face was kept
    threshold : the detector's smallest score of a face
    """

    number: int
    image: np.ndarray
    faces: Faces
    qualities: np.ndarray
    chosen: int | None
    kept: bool
    threshold: float


def preview(settings: PreviewSettings) -> None:
    """Write the sheets, replacing those of an earlier run, and print how many there are.

    Raises
    ------
    InputError
        If the directory is not complete, or the data set or a model that it was made with is gone.
    """
    started = time.monotonic()
    settings = replace(settings, output=on_disk(settings.output, "--output"))
    reader = StageReader(settings.input, ("detect",))
    arguments = reader.arguments
    try:
        part = (int(arguments["split"][0]), int(arguments["split"][1]))
        dataset = settings.dataset or str(arguments["dataset"])
        stage = str(arguments["stage"])
        size = (int(arguments["image_size"][0]), int(arguments["image_size"][1]))
        detector = str(arguments["detector"])
        model = str(arguments["model"]) if arguments.get("quality", NORM) == NORM else None
        threshold = float(arguments["quality_threshold"])
        sampling = 1 if arguments["sampling"] is None else int(arguments["sampling"])
        rate = None if arguments.get("rate") is None else Fraction(arguments["rate"])
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(f"{settings.input}: its manifest lacks arguments ({error}); run detect.py again") from None
    if settings.dataset is None and not files.may_follow(dataset, [settings.input]):
        raise InputError(
            f"{settings.input}: its manifest names the data set {printable(dataset)[:SHOWN]}, and this command "
            "does not, so it was not opened; give --dataset DIR"
        )
    clips = {clip.name: clip for clip in list_clips(dataset, stage, part)}
    total = sum(batch.num_rows for batch in reader.clips())
    rows = chosen_clips(reader, settings.every or (1 if total <= DRAWN_WHOLE else EVERY))
    kept = _kept_frames(reader, {row["name"] for row in rows})
    labels = read_labels_of(dataset) if label_files(dataset) else {}
    people = find_people(settings.names, dataset)
    sources = find_sources(settings.sources, dataset, clips={row["name"] for row in rows})
    device = choose_device(settings.gpu)
    embedder = None if model is None else load_embedder(model, device, FP32)
    viewer = Viewer(load_detector(detector, device, FP32), embedder, sampling, rate, size)
    written: Counter[str] = Counter()
    with Sheets(settings.output) as sheets, progress(what="preview", unit="clip", total=len(rows)) as bar:
        for row in rows:
            clip = clips.get(row["name"])
            if clip is not None:
                frames, unread = viewer.look(clip, row, kept.get(clip.name, frozenset()))
                label = label_of(clip.name, clip.split, labels)
                lines = describe(row, label, people, threshold, unread, sources.get(clip.name, ""))
                sheets.add(sheet_name(clip.name, row["state"]), encode_sheet(draw_sheet(lines, frames)))
                written[row["state"]] += 1
            bar.update()
    missing = len(rows) - sum(written.values())
    print(
        f"preview: {sum(written.values())} sheets ({', '.join(f'{state} {n}' for state, n in written.items())}), "
        f"{missing} clips gone from the data set, {time.monotonic() - started:.1f} s -> {settings.output}"
        f"{_left_out(settings, total - len(rows))}"
    )


def _left_out(settings: PreviewSettings, count: int) -> str:
    if not count:
        return ""
    given = {"--input": settings.input, "--output": settings.output, "--dataset": settings.dataset}
    paths = " ".join(f"{flag} {shlex.quote(path)}" for flag, path in given.items() if path is not None)
    return as_called(f"; {count} clips are left out, python -m rcnn preview {paths} --every 1 draws all")


def chosen_clips(reader: StageReader, every: int) -> list[dict[str, Any]]:
    """Rows of the table of clips: every K-th of each state, starting with the first."""
    counts: Counter[str] = Counter()
    rows = []
    for batch in reader.clips():
        for row in batch.to_pylist():
            if counts[row["state"]] % every == 0:
                rows.append(row)
            counts[row["state"]] += 1
    return rows


def spread(count: int) -> set[int]:
    """Indices, from 0, of a sheet's frames among `count` frames; the first ones if the count is not known."""
    places = np.arange(FRAMES) if count < FRAMES else np.linspace(0, count - 1, FRAMES).round()
    return set(places.astype(int).tolist())


def _kept_frames(reader: StageReader, names: set[str]) -> dict[str, frozenset[int]]:
    """Numbers of the frames with a kept face, by clip."""
    found: dict[str, set[int]] = {}
    for batch in reader.batches(["name", "frame"]):
        for row in batch.to_pylist():
            if row["name"] in names:
                found.setdefault(row["name"], set()).add(row["frame"])
    return {name: frozenset(frames) for name, frames in found.items()}


@dataclass(frozen=True)
class Viewer:
    """Processes a clip again, with all faces and their qualities.

    embedder : None if the quality is the detector's score
    sampling, rate : of the run
    size : height, width of crops in pixels
    """

    detector: Detector
    embedder: Embedder | None
    sampling: int
    rate: Fraction | None
    size: tuple[int, int]

    def look(self, clip: Clip, row: Mapping[str, Any], kept: frozenset[int]) -> tuple[list[SeenFrame], str]:
        """Frames spread over the sampled ones; and why there are no more of them, else empty.

        Parameters
        ----------
        row : of the table of clips
        kept : frames with a kept face
        """
        wanted = spread(row["frames"])
        decoder, error = FrameDecoder(), ""
        images: dict[int, np.ndarray] = {}
        try:
            # the number of sampled frames shows whether the clip got a second pass because no face was found
            for sampling, rate in looks(self.sampling, self.rate):
                total, images = 0, {}
                for frame in decoder.read_frames(clip.path, sampling, rate, clip.start, clip.end):
                    if total in wanted:
                        images[frame.number] = frame.image.copy()  # the decoder reuses its memory
                    total += 1
                if total == row["frames"]:
                    break
        except UnreadableError as caught:
            error = str(caught)
        finally:
            decoder.close()
        return [self._see(number, image, number in kept) for number, image in images.items()], error

    def _see(self, number: int, image: np.ndarray, kept: bool) -> SeenFrame:
        faces = detect_frames(self.detector, [image], threshold=FAINT_SCORE)[0]
        good = np.flatnonzero(faces.scores >= self.detector.threshold)
        chosen = None
        if len(good):
            chosen = int(good[central_face(faces.take(good), image.shape[1], image.shape[0])])
        shown = np.arange(min(len(faces), FACES_A_FRAME))
        if chosen is not None and chosen not in shown:
            shown = np.append(shown, chosen)
        faces = faces.take(shown)
        qualities = faces.scores
        if len(faces) and self.embedder is not None:
            qualities = norms(self.embedder.embed(align_faces(image, faces.landmarks, self.size)))
        place = None if chosen is None else int(np.flatnonzero(shown == chosen)[0])
        return SeenFrame(number, image, faces, qualities, place, kept and chosen is not None, self.detector.threshold)


def describe(
    row: Mapping[str, Any], label: int, people: Mapping[int, str], threshold: float, error: str = "", source: str = ""
) -> list[str]:
    """The header lines of a sheet.

    Parameters
    ----------
    row : of the table of clips
    label : of the clip, as currently in the data set
    error : why the clip can't currently be read
    source : path of the user's own file that the clip was made of; empty if not known
    """
    who = show(label, people) if label > 0 else "no label"
    state = "has faces" if row["state"] == OK else row["state"]
    why = f" ({row['reason']})" if row["reason"] else ""
    counts = f"{row['frames']} frames sampled, {row['faces']} faces kept, quality threshold {threshold:g}"
    return [
        f"{printable(row['name'])}   {row['split']}   {who}",
        *([f"made of {printable(source)}"] if source else []),
        f"{state}{why}   {counts}{f'   now: {error}' if error and row['state'] == OK else ''}",
    ]


def draw_sheet(lines: Sequence[str], frames: Sequence[SeenFrame]) -> np.ndarray:
    """(H, W, 3) uint8, BGR: the header, the frames, and the legend of colours."""
    rows = max(1, -(-len(frames) // COLUMNS))
    width = COLUMNS * (TILE[0] + GAP) + GAP
    header = LINE * len(lines) + 2 * GAP
    sheet = np.full((header + rows * (TILE[1] + GAP) + FOOTER, width, 3), BACK, np.uint8)
    _write(sheet, lines[0], (GAP, LINE - 1), INK, 18, BOLD)
    for number, line in enumerate(lines[1:], 2):
        _write(sheet, _fitting(line, width - 2 * GAP), (GAP, LINE * number - 1), SOFT, LINE_HEIGHT)
    for index, frame in enumerate(frames):
        x = GAP + index % COLUMNS * (TILE[0] + GAP)
        y = header + index // COLUMNS * (TILE[1] + GAP)
        sheet[y : y + TILE[1], x : x + TILE[0]] = draw_frame(frame)
    if not frames:
        _write(sheet, "no frame can be shown", (GAP + 20, header + 40), SOFT, 16)
    x = GAP
    for colour, meaning in KEY:
        y = sheet.shape[0] - FOOTER // 2
        cv2.rectangle(sheet, (x, y - 8), (x + 16, y + 8), colour, 3)
        x = _write(sheet, meaning, (x + 26, y + 5), SOFT, TEXT_HEIGHT) + 30
    _write(sheet, "numbers: score, quality", (x, sheet.shape[0] - FOOTER // 2 + 5), SOFT, TEXT_HEIGHT)
    return sheet


def draw_frame(frame: SeenFrame) -> np.ndarray:
    """(TILE height, TILE width, 3) uint8, BGR: the frame with its faces; the chosen one comes last, on top."""
    tile = np.zeros((TILE[1], TILE[0], 3), np.uint8)
    scale = fit(frame.image, tile)
    for index in sorted(range(len(frame.faces)), key=lambda index: index == frame.chosen):
        colour = _colour(frame, index)
        corners = (frame.faces.boxes[index].reshape(2, 2) * scale).round().astype(int)
        thickness = 2 if index == frame.chosen else 1
        cv2.rectangle(tile, corners[0].tolist(), corners[1].tolist(), colour, thickness, cv2.LINE_AA)
        for point in (frame.faces.landmarks[index] * scale).round().astype(int).tolist():
            cv2.circle(tile, point, 2, colour, cv2.FILLED, cv2.LINE_AA)
        label = f"{frame.faces.scores[index]:.2f}  {frame.qualities[index]:.1f}"
        _label(tile, label, corners, colour)
    _plate(tile, f"frame {frame.number}", (6, TILE[1] - 8), INK)
    if not len(frame.faces):
        _plate(tile, f"no face candidate (score over {FAINT_SCORE:g})", (6, 20), SOFT)
    return tile


def _colour(frame: SeenFrame, index: int) -> tuple[int, int, int]:
    if index == frame.chosen:
        return KEPT if frame.kept else DROPPED
    return OTHER if frame.faces.scores[index] >= frame.threshold else FAINT


def _label(tile: np.ndarray, text: str, corners: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Above the box; below it if there is no room."""
    y = corners[0, 1] - 5 if corners[0, 1] >= TEXT_HEIGHT + 6 else min(corners[1, 1] + TEXT_HEIGHT + 4, TILE[1] - 4)
    _plate(tile, text, (int(np.clip(corners[0, 0], 2, TILE[0] - 80)), int(y)), colour)


def _plate(tile: np.ndarray, text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Text on a dark background, readable on any picture."""
    end = _write(np.zeros_like(tile), text, place, colour, TEXT_HEIGHT, BOLD)
    top, bottom = max(place[1] - TEXT_HEIGHT, 0), place[1] + 4
    area = tile[top:bottom, max(place[0] - 3, 0) : end + 3]
    area[:] = area // 4
    _write(tile, text, place, colour, TEXT_HEIGHT, BOLD)


def _fitting(line: str, width: int) -> str:
    """The line, shortened in the middle to fit a width in pixels: the ends of a path say most."""
    shown, end = line, len(line) // 2
    while (long := _write(np.zeros((1, 1, 3), np.uint8), shown, (0, 0), SOFT, LINE_HEIGHT)) > width and end:
        end = min(end - 1, end * width // long)
        shown = f"{line[:end]}...{line[len(line) - end :]}"
    return shown


def _write(
    image: np.ndarray,
    text: str,
    place: tuple[int, int],
    colour: tuple[int, int, int],
    height: int,
    weight: int = PLAIN,
) -> int:
    """Write at the left end of the base line; returns the x of the right end. The font covers any script."""
    # OpenCV 5 returns the last point first
    return int(cv2.putText(image, text, place, colour, cv2.FontFace("sans"), height, weight)[0][0])


def encode_sheet(sheet: np.ndarray) -> bytes:
    """A sheet as a JPEG."""
    return cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
