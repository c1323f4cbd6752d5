"""From a ranking and the directories behind it to the contents of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..clips.names import show
from ..config import config
from ..files.text import counted, counted_people
from ..scores.metrics import precision_by_rank, score
from ..tables import StageReader
from .album import illustrate
from .coverage import labels_of, read_coverage
from .data import RIGHT, WRONG, Coverage, Entry, Person, Report, StageRow
from .lineage import Lineage
from .made import made_with
from .timeline import Timeline, read_timeline
from .truth import Scored, Truth, confusions, rivals

ENTRIES = 20  # ranked clips on a card
CARD_ENTRIES, LEAST_ENTRIES = 4000, 1  # on the cards of all people together, and on each card if there are very many
MISSED = 6  # clips of the truth that were not ranked, on a card


def gather_report(
    title: str,
    scored: Scored,
    truth: Mapping[int, Sequence[str]] | None,
    names: Mapping[int, str],
    lineage: Lineage,
    most_people: int,
    appearances: StageReader | None = None,
    page: str = "",
    sources: Mapping[str, str] | None = None,
) -> Report:
    """Everything that the page of a submission shows.

    Parameters
    ----------
    scored : the ranking
    truth : clips of each label; None if they are not known
    most_people : maximum number of cards; with truth, those with the lowest average precision are chosen
    appearances : who is in view when; None for a page without times
    page : path of the page, to which addresses of clips are relative
    sources : the user's own file of each clip that is known
    """
    ranking = {label: [clip for clip, _ in entries] for label, entries in scored.items()}
    results = {item.label: item for item in score(ranking, truth)} if truth is not None else {}
    timeline = None if appearances is None else read_timeline(appearances, lineage, page, most_people)
    if timeline is not None:
        names = {**timeline.found.names, **names}
    # a classifier may have classes without people, which get no card
    real = {*names, *results, *labels_of(lineage.learnt)} or set(scored)
    scored = {label: entries for label, entries in scored.items() if label in real}
    everybody = {*scored, *results} if timeline is None else {*names, *scored, *results, *timeline.found.people}
    labels = [label for label in sorted(everybody) if timeline is None or timeline.has(label)]
    chosen, why = choose_labels(labels, {label: item.ap for label, item in results.items()}, most_people)
    label_of = None if truth is None else {clip: label for label, clips in truth.items() for clip in clips}
    known = Truth(names, label_of)
    # with verdicts, scores are not needed to guess the certainty
    others = rivals(scored, chosen, names) if truth is None and timeline is None else {}
    most_entries = max(LEAST_ENTRIES, min(ENTRIES, CARD_ENTRIES // max(1, len(chosen))))
    cards = []
    for label in chosen:
        entries = scored.get(label, ())
        positives = (truth or {}).get(label, ())
        shown = () if timeline is not None else entries[:most_entries]
        card = Person(
            label,
            names.get(label, ""),
            ranked=len(entries),
            entries=[_entry(rank, *entry, label, known) for rank, entry in enumerate(shown, 1)],
            missed=_missed(ranking.get(label, ()), positives),
            confusions=confusions(ranking.get(label, ()), len(positives), label, known)
            if truth is not None
            else others.get(label, ()),
            sightings=None if timeline is None else timeline.of(label, known),
        )
        if label in results:
            item = results[label]
            card = replace(card, ap=item.ap, positives=item.positives, found=item.found)
        cards.append(card)
    coverage, reasons = _coverage(lineage, {entry.clip for card in cards for entry in card.missed})
    precision, best = precision_by_rank(ranking, truth) if results and truth is not None else ((), ())
    report = Report(
        title=title,
        facts=_facts(scored, lineage, truth is not None, timeline),
        scores={label: item.ap for label, item in results.items()},
        precision=list(precision),
        best_precision=list(best),
        coverage=coverage,
        curve=lineage.curve,
        heads=lineage.heads,
        people=[_with_sources(_with_reasons(card, reasons), sources or {}) for card in cards],
        all_people=len(labels),
        chosen=why,
        stages=[stage_line(reader) for reader in lineage.stages],
        notes=[*lineage.notes, *(timeline.notes if timeline is not None else ())],
        clips=timeline.clips(known) if timeline is not None else (),
        all_clips=timeline.found.all_clips if timeline is not None else 0,
        names={label: names.get(label, "") for label in timeline.found.people} if timeline is not None else {},
        absent=[show(label, names) for label in sorted(everybody - set(labels))],
        sureness=timeline.sureness if timeline is not None else None,
        made=made_with(lineage.stages),
    )
    return illustrate(report, lineage)


def choose_labels(labels: Sequence[int], scores: Mapping[int, float], most: int) -> tuple[list[int], str]:
    """The labels that get a card, in order, and why these; empty where all do."""
    if len(labels) <= most:
        return list(labels), ""
    if scores:
        worst_first = sorted(labels, key=lambda label: (scores.get(label, 2.0), label))
        return sorted(worst_first[:most]), "those with the lowest average precision; --report-people N shows more"
    return list(labels[:most]), "the first by label; --report-people N shows more"


def _entry(rank: int, clip: str, score: float, label: int, truth: Truth) -> Entry:
    right = truth.is_right(clip, label)
    if right is None:
        return Entry(clip, rank, score)
    return Entry(clip, rank, score, RIGHT) if right else Entry(clip, rank, score, WRONG, truth.who(clip))


def _missed(ranked: Sequence[str], positives: Sequence[str]) -> list[Entry]:
    there = set(ranked)
    return [Entry(clip) for clip in positives if clip not in there][:MISSED]


def _with_reasons(card: Person, reasons: Mapping[str, str]) -> Person:
    """Why each missed clip was missed; `reasons` of the clips that detect.py looked at, empty for those with a face."""

    def reason(clip: str) -> str:
        if reasons and clip not in reasons:
            return "is not among the clips"
        return reasons.get(clip) or f"not among the first {config.SUBMIT.CLIPS_PER_LABEL}"

    return replace(card, missed=[replace(entry, note=reason(entry.clip)) for entry in card.missed])


def _with_sources(card: Person, sources: Mapping[str, str]) -> Person:
    """The user's own file of each clip."""

    def led_back(entries: Sequence[Entry]) -> list[Entry]:
        return [replace(entry, source=sources.get(entry.clip, "")) for entry in entries]

    return replace(card, entries=led_back(card.entries), missed=led_back(card.missed))


def _coverage(lineage: Lineage, wanted: set[str]) -> tuple[list[Coverage], dict[str, str]]:
    coverages, reasons = [], {}
    for reader in {reader.path: reader for reader in (*lineage.detections, *lineage.training)}.values():
        coverage, why = read_coverage(reader, wanted)
        coverages.append(coverage)
        reasons.update(why)
    return coverages, reasons


def _facts(scored: Scored, lineage: Lineage, truth: bool, timeline: Timeline | None) -> list[str]:
    if timeline is None:
        entries = sum(len(clips) for clips in scored.values())
        facts = [f"{counted_people(len(scored))} with {counted(entries, 'ranked clip')}"]
    else:
        seen = sum(person.found for person in timeline.found.people.values())
        facts = [f"{counted_people(seen)} in {timeline.found.all_clips} of {counted(timeline.found.looked_at, 'clip')}"]
    if lineage.detections:
        facts.append(f"clips from {', '.join(reader.path for reader in lineage.detections)}")
    if not truth and timeline is None:
        facts.append("without the truth (--gt FILE) there are no average precision and no right or wrong")
    return facts


def stage_line(reader: StageReader) -> StageRow:
    """The page's summary of a stage directory."""
    counts = reader.manifest.get("counts", {})
    seconds = reader.manifest.get("seconds", 0)
    return StageRow(
        reader.path, reader.stage, int(counts.get("clips", 0)), int(counts.get("rows", 0)),
        float(seconds) if isinstance(seconds, int | float) else 0.0,
    )  # fmt: skip
