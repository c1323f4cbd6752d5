"""The search as a command: photographs in, ranked clips out, on the screen and as a page."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from .. import files
from ..clips.names import find_people, show
from ..files.text import printable
from ..networks.engine import choose_device
from ..report import Entry, Lineage, Person, Report, trace, write_page
from ..report.coverage import read_coverage
from ..report.gather import stage_line
from ..report.pictures import best_crops, encode, thumbnail
from ..search.features import open_features
from ..search.nearest import Found, nearest
from ..search.query import Query, ask, models_behind
from .settings import SearchSettings
from .settings.clips import NORM

PEOPLE = 5  # known people that are named
LEAST_WIDTH = 12  # of the column of names


def search(settings: SearchSettings) -> None:
    """Run the search, print who it is and the clips, and write the page if one is wanted; an earlier page goes first.

    Raises
    ------
    InputError
        If a photograph, the features or a model is wrong.
    """
    readers = open_features(settings.features)
    lineage = trace(readers, [settings.names] if settings.names else ())
    behind = lineage.detections[0].arguments if lineage.detections else {}
    models = models_behind(readers, settings.model, settings.detector, behind)
    people = find_people(settings.names, *lineage.datasets)
    lineage.say_closed()
    if settings.report:
        files.discard(settings.report)
    query = ask(settings.image, models, choose_device(settings.gpu), settings.face)
    by_norm = behind.get("quality", NORM) == NORM  # else the threshold is one of scores, and the query has norms
    for line in describe(query, behind.get("quality_threshold") if by_norm else None):
        print(line)
    started = time.monotonic()
    found = nearest(readers, query.vector, settings.count)
    seconds = time.monotonic() - started
    print(
        f"search: {found.clips} clips compared in {seconds:.1f} s; similarity of all: mean {found.mean:.3f}, "
        f"standard deviation {found.deviation:.3f}"
    )
    for line in say_who(found, people):
        print(line)
    width = max([LEAST_WIDTH, *(len(match.clip) for match in found.matches)])
    for rank, match in enumerate(found.matches, 1):
        who = show(match.label, people) if match.label > 0 else match.split
        print(f"{rank:4d}  {match.similarity:.4f}  {printable(match.clip):{width}s}  {who}")
    if settings.report:
        size = write_page(settings.report, search_report(query, found, people, lineage))
        print(f"report: {len(found.matches)} clips, {size / 1e6:.1f} MB -> {settings.report}")


def describe(query: Query, threshold: float | None) -> list[str]:
    """Which face of each photograph is looked for, and whether it is a good one."""
    lines = []
    for photograph, index, quality in zip(query.photographs, query.chosen, query.qualities, strict=True):
        count = len(photograph.faces)
        which = "1 face" if count == 1 else f"{count} faces, number {index + 1} from the left is taken (--face N)"
        line = f"{printable(photograph.path)}: {which}, quality {quality:.1f}"
        if threshold is not None and quality < threshold:
            line += f"; clips' faces under {threshold:g} were dropped, so this one may mislead"
        lines.append(line)
    return lines


def say_who(found: Found, people: Mapping[int, str]) -> list[str]:
    """The known people that are most like the one looked for."""
    if not found.people:
        return ["no clip here carries a label, so who it is can't be said; add the features of trainval"]
    lines = []
    for person in found.people[:PEOPLE]:
        above = (person.mean - found.mean) / found.deviation if found.deviation > 0 else 0.0
        clips = "clip" if person.clips == 1 else "clips"
        lines.append(
            f"{show(person.label, people)}: mean similarity {person.mean:.3f} over {person.clips} {clips}, best "
            f"{person.best:.3f}; {above:.1f} standard deviations over all clips"
        )
    return [f"most like {lines[0]}", *(f"then      {line}" for line in lines[1:])]


def search_report(query: Query, found: Found, people: Mapping[int, str], lineage: Lineage) -> Report:
    """The page: a card with the photograph and the clips that are like it."""
    crops = best_crops(lineage.detections, {match.clip for match in found.matches}).by_clip
    entries = [
        Entry(
            match.clip,
            rank,
            match.similarity,
            note=show(match.label, people) if match.label > 0 else "",
            picture=thumbnail(crops[match.clip][1]) if match.clip in crops else None,
        )
        for rank, match in enumerate(found.matches, 1)
    ]
    names = ", ".join(os.path.basename(photograph.path) for photograph in query.photographs)
    card = Person(None, names, ranked=found.clips, entries=entries, known=[encode(crop) for crop in query.crops])
    return Report(
        title=f"Which clips show {names}",
        facts=[
            *say_who(found, people),
            f"similarity of all {found.clips} clips: mean {found.mean:.3f}, standard deviation {found.deviation:.3f}",
        ],
        score_name="similarity",
        coverage=[read_coverage(reader)[0] for reader in lineage.detections],
        people=[card],
        all_people=1,
        stages=[stage_line(reader) for reader in lineage.stages],
        notes=lineage.notes,
    )
