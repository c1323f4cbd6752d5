"""A run as `python -m rcnn find` leaves it, of vectors that were drawn: three people, films with two of them each."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from rcnn.clips.dataset import Clip, list_clips
from rcnn.clips.gather import SourceFile
from rcnn.clips.in_place import read_earlier, write_in_place
from rcnn.exports.appearances import write_file
from rcnn.stages.appearances import appearances
from rcnn.stages.genfeat import genfeat
from rcnn.stages.settings import AppearancesSettings, GenfeatSettings
from rcnn.stages.sheets import Sheets, sheet_name
from rcnn.tables import TRACKED_FACES_SCHEMA, Listing, StageWriter, features_schema, scores_schema, vector_array
from rcnn.tables.faces import ClipFaces

NAMES = ("Ada Lovelace", "Bo", "Zoë")
PHOTOGRAPHS = 8  # of each
FILMS = {"first": (0, 1), "second": (1, 2), "third": (0, 2), "alone": (0,)}  # who is in each, by track
FACES = 3  # of a track
WIDTH = 32  # of a vector
NOISE = 0.05
SIDE = 16  # pixels: noise, which nothing decodes
RATE = 2.0
MODEL = {"m-0000.params": "0" * 64}


def vector(person: int, seed: int) -> np.ndarray:
    """(WIDTH,) float32 of length 1, near the person's direction."""
    direction = np.random.default_rng(person).normal(size=WIDTH)
    found = direction / np.linalg.norm(direction) + NOISE * np.random.default_rng(1000 + seed).normal(size=WIDTH)
    return (found / np.linalg.norm(found)).astype(np.float32)


def crop(seed: int) -> bytes:
    """A JPEG that no other seed gives."""
    image = np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    return bytes(cv2.imencode(".jpg", image)[1].tobytes())


@dataclass
class MadeRun:
    """Where it lies, and what of each person stands in it: crops, vectors and names of clips."""

    root: Path
    people: Path
    films: Path
    crops: dict[int, list[bytes]] = field(default_factory=lambda: {0: [], 1: [], 2: []})
    vectors: dict[int, list[np.ndarray]] = field(default_factory=lambda: {0: [], 1: [], 2: []})
    clips: dict[int, list[str]] = field(default_factory=lambda: {0: [], 1: [], 2: []})

    @property
    def dataset(self) -> Path:
        return self.root / "dataset"


def _file(path: Path, text: str) -> SourceFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return SourceFile(str(path), path.stat().st_size, path.stat().st_mtime_ns)


def make_run(folder: Path, in_folders: bool = False) -> MadeRun:
    """Write the run.

    Parameters
    ----------
    in_folders : whether the data set has its clips in folders, as gendata.py makes it
    """
    run = MadeRun(folder / "found", folder / "people", folder / "films")
    people = {
        name: [_file(run.people / name / f"{number}.jpg", f"{name} {number}") for number in range(PHOTOGRAPHS)]
        for name in NAMES
    }
    films = [_file(run.films / f"{name}.mkv", name) for name in FILMS]
    if in_folders:
        _lay_in_folders(run, people, films)
    else:
        plans = {file: ((0.0, 0.0),) for mine in (*people.values(), films) for file in mine}
        write_in_place(str(run.dataset), people, films, plans, read_earlier(str(run.dataset)))
    with redirect_stdout(StringIO()):
        for part in ("trainval", "test"):
            _write_stage(run, part)
        genfeat(GenfeatSettings(inputs=(f"{run.root}/feat_trainval",), output=f"{run.root}/trainval", tracks="main"))
        _write_results(run)
    return run


def _lay_in_folders(run: MadeRun, people: dict[str, list[SourceFile]], films: list[SourceFile]) -> None:
    lists = run.dataset / "gt_v2"
    lists.mkdir(parents=True)
    sources, train = {}, []
    for label, mine in enumerate(people.values(), 1):
        for number, file in enumerate(mine):
            sources[f"p{label}{number}.mp4"] = file.path
            train.append(f"p{label}{number}.mp4 {label}\n")
    sources |= {f"{Path(film.path).stem}.mp4": film.path for film in films}
    for name, source in sources.items():
        part = "IQIYI_VID_TEST" if source.endswith(".mkv") else "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN"
        (run.dataset / part).mkdir(parents=True, exist_ok=True)
        (run.dataset / part / name).symlink_to(source)
    texts = {
        "IQIYI_VID.txt": "".join(f"{name}\n" for name in sources),
        "train_v2.txt": "".join(train),
        "val_v2.txt": "",
        "test_v2.txt": "1 alone.mp4\n2 second.mp4\n",
        "names.txt": "".join(f"{label} {name}\n" for label, name in enumerate(people, 1)),
        "sources.txt": "".join(f"{name}\t{source}\n" for name, source in sorted(sources.items())),
    }
    for name, text in texts.items():
        (lists / name).write_text(text)
    (run.dataset / "skipped.txt").write_text("Ada Lovelace/x.pdf\tis no photograph\nBo/y.pdf\tis no photograph\n")


def _people_of(clip: Clip) -> tuple[int, ...]:
    path = Path(clip.path).resolve()
    return FILMS[path.stem] if clip.split == "test" else (NAMES.index(path.parent.name),)


def _seed(clip: Clip, track: int) -> int:
    path = Path(clip.path).resolve()
    return int(hashlib.sha256(f"{path.parent.name}{path.name}{track}".encode()).hexdigest()[:6], 16)


def _write_stage(run: MadeRun, part: str) -> None:
    clips = list_clips(str(run.dataset), part, marked=True)
    arguments = {"dataset": str(run.dataset), "stage": part, "rate": RATE, "sampling": None, "faces": "all"}
    detection = str(run.root / f"det_{part}")
    schema = features_schema(WIDTH, True)
    with StageWriter(detection, "detect", TRACKED_FACES_SCHEMA, arguments=arguments, models=MODEL,
                     listing=Listing.of(clips)) as writer:  # fmt: skip
        for clip in clips:
            writer.add_clips([_row(clip)])
            writer.add_rows(_faces(run, clip).record(TRACKED_FACES_SCHEMA))
    arguments = {"model": "m,0", "dataset": str(run.dataset), "sampling": 1}
    with StageWriter(str(run.root / f"feat_{part}"), "feature", schema, arguments=arguments, models=MODEL,
                     sources=[detection]) as writer:  # fmt: skip
        for clip in clips:
            whose = _people_of(clip)
            found = [vector(person, _seed(clip, track)) for track, person in enumerate(whose)]
            for person, each in zip(whose, found, strict=True):
                run.vectors[person].append(each)
            names = [pa.array([value] * len(found)) for value in (clip.name, clip.split)]
            columns = [*names, pa.array(range(len(found)), pa.int32()), vector_array(np.stack(found))]
            writer.add_clips([_row(clip)])
            writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))


def _row(clip: Clip) -> dict:
    who = {"name": clip.name, "split": clip.split, "source": clip.path, "start": clip.start, "end": clip.end}
    count = FACES * len(_people_of(clip))
    state = {"state": "ok", "reason": "", "frames": FACES, "faces": count, "seconds": 30.0, "fps": 25.0, "read": 750}
    return {**who, "size": clip.size, "changed": clip.changed, **state}


def _faces(run: MadeRun, clip: Clip) -> ClipFaces:
    whose = _people_of(clip)
    crops = []
    for track, person in enumerate(whose):
        mine = [crop(_seed(clip, track) + number) for number in range(FACES)]
        run.crops[person] += mine
        crops += mine
        if clip.split != "test":
            run.clips[person].append(clip.name)
    count = len(crops)
    frames = np.tile(np.arange(FACES) * 12 + 1, len(whose)).astype(np.int32)
    ones = np.ones(count, np.float32)
    order = np.argsort(frames, kind="stable")
    tracks = np.repeat(np.arange(len(whose)), FACES).astype(np.int32)
    boxes = np.tile(np.array([10, 20, 110, 140], np.float32), (count, 1))
    landmarks = np.ones((count, 5, 2), np.float32)
    faces = ClipFaces(clip, frames, (frames - 1) / 25.0, ones, 20 * ones, boxes, landmarks, crops, tracks)
    return faces.take(order)


def _write_results(run: MadeRun) -> None:
    root = run.root
    table = AppearancesSettings(f"{root}/feat_test", known=(f"{root}/feat_trainval",), output=f"{root}/appearances")
    appearances(table)
    for name in ("who.csv", "who.json"):
        write_file(f"{root}/appearances", f"{root}/{name}", frozenset({"yes", "maybe"}))
    schema = scores_schema(len(NAMES) + 1)
    with StageWriter(f"{root}/pred_test", "predict", schema, arguments={"model": f"{root}/iqiyi,40"},
                     sources=[f"{root}/feat_test"]) as writer:  # fmt: skip
        for clip in list_clips(str(run.dataset), "test", marked=True):
            columns = [pa.array([clip.name]), pa.array([clip.split]), vector_array(np.full((1, 4), 0.25, np.float32))]
            writer.add_clips([_row(clip)])
            writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))
    (root / "iqiyi-0040.params").write_bytes(np.stack(run.vectors[0]).tobytes())
    (root / "iqiyi-train.json").write_text("{}")
    (root / "iqiyi-symbol.json").write_text("{}")
    pictures = "".join(
        f'<img alt="{name}" src="data:image/jpeg;base64,{base64.b64encode(run.crops[person][0]).decode()}">'
        for person, name in enumerate(NAMES)
    )
    (root / "report.html").write_text(f"<html>{pictures}</html>")
    (root / "submission.txt").write_text("1 first\n2 second\n")
    (root / "log").mkdir()
    (root / "log/find.log").write_text("".join(f"  label {n + 1} ({name}): 3 yes\n" for n, name in enumerate(NAMES)))
    (root / "skipped.txt").write_text(
        f"{run.people}/Ada Lovelace/x.pdf\tis no photograph\n{run.people}/Bo/y\tis empty\n"
    )
    with Sheets(str(root / "preview")) as sheets:
        sheets.add(sheet_name(run.clips[0][0], "ok"), run.crops[0][1])
    (root / "feat_test.index").mkdir()
    (root / "feat_test.index/vectors.npy").write_bytes(np.stack(run.vectors[0]).tobytes())


@contextmanager
def put_back(made: MadeRun, work: Path) -> Iterator[MadeRun]:
    """A run that may be changed, and is afterwards what it was; it lies where it did, because its manifests say so."""
    shutil.copytree(made.root, work / "kept")
    yield made
    shutil.rmtree(made.root)
    shutil.copytree(work / "kept", made.root)
