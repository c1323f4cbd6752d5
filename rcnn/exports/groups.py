"""Exports the table of groups as CSV, with one batch in memory at a time."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from .. import files
from ..errors import InputError
from ..files.text import counted
from ..tables import StageReader, vectors

CORNERS = ("best_x1", "best_y1", "best_x2", "best_y2")
HEADER = ("clip", "track", "group", "source", "start", "end", "best_time", *CORNERS, "likeness")
COLUMNS = ("name", "track", "group", "source", "start", "end", "time")


@dataclass(frozen=True)
class Written:
    """Counts in a file of groups: tracks, tracks in groups, groups, and clips with a track."""

    tracks: int
    grouped: int
    groups: int
    clips: int

    def __str__(self) -> str:
        return (
            f"{counted(self.tracks, 'track')} of unknown people in {counted(self.clips, 'clip')}: "
            f"{counted(self.groups, 'group')} with {self.grouped} of them, "
            f"{counted(self.tracks - self.grouped, 'is', 'are')} in no group"
        )


def write_csv(table: StageReader, path: str) -> Written:
    """Write RFC 4180 with a header, UTF-8: one row per track, in clip order.

    Raises
    ------
    InputError
        If the table is damaged or the file can't be written.
    """
    tracks = grouped = clips = 0
    most, last = -1, None

    def write(temporary: str) -> None:
        nonlocal tracks, grouped, clips, most, last
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            for batch in table.batches():
                columns = (batch.column(name).to_pylist() for name in COLUMNS)
                boxes, likeness = vectors(batch.column("box")).tolist(), batch.column("likeness").to_pylist()
                for *row, box, like in zip(*columns, boxes, likeness, strict=True):
                    writer.writerow((*row, *box, like))
                    tracks += 1
                    grouped += row[2] >= 0
                    most = max(most, row[2])
                    clips += row[0] != last
                    last = row[0]

    try:
        files.make_dir(files.parent(path))
        files.write_whole(path, write)
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}; give --output another name") from None
    return Written(tracks, grouped, most + 1, clips)
