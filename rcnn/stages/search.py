"""The search as a command: from photographs to the person and the clips that show them, on the terminal and as a
page."""

from __future__ import annotations

import time

import numpy as np

from .. import files
from ..clips.names import find_people
from ..clips.sources import find_sources
from ..faces.card import read_thresholds
from ..faces.licences import check_licences
from ..files.text import printable
from ..networks.engine import choose_device
from ..people.templates import Gallery, has_known
from ..report import trace, write_page
from ..scores.verdicts import NO, YES
from ..search.features import open_features, open_indexes
from ..search.nearest import nearest
from ..search.query import Query, ask, models_behind
from ..search.verdicts import NOBODY, judge_clips
from .labels import find_labels
from .search_answer import Answer, list_clips, say_clips, say_who, who_is
from .search_page import search_report
from .search_times import find_times
from .settings import SearchSettings
from .settings.clips import NORM

TRIALS = 20_000  # approximate number of clips compared with everybody: 20 of them exceed a threshold of 1 in 1,000


def search(settings: SearchSettings) -> None:
    """Run the search, print the person and the clips, and write the page on request; an earlier page is removed first.

    Raises
    ------
    InputError
        If a photograph, the features or a model is wrong.
    """
    readers = open_features(settings.features)
    indexes, lines = ({}, []) if settings.exact else open_indexes(readers)
    lineage = trace(readers, [path for path in (settings.names, settings.sources, settings.dataset) if path])
    behind = lineage.detections[0].arguments if lineage.detections else {}
    models = models_behind(readers, settings.model, settings.detector, behind)
    check_licences(settings.licence, {"--detector": models.detector, "--model": models.model})
    people = find_people(settings.names, *lineage.datasets)
    labels = find_labels(settings.dataset, lineage)
    lineage.say_closed()
    if settings.report:
        files.discard(settings.report)
    print(*lines, sep="\n", end="\n" if lines else "")
    query = ask(settings.image, models, choose_device(settings.gpu), settings.face)
    by_norm = behind.get("quality", NORM) == NORM  # otherwise the threshold is for scores, and the query has norms
    for line in describe(query, behind.get("quality_threshold") if by_norm else None):
        print(line)
    started = time.monotonic()
    card = read_thresholds(models.model, readers[0].manifest["models"])
    # clips of test have no labels, so with an index of only those the features need not be read
    teaching = [each for each in readers if each.path not in indexes or indexes[each.path].known_splits]
    gallery = Gallery.read([each.path for each in teaching], labels) if has_known(teaching, labels) else None
    run = None if gallery is None else gallery.trials(TRIALS)
    person = None if gallery is None or run is None else who_is(gallery, run, query.vector, settings.false_hits, card)
    known = None if gallery is None else gallery.known
    found = nearest(readers, query.vector, settings.count, known, labels, indexes)
    own = NOBODY if person is None or person.verdict == NO else person.row
    point = judge_clips(found, own, person is not None and person.verdict == YES, run, settings.false_hits, card)
    cosines = np.array([match.similarity for match in found.matches], np.float32)
    rows = np.zeros(len(cosines), np.int32)
    names = {match.clip for match in found.matches}
    answer = Answer(
        person,
        found,
        point,
        point.verdicts(cosines, rows).tolist(),
        point.probabilities(cosines, rows),
        find_sources(settings.sources, *lineage.datasets, clips=names),
        find_times(found.matches, readers, lineage.detections),
    )
    seconds = time.monotonic() - started
    for line in (*say_who(person, people), *say_clips(answer, seconds, settings.verdicts)):
        print(line)
    for line in list_clips(answer, people, settings.verdicts):
        print(line)
    if settings.report:
        facts = [*say_who(person, people), *say_clips(answer, None, settings.verdicts)]
        size = write_page(settings.report, search_report(query, answer, facts, people, lineage, settings.report))
        print(f"report: {len(found.matches)} clips, {size / 1e6:.1f} MB -> {settings.report}")


def describe(query: Query, threshold: float | None) -> list[str]:
    """Print which face of each photograph is used, and its quality."""
    lines = []
    for photograph, index, quality in zip(query.photographs, query.chosen, query.qualities, strict=True):
        count = len(photograph.faces)
        which = "1 face" if count == 1 else f"{count} faces, number {index + 1} from the left is used (--face N)"
        line = f"{printable(photograph.path)}: {which}, quality {quality:.1f}"
        if threshold is not None and quality < threshold:
            line += f"; faces of clips under {threshold:g} were dropped, so this one may be unreliable"
        lines.append(line)
    return lines
