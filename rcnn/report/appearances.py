"""The table of appearances, read for a page: the best of each person, and who is in a clip."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from ..files.text import printable
from ..tables import KINDS, StageReader
from ..tables.schema import MAYBE, NO, VERDICTS, YES
from .found import SeenClip, Sighting, Sightings, Span

COLUMNS = ["name", "split", "who", "source", "start", "end", "time", "track", "cosine", "probability", "verdict"]
CARD_CLIPS = 6000  # that the cards of all people show together, of each verdict
MOST, LEAST = 24, 2  # of them on a card
NO_SHARE = 4  # so many times fewer where the verdict is no
CLIPS = 1000  # in the view by clip
SPANS = 12  # times of a person in a clip
UNKNOWN_VIDEO = 0.0, ""  # seconds and codec of a clip that a table of clips lacks
SHOWN = 40  # characters of a wrong value in a message
NOBODY_SPANS = 6  # times of people whom nobody knows, in a clip


@dataclass
class Found:
    """What a page takes from a table of appearances.

    people : of each label that the table has
    clips : sorted by source
    all_clips : clips that show somebody, shown on the page or not
    looked_at : clips of the table, whoever is in them
    names : of labels, those that the table knows
    """

    people: dict[int, Sightings] = field(default_factory=dict)
    clips: list[SeenClip] = field(default_factory=list)
    all_clips: int = 0
    looked_at: int = 0
    names: dict[int, str] = field(default_factory=dict)


def read_appearances(reader: StageReader, most_people: int) -> Found:
    """Everything, in three passes, in memory that grows with the number of people and not with that of clips.

    Parameters
    ----------
    reader : of an appearances directory
    most_people : cards that a page may have

    Raises
    ------
    InputError
        As `StageReader.batches`.
    """
    people: set[int] = set()
    names: dict[int, str] = {}
    for batch in reader.batches(["name", "who", "person"]):
        pairs = pa.table(batch.select(["who", "person"])).group_by(["who", "person"]).aggregate([])
        for who, person in zip(pairs["who"].to_pylist(), pairs["person"].to_pylist(), strict=True):
            people.add(who)
            if person:
                names[who] = person
    on_card = min(MOST, max(LEAST, CARD_CLIPS // max(1, min(len(people), most_people))))
    room = {YES: on_card, MAYBE: on_card, NO: on_card // NO_SHARE}
    kept: dict[tuple[int, str], list[tuple[tuple[float, float, str], Sighting]]] = {}
    counts: dict[int, Counter[str]] = {label: Counter() for label in people}
    clips: list[tuple[tuple[bool, float, float], str]] = []  # a heap of the best
    all_clips = 0
    for name, rows in _by_clip(reader):
        sightings = _sightings(rows)
        best: tuple[bool, float, float] | None = None
        for sighting in sightings:
            counts[sighting.who][sighting.verdict] += 1
            mine = kept.setdefault((sighting.who, sighting.verdict), [])
            _push(mine, ((sighting.probability, sighting.cosine, _last_first(name)), sighting), room[sighting.verdict])
            if sighting.verdict != NO:
                own = (sighting.verdict == YES, sighting.probability, sighting.cosine)
                best = own if best is None else max(best, own)
        if best is not None:
            all_clips += 1
            _push(clips, (best, name), CLIPS)
    found = {
        label: Sightings(
            {
                verdict: [entry[1] for entry in sorted(kept.get((label, verdict), ()), key=itemgetter(0), reverse=True)]
                for verdict in VERDICTS
            },
            counts[label],
        )
        for label in sorted(people)
    }
    return Found(found, _clips(reader, {name for _, name in clips}), all_clips, reader.accounts.clips, names)


def _last_first(name: str) -> tuple[int, ...]:
    """A key by which, of equals, the clip whose name comes first is the greatest."""
    return tuple(-ord(character) for character in name)


def _push(heap: list[Any], entry: tuple[Any, Any], most: int) -> None:
    """Keep an entry if it is one of the `most` greatest by its first part, which no two have alike or which is all."""
    if len(heap) < most:
        heapq.heappush(heap, entry)
    elif most and entry[0] > heap[0][0]:
        heapq.heapreplace(heap, entry)


def _by_clip(reader: StageReader, only: Collection[str] | None = None) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each clip, or of each of some clips."""
    batches = reader.batches(COLUMNS) if only is None else reader.rows_of(only, COLUMNS)
    for name, rows in groupby((row for batch in batches for row in _checked(batch, reader)), key=itemgetter("name")):
        yield name, list(rows)


def _checked(batch: pa.RecordBatch, reader: StageReader) -> list[dict[str, Any]]:
    for verdict in batch.column("verdict").unique().to_pylist():
        if verdict not in VERDICTS:
            raise InputError(
                f"{reader.path}: has a verdict {printable(verdict)[:SHOWN]!r}, known are {', '.join(VERDICTS)}; "
                f"run {KINDS[reader.stage].script} again with --overwrite"
            )
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


def _sightings(rows: Sequence[dict[str, Any]]) -> list[Sighting]:
    """The rows of a clip by person and verdict; each person where they come first."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["who"], row["verdict"]), []).append(row)
    result = []
    for (who, verdict), group in groups.items():
        best = max(group, key=lambda row: (row["probability"], row["cosine"]))
        spans = [Span(row["start"], row["end"]) for row in sorted(group, key=itemgetter("start"))]
        result.append(
            Sighting(
                who,
                best["name"],
                best["split"],
                best["source"],
                verdict,
                spans[:SPANS],
                best["track"],
                best["time"],
                best["cosine"],
                best["probability"],
                max(0, len(spans) - SPANS),
            )
        )
    return result


def _clips(reader: StageReader, wanted: Collection[str]) -> list[SeenClip]:
    """The view by clip of some clips, whose lengths are not known yet."""
    result = []
    for name, rows in _by_clip(reader, wanted):
        known = [sighting for sighting in _sightings(rows) if sighting.verdict != NO]
        nobody = [Span(row["start"], row["end"]) for row in rows if row["verdict"] == NO]
        result.append(SeenClip(name, 0.0, known, nobody[:NOBODY_SPANS]))
    return sorted(result, key=lambda clip: (clip.sightings[0].source, clip.clip))


def read_videos(reader: StageReader, wanted: Collection[str]) -> dict[str, tuple[float, str]]:
    """Seconds and codec, as FFmpeg names it, of some clips; 0 and empty where they are not known."""
    names = pa.array(sorted(wanted), pa.string())
    found: dict[str, tuple[float, str]] = {}
    for batch in reader.clips():
        mine = batch.filter(pc.is_in(batch.column("name"), names))
        found.update((row["name"], (row["seconds"], row["codec"])) for row in mine.to_pylist())
    return found
