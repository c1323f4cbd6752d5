"""Joins appearances that continue from one piece of a film to the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import attrgetter

from ..clips.dataset import Clip
from ..config import config
from ..scores.verdicts import NO
from .appearances import Appearance


@dataclass(frozen=True)
class Sighted:
    """An appearance, and the clip of its best face.

    last : the clip where it ends
    """

    clip: Clip
    item: Appearance
    last: Clip


def join_pieces(rows: Iterable[tuple[Clip, Appearance]]) -> list[tuple[Clip, Appearance]]:
    """The appearances of one film, each with the clip that has its best face; sorted by clip, start and person.

    Appearances of one person with one verdict are joined across the boundary of two pieces, with the same allowed gap
    as within a piece. Those with the verdict "no" are not, because they may be different people. The best face and the
    cosine are those of the surest part.

    Parameters
    ----------
    rows : from the pieces of one file, in order
    """
    joined: list[Sighted] = []
    ends: dict[tuple[int, str], list[int]] = {}  # indices in `joined`, by person and verdict
    for clip, item in sorted(rows, key=lambda row: row[0].start):
        mine = ends.setdefault((item.who, item.verdict), [])
        before = [place for place in mine if _goes_on(joined[place], clip, item)]
        if before:
            place = max(before, key=lambda place: joined[place].item.end)
            joined[place] = _join(joined[place], clip, item)
        else:
            mine.append(len(joined))
            joined.append(Sighted(clip, item, clip))
    pairs = [(sighted.clip, sighted.item) for sighted in joined]
    return sorted(pairs, key=lambda pair: (pair[0].name, *attrgetter("start", "who", "track")(pair[1])))


def _goes_on(before: Sighted, clip: Clip, item: Appearance) -> bool:
    other_piece = before.last.name != clip.name
    return item.verdict != NO and other_piece and item.start - before.item.end <= config.APPEARANCE.GAP


def _join(before: Sighted, clip: Clip, item: Appearance) -> Sighted:
    first = before.item
    surer = (item.probability, item.cosine) > (first.probability, first.cosine)
    best, owner = (item, clip) if surer else (first, before.clip)
    seen = min(first.seen + item.seen, item.end - first.start)
    return Sighted(owner, replace(best, start=first.start, end=item.end, seen=seen), clip)
