"""The table of appearances, read for a page: the best of each person, and who is in a clip."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from ..files.text import printable
from ..scores.verdicts import MAYBE, NO, VERDICTS, YES
from ..tables import KINDS, StageReader
from ..tables.films import Films
from .found import SeenClip, Sighting, Sightings, Span

COLUMNS = ["name", "split", "who", "source", "start", "end", "time", "track", "cosine", "probability", "verdict"]
CARD_CLIPS = 6000  # on the cards of all people together, for each verdict
MOST, LEAST = 24, 2  # of them on a card
NO_SHARE = 4  # factor by which fewer are shown if the verdict is no
CLIPS = 1000  # in the view by clip
SPANS = 12  # times of a person in a clip
UNKNOWN_VIDEO = 0.0, ""  # seconds and codec of a clip that is in no table of clips
SHOWN = 40  # characters of a wrong value in a message
NOBODY_SPANS = 6  # times of unknown people in a clip

Rows = list[dict[str, Any]]
Key = tuple[bool, float, float, int]  # whether it is a yes, probability, cosine, and minus the number of the clip


@dataclass
class Found:
    """The parts of a table of appearances that a page shows.

    people : of each label that the table has
    clips : sorted by source; the pieces of a film are one
    all_clips : clips that show somebody, shown on the page or not
    looked_at : all clips of the table
    names : of labels, as in the table
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
    most_people : maximum number of cards on a page

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
    kept: dict[tuple[int, str], list[tuple[Key, Rows]]] = {}
    counts: dict[int, Counter[str]] = {label: Counter() for label in people}
    clips: list[tuple[Key, list[str]]] = []  # a heap of the best, with the names of their pieces
    all_clips = 0
    films = Films.of(reader)
    for number, rows in enumerate(_by_clip(reader, films)):
        best: Key | None = None
        for (who, verdict), group in _groups(rows).items():
            counts[who][verdict] += 1
            top = _best(group)
            # in a tie the first clip is the best, so no two keys are equal
            key = (verdict == YES, top["probability"], top["cosine"], -number)
            _push(kept.setdefault((who, verdict), []), (key, group), room[verdict])
            if verdict != NO:
                best = key if best is None else max(best, key)
        if best is not None:
            all_clips += 1
            _push(clips, (best, sorted({row["name"] for row in rows})), CLIPS)

    def shown(label: int, verdict: str) -> list[Sighting]:
        entries = sorted(kept.get((label, verdict), ()), key=itemgetter(0), reverse=True)
        return [_sighting(group) for _, group in entries]

    found = {
        label: Sightings({verdict: shown(label, verdict) for verdict in VERDICTS}, counts[label])
        for label in sorted(people)
    }
    wanted = {name for _, pieces in clips for name in pieces}
    return Found(found, _clips(reader, films, wanted), all_clips, films.count, names)


def _push(heap: list[Any], entry: tuple[Key, Any], most: int) -> None:
    """Keep an entry if its key is among the `most` largest."""
    if len(heap) < most:
        heapq.heappush(heap, entry)
    elif most and entry[0] > heap[0][0]:
        heapq.heapreplace(heap, entry)


def _by_clip(reader: StageReader, films: Films, only: Collection[str] | None = None) -> Iterator[Rows]:
    """The rows of each clip, or of each of some clips; those of the pieces of a film together."""
    batches = reader.batches(COLUMNS) if only is None else reader.rows_of(only, COLUMNS)
    every = (row for batch in batches for row in _checked(batch, reader))
    for _, rows in groupby(every, key=lambda row: films.film(row["name"])):
        yield list(rows)


def _checked(batch: pa.RecordBatch, reader: StageReader) -> Rows:
    for verdict in batch.column("verdict").unique().to_pylist():
        if verdict not in VERDICTS:
            raise InputError(
                f"{reader.path}: has a verdict {printable(verdict)[:SHOWN]!r}, known are {', '.join(VERDICTS)}; "
                f"run {KINDS[reader.stage].script} again with --overwrite"
            )
    rows: Rows = batch.to_pylist()
    return rows


def _groups(rows: Rows) -> dict[tuple[int, str], Rows]:
    """The rows of a clip by person and verdict, people in order of their first row."""
    groups: dict[tuple[int, str], Rows] = {}
    for row in rows:
        groups.setdefault((row["who"], row["verdict"]), []).append(row)
    return groups


def _best(group: Rows) -> dict[str, Any]:
    return group[0] if len(group) == 1 else max(group, key=itemgetter("probability", "cosine"))


def _sighting(group: Rows) -> Sighting:
    best = _best(group)
    spans = [Span(row["start"], row["end"]) for row in sorted(group, key=itemgetter("start"))]
    return Sighting(
        who=best["who"],
        clip=best["name"],
        split=best["split"],
        source=best["source"],
        verdict=best["verdict"],
        spans=spans[:SPANS],
        track=best["track"],
        time=best["time"],
        cosine=best["cosine"],
        probability=best["probability"],
        more_spans=max(0, len(spans) - SPANS),
    )


def _clips(reader: StageReader, films: Films, wanted: Collection[str]) -> list[SeenClip]:
    """The view by clip of some clips, whose lengths are not known yet."""
    result = []
    for rows in _by_clip(reader, films, wanted):
        known = [_sighting(group) for (_, verdict), group in _groups(rows).items() if verdict != NO]
        nobody = [Span(row["start"], row["end"]) for row in rows if row["verdict"] == NO]
        result.append(SeenClip(rows[0]["name"], 0.0, known, nobody[:NOBODY_SPANS]))
    return sorted(result, key=lambda clip: (clip.sightings[0].source, clip.clip))


def read_videos(reader: StageReader, wanted: Collection[str]) -> dict[str, tuple[float, str]]:
    """Seconds and codec, as FFmpeg names it, of some clips; 0 and empty if they are not known.

    Of a piece of a film they are the film's.
    """
    names = pa.array(sorted(wanted), pa.string())
    films = Films.of(reader)
    found: dict[str, tuple[float, str]] = {}
    for batch in reader.clips():
        mine = batch.filter(pc.is_in(batch.column("name"), names))
        for row in mine.select(["name", "seconds", "codec"]).to_pylist():
            film = films.film(row["name"])
            found[row["name"]] = films.lengths.get(film, row["seconds"]), row["codec"]
    return found
