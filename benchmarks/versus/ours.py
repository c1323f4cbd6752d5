"""This project's stages as a contender: from clips to vectors, and from clips and photographs to a ranking."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from timing.measure import Usage, python

from rcnn.clips.dataset import read_ground_truth
from rcnn.clips.layout import FOLDERS, PEOPLE_FILE
from rcnn.clips.listed import listed_sources
from rcnn.faces.load import load_embedder
from rcnn.networks.engine import CPU
from rcnn.stages.crops import decode_crop
from rcnn.tables import INT8, StageReader
from rcnn.tables.schema import vectors

from .agreement import FoundFaces
from .contenders import Contender, Group
from .work import Work

VECTOR = "vector"  # column of the faces, if detect.py stores vectors
CHUNK = 512  # crops embedded together


def to_vectors(contender: Contender, group: Group, work: Work, rate: int, folder: Path) -> list[Usage]:
    """Run detect.py and feature.py with the recipe `best`, keeping every face above the detector's threshold.

    8-bit networks are calibrated in a separate run that is not counted.
    """
    faces, features, calibrated = folder / "faces", folder / "features", folder / "calibrated"
    precision = ("--precision", "int8") if contender.int8 else ()

    def run(output: Path, kept: Path) -> list[Usage]:
        detect = python(
            "detect.py", "--dataset", work.dataset, "--output", output, "--recipe", "best", "--rate", rate,
            "--detector", group.detector, "--quality-model", group.embedding, "--quality-threshold", 0, "--gpu", -1,
            *precision,
        )  # fmt: skip
        feature = python(
            "feature.py", "--input", output, "--output", kept, "--recipe", "best", "--model", group.embedding,
            "--gpu", -1, *precision,
        )  # fmt: skip
        return [detect, feature]

    if contender.int8 and not calibrated.exists():
        run(folder / "first", folder / "first-features")
        for name, source in (("faces", "first"), ("features", "first-features")):
            if (folder / source / INT8).exists():
                shutil.copytree(folder / source / INT8, calibrated / name)
            shutil.rmtree(folder / source)
    for target in (faces, features):
        shutil.rmtree(target, ignore_errors=True)
        if (calibrated / target.name).exists():
            shutil.copytree(calibrated / target.name, target / INT8)
    return run(faces, features)


def found_faces(folder: Path, work: Work, group: Group) -> FoundFaces:
    """Faces found by `to_vectors`; vectors that detect.py did not store are computed from its crops, by the exact
    network."""
    reader = StageReader(str(folder / "faces"), ["detect"])
    places = {Path(path).name: index for index, (path, _) in enumerate(work.clips)}
    embedder = load_embedder(group.embedding, CPU)
    parts: list[tuple[list[int], np.ndarray, np.ndarray, np.ndarray]] = []
    kept = VECTOR in reader.schema.names
    for batch in reader.batches(["name", "frame", "box", VECTOR if kept else "crop"], CHUNK):
        if kept:
            rows = vectors(batch.column(VECTOR)).astype(np.float32)
        else:
            rows = embedder.embed([decode_crop(crop, reader.path) for crop in batch.column("crop").to_pylist()])
        clips = [places[name] for name in batch.column("name").to_pylist()]
        parts.append((clips, batch.column("frame").to_numpy(), vectors(batch.column("box")), rows))
    columns = [np.concatenate([part[place] for part in parts]) for place in range(4)]
    return FoundFaces(*columns)


def to_answers(group: Group, work: Work, rate: int, folder: Path) -> tuple[Usage, dict[str, list[int]]]:
    """Run `python -m rcnn find` on the photographs and clips; returns the usage, and the ranked clips of each
    person."""
    shutil.rmtree(folder, ignore_errors=True)
    people = folder / "people"
    people.mkdir(parents=True)
    for name, path in work.gallery:
        shutil.copyfile(path, people / f"{name}.jpg")
    clips = folder / "clips.txt"
    clips.write_text("".join(f"{path}\n" for path, _ in work.clips), encoding="utf-8")
    found = folder / "found"
    usage = python(
        "-m", "rcnn", "find", "--people", people, "--clips", clips, "--output", found, "--rate", rate, "--gpu", -1,
        "--detector", group.detector, "--quality-model", group.embedding, "--model", group.embedding,
        "--quality-threshold", 0,
    )  # fmt: skip
    return usage, _answers(found, [path for path, _ in work.clips])


def _answers(found: Path, paths: Sequence[str]) -> dict[str, list[int]]:
    """Indices in `paths` of the clips of each person, from the submission; a clip in pieces counts by its best
    piece."""
    dataset = str(found / "dataset")
    sources = listed_sources(dataset, None, FOLDERS)
    lines = (found / "dataset" / PEOPLE_FILE).read_text(encoding="utf-8").splitlines()
    names = dict(line.split(maxsplit=1) for line in lines)
    answers = {}
    for label, clips in read_ground_truth(str(found / "submission.txt")).items():
        answers[names[str(label)]] = list(dict.fromkeys(paths.index(sources[clip]) for clip in clips))
    return answers
