"""Shared by all parts of the benchmark: models, clips, environments, and table formatting."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

from rcnn.clips.dataset import read_ground_truth, read_train_labels
from rcnn.faces.embedding import OUTPUT as EMBEDDING
from rcnn.networks.checkpoint import Graph, checkpoint_files, load_checkpoint

from .arithmetic import count_flop
from .measure import Usage, python

FRAME = (1, 3, 480, 888)  # input of a detector
CROP = (1, 3, 112, 112)
PARTS = ("IQIYI_VID_DATA_Part1", "IQIYI_VID_TEST")
NAMES = "gt_v2/IQIYI_VID.txt"
LABELS = {read_train_labels: "gt_v2/train_v2.txt", read_ground_truth: "gt_v2/val_v2.txt"}
GIGA = 1e9

Row = dict[str, Any]  # a row of a table: column -> value


@dataclass(frozen=True)
class Setup:
    """The setup of a run.

    folder : for all output
    detector, model : `PREFIX,EPOCH` of the face detector, and of the network for quality and features
    dataset : clips in the iQIYI-VID layout
    mxnet, insightface : Python interpreters with those packages; None if missing
    yunet : file of OpenCV's face detector; None if there is none
    cores : processor cores that this process may use
    seconds : duration of a rate measurement
    """

    folder: Path
    detector: str
    model: str
    dataset: Path
    mxnet: str | None
    insightface: str | None
    yunet: str | None
    cores: tuple[int, ...]
    seconds: float

    def fresh(self, name: str) -> Path:
        """An unused path in the folder."""
        number = 0
        while (path := self.folder / f"{name}-{number}").exists():
            number += 1
        return path

    def onnx(self, model: str) -> str:
        """The ONNX file of a checkpoint, converted once."""
        path = self.folder / "onnx" / (os.path.abspath(model).replace("/", "_").replace(",", "-") + ".onnx")
        if not path.exists():
            python("-m", "rcnn", "convert", "--model", model, "--output", path)
        return str(path)

    def subset(self, count: int) -> Path:
        """A data set of the first `count` clips of the stage trainval."""
        names = sorted(path.name for path in (self.dataset / PARTS[0]).rglob("*.mp4"))
        wanted = set((self.dataset / NAMES).read_text(encoding="utf-8").split())
        target = self.fresh(f"clips{count}")
        (target / "gt_v2").mkdir(parents=True)
        for part in PARTS:
            (target / part).symlink_to((self.dataset / part).resolve())
        chosen = [name for name in names if name in wanted][:count]
        train, val = (read(str(self.dataset / file)) for read, file in LABELS.items())
        kept = [f"{name} {label}\n" for name, label in train.items() if name in chosen]
        (target / "gt_v2/train_v2.txt").write_text("".join(kept), encoding="utf-8")
        lines = [(label, [name for name in clips if name in chosen]) for label, clips in val.items()]
        kept = [f"{label} {' '.join(clips)}\n" for label, clips in lines if clips]
        (target / "gt_v2/val_v2.txt").write_text("".join(kept), encoding="utf-8")
        (target / NAMES).write_text("".join(f"{name}\n" for name in chosen), encoding="utf-8")
        return target

    def detect(self, dataset: Path, output: Path, cores: Sequence[int] = ()) -> Usage:
        """Run detect.py; keeping every face."""
        return python(
            "detect.py", "--dataset", dataset, "--output", output, "--detector", self.detector, "--model", self.model,
            "--quality-threshold", 0, "--gpu", -1, cores=cores,
        )  # fmt: skip

    def feature(self, faces: Path, output: Path, cores: Sequence[int] = ()) -> Usage:
        """Run feature.py."""
        return python(
            "feature.py", "--input", faces, "--output", output, "--model", self.model, "--gpu", -1, cores=cores
        )


def main_graph(model: str) -> Graph:
    """The part of a checkpoint used by the stages."""
    graph = load_checkpoint(model)
    return graph.select([EMBEDDING] if EMBEDDING in graph.internal_names else None)


def unit_flop(model: str) -> int:
    """Floating-point operations of one frame or crop."""
    graph = main_graph(model)
    return count_flop(graph, CROP if graph.output_names == (EMBEDDING,) else FRAME)


def model_name(model: str) -> str:
    """A short name: the file's, or the folder's if the file's is generic."""
    prefix = Path(checkpoint_files(model)[0].removesuffix("-symbol.json"))
    return prefix.parent.name if prefix.name in ("model", "mnet.25") else prefix.name


def read_rows(folder: Path, table: str) -> list[Row]:
    """A table of a stage directory."""
    return ds.dataset(folder / table, format="parquet").to_table().to_pylist()


def speed(units: int, usage: Usage, flop: float, ceiling: float, cores: int) -> Row:
    """The columns shared by all stage tables.

    Parameters
    ----------
    units : number of units processed
    flop : floating-point operations of all of them
    ceiling : floating-point operations per second of a matrix product
    """
    rate = flop / usage.seconds
    return {
        "seconds": round(usage.seconds, 2),
        "units/s": round(units / usage.seconds, 1),
        "GFLOP": round(flop / GIGA, 1),
        "GFLOP/s": round(rate / GIGA, 1),
        "ceiling": f"{rate / ceiling:.0%}",
        "cores busy": f"{usage.busy(cores):.0%}",
        "MB": round(usage.peak_mb),
    }


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Print rows as a table, numbers right-aligned."""
    print(f"\n{title}")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, *([_text(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    numeric = [all(not isinstance(row.get(column, 0), str) for row in rows) for column in columns]
    for line in lines:
        cells = (text.rjust(width) if right else text.ljust(width)
                 for text, width, right in zip(line, widths, numeric, strict=True))  # fmt: skip
        print("  ".join(cells).rstrip())
    sys.stdout.flush()


def _text(value: object) -> str:
    return "" if value is None else str(value)


def last_json(text: str) -> dict[str, Any]:
    """The JSON in the last line of a process's output."""
    return json.loads(text.strip().splitlines()[-1])
