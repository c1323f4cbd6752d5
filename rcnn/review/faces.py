"""The best face of every track, and of the known people, from the crops that detect.py stored."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from dataclasses import dataclass

from ..report.pictures import thumbnail
from ..tables import StageReader
from ..tables.faces import CROP, read_faces
from ..tables.row_groups import RowGroups
from .run_files import RunFiles
from .tracks import Place

CACHE_BYTES = 128 << 20  # of crops that are kept: those of 40,000 faces


@dataclass(frozen=True)
class _Row:
    """Location of a crop: table of faces, and number of its row."""

    table: int
    row: int


class Faces:
    """Crops by clip and track. Safe from several threads.

    Attributes
    ----------
    of_people : the place of a face of each known person, by label
    """

    def __init__(self, run: RunFiles) -> None:
        self._tables = [RowGroups(run.detection.path, ("detect",))]
        self._rows: dict[Place, _Row] = {
            place: _Row(0, int(run.tracks.row[number])) for place, number in run.tracks.places.items()
        }
        self.of_people: dict[int, Place] = {}
        if run.portraits is not None:
            self._tables.append(RowGroups(run.portraits.path, ("detect",)))
            self._add_portraits(run, run.portraits)
        self._wanted: dict[tuple[int, int], list[tuple[Place, int]]] = defaultdict(list)  # by table and row group
        for place, at in self._rows.items():
            table = self._tables[at.table]
            group = table.group_of(at.row)
            self._wanted[at.table, group].append((place, at.row - table.starts[group]))
        self._kept: OrderedDict[Place, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def _add_portraits(self, run: RunFiles, portraits: StageReader) -> None:
        """The best face of each clip from which a person was learnt."""
        assert run.taught.gallery is not None
        gallery = run.taught.gallery.plain
        best: dict[int, float] = {}
        row = 0
        for faces in read_faces(portraits, crops=False):
            name = faces.clip.name
            person, track = gallery.known.get(name, (-1, -1))
            mine = [index for index in range(len(faces)) if faces.tracks[index] == track]
            if mine:
                face = max(mine, key=lambda index: faces.qualities[index])
                label, quality = int(gallery.labels[person]), float(faces.qualities[face])
                self._rows.setdefault((name, track), _Row(1, row + face))
                if quality > best.get(label, float("-inf")):
                    best[label], self.of_people[label] = quality, (name, track)
            row += len(faces)

    def __contains__(self, place: Place) -> bool:
        return place in self._rows

    def jpeg(self, place: Place, side: int) -> bytes | None:
        """The best face of a track as a JPEG `side` pixels high; None if there is none.

        Raises
        ------
        InputError
            If the run was rebuilt, so that the table is not the one that was opened.
        """
        at = self._rows.get(place)
        if at is None:
            return None
        with self._lock:
            crop = self._kept.get(place)
            if crop is None:
                self._load(at.table, self._tables[at.table].group_of(at.row))
                crop = self._kept.get(place)
            else:
                self._kept.move_to_end(place)
        return thumbnail(crop, side) if crop else None

    def _load(self, table: int, group: int) -> None:
        """Cache the crops of a row group; the caller holds the lock."""
        column = self._tables[table].read_group(group, [CROP]).column(CROP)
        for place, row in self._wanted[table, group]:
            if row < len(column):
                crop = column[row].as_py() or b""
                self._bytes += len(crop) - len(self._kept.pop(place, b""))
                self._kept[place] = crop
        while self._bytes > CACHE_BYTES and len(self._kept) > 1:
            self._bytes -= len(self._kept.popitem(last=False)[1])
