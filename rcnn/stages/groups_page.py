"""Groups as a page: the most certain ones, with the faces of their tracks."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..files.text import counted
from ..report import Lineage, trace
from ..report.appearances import UNKNOWN_VIDEO, read_videos
from ..report.found import Sighting, Span
from ..report.groups import GroupsView, ShownGroup
from ..report.media import Finder
from ..report.page import write_groups_page
from ..report.pictures import thumbnail, track_crops
from ..scores.verdicts import YES
from ..tables import StageReader
from .settings.groups import GroupsSettings

FACES = 12  # of a group


@dataclass
class _Group:
    """The tracks of a group that are most similar to the others, as (similarity, clip, track, row)."""

    tracks: int = 0
    files: set[int] = field(default_factory=set)
    sureness: float = 1.0
    best: list[tuple[float, str, int, dict[str, Any]]] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        self.tracks += 1
        self.files.add(hash(row["source"]))
        self.sureness = min(self.sureness, row["likeness"])
        entry = (row["likeness"], row["name"], row["track"], row)
        if len(self.best) < FACES:
            heapq.heappush(self.best, entry)
        else:
            heapq.heappushpop(self.best, entry)


def write_report(
    table: StageReader, features: Sequence[StageReader], settings: GroupsSettings, facts: Sequence[str]
) -> None:
    """Write the page.

    Parameters
    ----------
    table : of groups, made of these features
    facts : lines under the title
    """
    page = str(settings.report)
    found: dict[int, _Group] = {}
    most = -1
    for batch in table.batches():
        for row in batch.to_pylist():
            most = max(most, row["group"])
            if 0 <= row["group"] < settings.report_groups:
                found.setdefault(row["group"], _Group()).add(row)
    lineage = trace(features, [path for path in (settings.sources, settings.dataset, settings.run) if path])
    rows = {number: [entry[3] for entry in sorted(group.best, key=_order)] for number, group in found.items()}
    sightings = _sightings([row for some in rows.values() for row in some], lineage, page)
    shown = [
        ShownGroup(
            number,
            found[number].tracks,
            len(found[number].files),
            found[number].sureness,
            [sightings[row["name"], row["track"]] for row in rows[number]],
        )
        for number in sorted(found)
    ]
    size = write_groups_page(page, GroupsView("Unknown people", facts, shown, most + 1))
    print(f"groups: {counted(len(shown), 'group')}, {size / 1e6:.1f} MB -> {page}")


def _order(entry: tuple[float, str, int, dict[str, Any]]) -> tuple[float, str, int]:
    return -entry[0], entry[1], entry[2]


def _sightings(rows: Sequence[dict[str, Any]], lineage: Lineage, page: str) -> dict[tuple[str, int], Sighting]:
    """Each track with its face, by clip and number."""
    crops = track_crops(lineage.detections, {(row["name"], row["track"], row["time"]) for row in rows})
    clips = {row["name"] for row in rows}
    videos: dict[str, tuple[float, str]] = {}
    for reader in lineage.stages:
        if reader.stage == "feature":
            videos = {**read_videos(reader, clips), **videos}
    finder = Finder(lineage.datasets, page)
    found = {}
    for row in rows:
        crop = crops.get((row["name"], row["track"], row["time"]))
        codec = videos.get(row["name"], UNKNOWN_VIDEO)[1]
        found[row["name"], row["track"]] = Sighting(
            who=0,
            clip=row["name"],
            split=row["split"],
            source=row["source"],
            verdict=YES,
            spans=[Span(row["start"], row["end"])] if row["end"] > row["start"] else [],
            track=row["track"],
            time=row["time"],
            cosine=row["likeness"],
            probability=float("nan"),
            picture=None if crop is None else thumbnail(crop),
            media=finder.find(row["name"], row["split"], row["source"], codec),
        )
    return found
