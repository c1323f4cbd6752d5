"""From a ranking and the directories behind it to what a report shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..clips.names import show
from ..config import config
from ..scores.metrics import precision_by_rank, score
from ..tables import StageReader
from .coverage import labels_of, read_coverage
from .data import RIGHT, WRONG, Coverage, Entry, Person, Report, StageRow
from .lineage import Lineage
from .pictures import best_crops, thumbnail

ENTRIES = 20  # ranked clips on a card
MISSED = 6  # clips of the truth that were not ranked, on a card
CONFUSIONS = 5  # people on a card
RIVAL_CLIPS = 10  # of a person, of which the strongest rivals are counted where there is no truth
RIVAL_SHARE = 0.5  # of a clip's score from which another person's score for it makes a rival
PICTURE_BYTES = 12 << 20  # of all JPEGs on a page: a third more as base64, so that the page stays under 20 MB
NOBODY = "nobody known"

Scored = Mapping[int, Sequence[tuple[str, float]]]  # name and score of the ranked clips of each label, best first
Truth = Mapping[int, Sequence[str]]  # clips of each label


@dataclass(frozen=True)
class People:
    """Names of labels, and the truth the other way round.

    names : of labels
    label_of : label of each clip of the truth; None where there is no truth
    """

    names: Mapping[int, str]
    label_of: Mapping[str, int] | None

    def who(self, clip: str) -> str:
        """Whom a clip shows in truth."""
        label = (self.label_of or {}).get(clip)
        return NOBODY if label is None else show(label, self.names)


def gather_report(
    title: str,
    scored: Scored,
    truth: Truth | None,
    names: Mapping[int, str],
    lineage: Lineage,
    most_people: int,
    sources: Mapping[str, str] | None = None,
) -> Report:
    """Everything that the page of a submission shows.

    Parameters
    ----------
    scored : the ranking
    truth : None where it is not known
    most_people : cards at most; where there is truth those with the lowest average precision are taken
    sources : the user's own file of each clip that is known
    """
    ranking = {label: [clip for clip, _ in entries] for label, entries in scored.items()}
    results = {item.label: item for item in score(ranking, truth)} if truth is not None else {}
    # a classifier may have more classes than there are people: nobody wants cards of those
    real = {*names, *results, *labels_of(lineage.training)} or set(scored)
    scored = {label: entries for label, entries in scored.items() if label in real}
    labels = sorted({*scored, *results})
    chosen, why = choose_labels(labels, {label: item.ap for label, item in results.items()}, most_people)
    label_of = None if truth is None else {clip: label for label, clips in truth.items() for clip in clips}
    people = People(names, label_of)
    rivals = _rivals(scored, chosen, names) if truth is None else {}
    cards = []
    for label in chosen:
        entries = scored.get(label, ())
        positives = (truth or {}).get(label, ())
        card = Person(
            label,
            names.get(label, ""),
            ranked=len(entries),
            entries=[_entry(rank, *entry, label, people) for rank, entry in enumerate(entries[:ENTRIES], 1)],
            missed=_missed(ranking.get(label, ()), positives),
            confusions=_confusions(ranking.get(label, ()), len(positives), label, people)
            if truth is not None
            else rivals.get(label, ()),
        )
        if label in results:
            item = results[label]
            card = replace(card, ap=item.ap, positives=item.positives, found=item.found)
        cards.append(card)
    coverage, reasons = _coverage(lineage, {entry.clip for card in cards for entry in card.missed})
    precision, best = precision_by_rank(ranking, truth) if results and truth is not None else ((), ())
    return Report(
        title=title,
        facts=_facts(scored, lineage, truth is not None),
        scores={label: item.ap for label, item in results.items()},
        precision=list(precision),
        best_precision=list(best),
        coverage=coverage,
        curve=lineage.curve,
        people=_with_pictures([_with_sources(_with_reasons(card, reasons), sources or {}) for card in cards], lineage),
        all_people=len(labels),
        chosen=why,
        stages=[stage_line(reader) for reader in lineage.stages],
        notes=lineage.notes,
    )


def choose_labels(labels: Sequence[int], scores: Mapping[int, float], most: int) -> tuple[list[int], str]:
    """The labels that get a card, in order, and why these; empty where all do."""
    if len(labels) <= most:
        return list(labels), ""
    if scores:
        worst_first = sorted(labels, key=lambda label: (scores.get(label, 2.0), label))
        return sorted(worst_first[:most]), "those with the lowest average precision; --report-people N shows more"
    return list(labels[:most]), "the first by label; --report-people N shows more"


def _entry(rank: int, clip: str, score: float, label: int, people: People) -> Entry:
    if people.label_of is None:
        return Entry(clip, rank, score)
    if people.label_of.get(clip) == label:
        return Entry(clip, rank, score, RIGHT)
    return Entry(clip, rank, score, WRONG, people.who(clip))


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


def _confusions(ranked: Sequence[str], positives: int, label: int, people: People) -> list[tuple[str, int]]:
    """Whom the wrong clips show that stand in the first places, of which there are as many as right clips."""
    own = people.label_of or {}
    wrong = Counter(people.who(clip) for clip in ranked[:positives] if own.get(clip) != label)
    return wrong.most_common(CONFUSIONS)


def _rivals(scored: Scored, chosen: Iterable[int], names: Mapping[int, str]) -> dict[int, list[tuple[str, int]]]:
    """Without truth: who has a score of half or more for a person's best clips, and for how many of them."""
    wanted = {clip for label in chosen for clip, _ in scored.get(label, ())[:RIVAL_CLIPS]}
    by_clip: dict[str, list[tuple[int, float]]] = {}
    for label, entries in scored.items():
        for clip, value in entries:
            if clip in wanted:
                by_clip.setdefault(clip, []).append((label, value))
    result = {}
    for label in chosen:
        counts: Counter[int] = Counter()
        for clip, value in scored.get(label, ())[:RIVAL_CLIPS]:
            counts.update(other for other, theirs in by_clip[clip] if other != label and theirs >= RIVAL_SHARE * value)
        result[label] = [(show(other, names), count) for other, count in counts.most_common(CONFUSIONS)]
    return result


def _coverage(lineage: Lineage, wanted: set[str]) -> tuple[list[Coverage], dict[str, str]]:
    coverages, reasons = [], {}
    for reader in {reader.path: reader for reader in (*lineage.detections, *lineage.training)}.values():
        coverage, why = read_coverage(reader, wanted)
        coverages.append(coverage)
        reasons.update(why)
    return coverages, reasons


def _with_pictures(cards: Sequence[Person], lineage: Lineage) -> list[Person]:
    """Known faces first, then the clips rank by rank over all people, until the page is full."""
    clips = {entry.clip for card in cards for entry in (*card.entries, *card.missed)}
    labels = {card.label for card in cards if card.label is not None}
    crops = best_crops(lineage.detections, clips).by_clip
    known = best_crops(lineage.training, (), labels).by_label
    room = _Room(PICTURE_BYTES)
    faces = [[room.take(crop) for _, crop in known.get(card.label or 0, ())] for card in cards]
    entries: list[list[Entry]] = [[] for _ in cards]
    missed: list[list[Entry]] = [[] for _ in cards]
    for rank in range(ENTRIES):
        for card, kept in zip(cards, entries, strict=True):
            for entry in card.entries[rank : rank + 1]:
                kept.append(replace(entry, picture=room.take(crops.get(entry.clip, (0, b""))[1])))
    for card, kept in zip(cards, missed, strict=True):
        kept += [replace(entry, picture=room.take(crops.get(entry.clip, (0, b""))[1])) for entry in card.missed]
    return [
        replace(card, entries=own, missed=lost, known=[face for face in seen if face])
        for card, own, lost, seen in zip(cards, entries, missed, faces, strict=True)
    ]


class _Room:
    """Makes thumbnails until so many bytes are used."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, crop: bytes) -> bytes | None:
        picture = thumbnail(crop) if self.left > 0 else None
        if picture is None or len(picture) > self.left:
            return None
        self.left -= len(picture)
        return picture


def _facts(scored: Scored, lineage: Lineage, truth: bool) -> list[str]:
    entries = sum(len(clips) for clips in scored.values())
    facts = [f"{len(scored)} people with {entries} ranked clips"]
    if lineage.detections:
        facts.append(f"clips from {', '.join(reader.path for reader in lineage.detections)}")
    if not truth:
        facts.append("without the truth (--gt FILE) there are no average precision and no right or wrong")
    return facts


def stage_line(reader: StageReader) -> StageRow:
    """What the page says about a stage directory."""
    counts = reader.manifest.get("counts", {})
    seconds = reader.manifest.get("seconds", 0)
    return StageRow(
        reader.path, reader.stage, int(counts.get("clips", 0)), int(counts.get("rows", 0)),
        float(seconds) if isinstance(seconds, int | float) else 0.0,
    )  # fmt: skip
