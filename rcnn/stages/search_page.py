"""The answer to a search as a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from ..report import Lineage, Person, Report
from ..report.appearances import UNKNOWN_VIDEO, read_videos
from ..report.coverage import read_coverage
from ..report.found import Sighting, Sightings
from ..report.gather import stage_line
from ..report.media import Finder
from ..report.pictures import encode, thumbnail, track_crops
from ..scores.verdicts import MAYBE, NO, YES
from ..search.query import Query
from .search_answer import Answer, who
from .search_times import spans_of


def search_report(
    query: Query, answer: Answer, facts: Sequence[str], people: Mapping[int, str], lineage: Lineage, page: str
) -> Report:
    """A card with the photograph and the clips that show the person.

    Parameters
    ----------
    facts : lines under the title
    people : names of labels
    page : path of the page, to which the addresses of clips are relative
    """
    names = ", ".join(os.path.basename(photograph.path) for photograph in query.photographs)
    sightings = _sightings(answer, people, lineage, page)
    known = [encode(crop) for crop in query.crops]
    card = Person(None, names, ranked=answer.found.clips, known=known, sightings=sightings)
    return Report(
        title=f"Which clips show {names}",
        facts=[line.strip() for line in facts],
        score_name="cosine",
        coverage=[read_coverage(reader)[0] for reader in lineage.detections],
        people=[card],
        all_people=1,
        stages=[stage_line(reader) for reader in lineage.stages],
        notes=lineage.notes,
    )


def _sightings(answer: Answer, people: Mapping[int, str], lineage: Lineage, page: str) -> Sightings:
    """The most similar clips by verdict, with the faces of the matching tracks."""
    places = {match.clip: (match.clip, match.track, 0.0) for match in answer.found.matches}
    places |= {clip: (clip, places[clip][1], seen.time) for clip, seen in answer.times.items()}
    crops = track_crops(lineage.detections, set(places.values()))
    videos: dict[str, tuple[float, str]] = {}
    for reader in lineage.stages:
        if reader.stage == "feature":
            videos = {**read_videos(reader, places), **videos}
    finder = Finder(lineage.datasets, page)
    shown: dict[str, list[Sighting]] = {YES: [], MAYBE: [], NO: []}
    judged = zip(answer.found.matches, answer.verdicts, answer.probabilities.tolist(), strict=True)
    for match, verdict, probability in judged:
        source = answer.sources.get(match.clip, "")
        seen = answer.times.get(match.clip)
        crop = crops.get(places[match.clip])
        shown[verdict].append(
            Sighting(
                who=match.label,
                clip=match.clip,
                split=match.split,
                source=source or match.clip,
                verdict=verdict,
                spans=spans_of(seen, source),
                track=match.track,
                time=0.0 if seen is None else seen.time,
                cosine=match.similarity,
                probability=probability,
                note=who(match, people) if match.label > 0 else "",
                picture=None if crop is None else thumbnail(crop),
                media=finder.find(match.clip, match.split, source, videos.get(match.clip, UNKNOWN_VIDEO)[1]),
            )
        )
    counts = {YES: answer.count(YES), MAYBE: answer.count(MAYBE), NO: len(shown[NO])}
    return Sightings(shown, counts)
