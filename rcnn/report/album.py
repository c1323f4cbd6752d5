"""The pictures of a page: which crop goes where, and how many fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..scores.verdicts import MAYBE, NO, YES
from .coverage import learnt_labels
from .data import Entry, Person, Report
from .found import Sighting
from .lineage import Lineage
from .page import render
from .pictures import SIDE, SMALL_SIDE, best_crops, thumbnail, track_crops

PAGE_BYTES = 19_500_000  # of a page, which stays under 20 MB
PICTURE_BYTES = 12 << 20  # of all JPEGs on it, at most: a third more as base64
MANY_PEOPLE = 1000  # people on a page above which its pictures are small
KNOWN, MISSED, RANKED = "known", "missed", "ranked"  # kinds of places, besides the verdicts
BASE64_BYTES = 3  # that are encoded together: the last of a picture are filled up
PLACEHOLDER = b"\0"  # placeholder for a picture, while the rest of the page is measured
LAST = 1 << 20  # order of places that get a picture last

Place = tuple[int, str, int]  # number of the person on the page, kind, and number there


@dataclass(frozen=True)
class Slot:
    """A place for a picture: the smaller the order, the sooner it gets one."""

    order: int
    place: Place
    crop: bytes


def illustrate(report: Report, lineage: Lineage) -> Report:
    """The report with pictures: the first ones of everybody come first, until the page is full."""
    slots = sorted(_slots(report, lineage), key=lambda slot: (slot.order, slot.place))
    side = SMALL_SIDE if len(report.people) > MANY_PEOPLE else SIDE
    bare = len(render(_placed(report, {slot.place: PLACEHOLDER for slot in slots})).encode("utf-8", "replace"))
    room = min(PICTURE_BYTES, (PAGE_BYTES - bare) * 3 // 4)
    pictures = {}
    for slot in slots:
        picture = thumbnail(slot.crop, side)
        if picture is None:
            continue
        room -= len(picture) + BASE64_BYTES
        if room < 0:
            break
        pictures[slot.place] = picture
    return _placed(report, pictures)


def _slots(report: Report, lineage: Lineage) -> Iterator[Slot]:
    cards = report.people
    clips = {entry.clip for card in cards for entry in (*card.entries, *card.missed)}
    labels = {card.label for card in cards if card.label is not None}
    crops = best_crops(lineage.detections, clips).by_clip
    known = best_crops(lineage.training, (), learnt_labels(lineage.learnt, labels)).by_label
    own = track_crops(lineage.detections, {_face(sighting) for card in cards for sighting in _sightings(card)})
    for number, card in enumerate(cards):
        for index, (_, crop) in enumerate(known.get(card.label or 0, ())):
            yield Slot(2 * index + 1, (number, KNOWN, index), crop)
        for kind, first, entries in ((RANKED, 0, card.entries), (MISSED, LAST, card.missed)):
            for index, entry in enumerate(entries):
                if entry.clip in crops:
                    yield Slot(first + 2 * index, (number, kind, index), crops[entry.clip][1])
        rank = 0
        for verdict in (YES, MAYBE, NO):
            for index, sighting in enumerate(card.sightings.of(verdict) if card.sightings else ()):
                if _face(sighting) in own:
                    order = 2 * rank + (LAST if verdict == NO else 0)
                    yield Slot(order, (number, verdict, index), own[_face(sighting)])
                rank += 1


def _sightings(card: Person) -> Iterator[Sighting]:
    for verdict in (YES, MAYBE, NO):
        yield from card.sightings.of(verdict) if card.sightings else ()


def _face(sighting: Sighting) -> tuple[str, int, float]:
    return sighting.clip, sighting.track, sighting.time


def _placed(report: Report, pictures: dict[Place, bytes]) -> Report:
    """The report with some pictures in their places."""
    known: dict[int, list[bytes]] = {}
    for (number, kind, _), picture in sorted(pictures.items()):
        if kind == KNOWN:
            known.setdefault(number, []).append(picture)

    def entries(number: int, kind: str, those: list[Entry]) -> list[Entry]:
        return [replace(entry, picture=pictures.get((number, kind, index))) for index, entry in enumerate(those)]

    def person(number: int, card: Person) -> Person:
        sightings = card.sightings
        if sightings is not None:
            shown = {
                verdict: [replace(one, picture=pictures.get((number, verdict, at))) for at, one in enumerate(those)]
                for verdict, those in sightings.shown.items()
            }
            sightings = replace(sightings, shown=shown)
        return replace(
            card,
            entries=entries(number, RANKED, list(card.entries)),
            missed=entries(number, MISSED, list(card.missed)),
            known=known.get(number, []),
            sightings=sightings,
        )

    return replace(report, people=[person(number, card) for number, card in enumerate(report.people)])
