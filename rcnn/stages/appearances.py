"""Who is in view from when to when: tracks of clips compared with known people."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby, islice
from typing import Any

import numpy as np
import pyarrow as pa

from .. import files
from ..clips.dataset import Clip
from ..clips.labels import label_files
from ..clips.layout import PEOPLE_FILE
from ..clips.names import find_people, show
from ..clips.paths import ClipPaths
from ..clips.sources import SOURCES_FILE, find_sources
from ..faces.card import read_thresholds
from ..files.text import counted, counted_people, printable
from ..installation import as_called
from ..people.appearances import Appearance, find_appearances, judge_tracks
from ..people.joining import join_pieces
from ..people.lessons import TaughtGallery
from ..people.templates import Gallery
from ..report import Lineage, trace
from ..scores.calibration import CardThresholds, OperatingPoint, Trials, operating_point
from ..scores.verdicts import MAYBE, VERDICTS, YES
from ..tables import StageReader, StageWriter, check_output, vector_array, vectors
from ..tables.header import file_sums, header_of, is_kept
from ..tables.schema import APPEARANCES_SCHEMA, IDENTITY
from ..video.photographs import ENDINGS
from ..workers.pipeline import groups
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .answered import Answered
from .clip_tracks import ClipTracks, check_known, find_detection, read_tracks
from .feature import copy_clips
from .genfeat import check_accounts
from .labels import find_labels, labelled_datasets
from .settings import AppearancesSettings

BATCH_CLIPS = 256  # that are written together
MOVING = frozenset({".gif", ".apng"})  # pictures of several frames, whose clips have their times
CLIP_FIELDS = [name for name, _ in IDENTITY]
ASKED_FOR = 1  # label of a searched person who has none
SHOWN = 10  # people in the summary


@dataclass(frozen=True)
class Nearest:
    """The known person that each row of the features is most like.

    cosines : (rows,) float32
    people : (rows,) int32, rows of the gallery
    sure : (rows,) bool, whether an answer says that it is this person
    """

    cosines: np.ndarray
    people: np.ndarray
    sure: np.ndarray

    @staticmethod
    def of(features: StageReader, gallery: Gallery | TaughtGallery) -> Nearest:
        """Compare every row, a batch at a time; a few bytes a row stay in memory."""
        cosines, people, sure = [np.zeros(0, np.float32)], [np.zeros(0, np.int32)], [np.zeros(0, bool)]
        for names, tracks, rows in whole_clips(features):
            found = gallery.nearest(names, tracks, rows)
            cosines.append(found[0])
            people.append(found[1])
            none = np.zeros(len(names), bool)
            sure.append(gallery.sure(names, tracks) if isinstance(gallery, TaughtGallery) else none)
        return Nearest(np.concatenate(cosines), np.concatenate(people), np.concatenate(sure))


@dataclass(frozen=True)
class Judge:
    """Turns the tracks of a clip into its appearances."""

    nearest: Nearest
    labels: np.ndarray  # (people,) int32
    point: OperatingPoint
    names: Mapping[int, str]  # by label

    def __call__(self, clip: ClipTracks, source: str) -> list[Appearance]:
        """The appearances in a clip; a clip made from a photograph has no times, so all of them are at 0."""
        cosines, people = self.nearest.cosines[clip.rows], self.nearest.people[clip.rows]
        matches = judge_tracks(clip.tracks, cosines, people, self.labels, self.point, self.nearest.sure[clip.rows])
        if is_still(source):
            faces = replace(clip.faces, times=np.zeros(len(clip.faces)))
            found = find_appearances(faces, matches, 0.0, 0.0)
        else:
            found = find_appearances(clip.faces, matches, clip.look, clip.seconds)
        return [replace(item, person=self.names.get(item.who, ""), source=source) for item in found]

    def film(self, pieces: Sequence[ClipTracks], paths: ClipPaths) -> list[tuple[Clip, Appearance]]:
        """The appearances in the pieces of a film, each with its clip."""
        rows = [(clip.faces.clip, item) for clip in pieces for item in self(clip, paths.of(clip.faces.clip))]
        return join_pieces(rows) if len(pieces) > 1 else rows


def appearances(settings: AppearancesSettings) -> None:
    """Run the stage: read features, faces and known people, write the table, print a summary.

    Raises
    ------
    InputError
        If an input is wrong, the inputs do not match, or nobody is known.
    """
    started = time.monotonic()
    check_output(settings.output, True)
    features = StageReader(settings.features, ("feature",))
    check_known(features, settings.known)
    own = (settings.names, settings.sources, settings.faces, settings.dataset, settings.features, *settings.known)
    given = [path for path in own if path]
    lineage = trace([features], given)
    known = trace([StageReader(path, ("feature",)) for path in settings.known], given)
    detection = find_detection(features, settings.faces, lineage)
    datasets = labelled_datasets(settings.dataset, known)
    arguments = {name: value for name, value in asdict(settings).items() if name != "faces"}
    arguments["dataset"] = datasets[0] if datasets else None  # the same whether it was given or found
    sources = list(dict.fromkeys([settings.features, detection.path, *settings.known]))
    teaching = [path for dataset in datasets for path in label_files(dataset)]
    answered = Answered.read(settings.answers, [detection, *known.detections])
    answers = answered.given
    sums = {**file_sums([*_texts(settings, lineage), *teaching]), **answered.sums}
    header = header_of("appearances", arguments, sums, sources)
    if is_kept(settings.output, header, settings.overwrite, settings.renew):
        return
    people = {**find_people(settings.names, *lineage.datasets), **answers.names}
    paths = ClipPaths(find_sources(settings.sources, *lineage.datasets), lineage.datasets)
    Lineage(closed=known.closed | lineage.closed).say_closed()
    plain = Gallery.read(settings.known, find_labels(settings.dataset, known), answers, not answers.shown)
    gallery = answered.teach(plain, features, [StageReader(path, ("feature",)) for path in settings.known])
    nearest = Nearest.of(features, gallery)
    point = judge_by(gallery, nearest, settings.false_hits, features)
    judge = Judge(nearest, gallery.labels, point, people)
    with StageWriter(
        settings.output,
        "appearances",
        APPEARANCES_SCHEMA,
        arguments=arguments,
        models=sums,
        sources=sources,
        overwrite=settings.overwrite,
    ) as writer:
        found = {verdict: Counter[str](writer.state.get(verdict, {})) for verdict in VERDICTS}  # rows by label
        done = writer.state.get("clips", 0)
        left = islice(read_tracks(features, detection), done, None)
        with progress(what="appearances", unit="clip", total=features.accounts.ok, initial=done) as bar:
            for films in until_stopped(groups(_films(left), BATCH_CLIPS)):
                rows = [row for film in films for row in judge.film(film, paths)]
                writer.add_rows(_record(rows))
                for _, item in rows:
                    found[item.verdict][str(item.who)] += 1
                clips = sum(map(len, films))
                done += clips
                writer.save(**found, clips=done)
                bar.update(clips)
        copy_clips(features, writer)
        counts = writer.close(
            people=len(gallery.labels),
            **{verdict: sum(each.values()) for verdict, each in found.items()},
            operating_point=point.record(),
        )["counts"]
    accounts = check_accounts([features], counts, settings.output)
    for line in _summary(found, gallery.labels, people, counts):
        print(line)
    print(f"accounts: {accounts}")
    print(f"appearances: {time.monotonic() - started:.1f} s -> {settings.output}")
    print(as_called(f"next: python -m rcnn appearances --table {settings.output} --output who.csv"))


def _films(clips: Iterable[ClipTracks]) -> Iterator[list[ClipTracks]]:
    """The pieces of a film together, if they follow each other by name; else each clip alone."""
    for _, pieces in groupby(clips, key=lambda clip: (clip.source, "" if clip.source else clip.faces.clip.name)):
        yield list(pieces)


def judge_by(
    gallery: Gallery | TaughtGallery, nearest: Nearest, false_hits: float, features: StageReader
) -> OperatingPoint:
    """The operating point for the tracks of some clips."""
    tracks = len(nearest.people) / max(features.accounts.ok, 1)
    point = operating_point(gallery.trials(), len(gallery.labels), false_hits, card_of(features), tracks)
    return point.adjusted(nearest.cosines, nearest.people)


def appearances_in(
    features: StageReader, clips: Container[str], vector: np.ndarray, false_hits: float
) -> dict[str, list[Appearance]]:
    """When a person, with the label `ASKED_FOR`, is in view in some clips, by name.

    The thresholds are those of the model's card: it is not known which clips do not show the person.

    Parameters
    ----------
    features : of feature.py
    vector : (D,) float32 of length 1, of the person

    Raises
    ------
    InputError
        If the faces behind the features no longer exist.
    """
    unit = vector[None].astype(np.float32)
    labels = np.array([ASKED_FOR], np.int32)
    gallery = Gallery(labels, unit, np.ones(1, np.int64), unit.astype(np.float64), {}, ())
    nearest = Nearest.of(features, gallery)
    cosines, people = np.zeros(0, np.float32), np.zeros(0, np.int32)
    none = Trials(cosines, people, cosines, people)
    tracks = len(nearest.people) / max(features.accounts.ok, 1)
    judge = Judge(nearest, labels, operating_point(none, 1, false_hits, card_of(features), tracks), {})
    lineage = trace([features])
    detection = find_detection(features, None, lineage)
    paths = ClipPaths(find_sources(None, *lineage.datasets), lineage.datasets)
    return {
        clip.faces.clip.name: judge(clip, paths.of(clip.faces.clip))
        for clip in read_tracks(features, detection)
        if clip.faces.clip.name in clips
    }


def card_of(features: StageReader) -> CardThresholds | None:
    """The thresholds in the card of the model that made the features; None if it was not measured."""
    return read_thresholds(str(features.arguments.get("model") or ""), features.manifest["models"])


def _texts(settings: AppearancesSettings, lineage: Lineage) -> list[str]:
    """The files of names and of sources that are read."""
    found = []
    for given, name in ((settings.names, PEOPLE_FILE), (settings.sources, SOURCES_FILE)):
        paths = [given] if given else [files.join(dataset, name) for dataset in lineage.datasets]
        found += [path for path in paths if given or files.is_file(path)]
    return list(dict.fromkeys(found))


def whole_clips(features: StageReader) -> Iterator[tuple[list[str], np.ndarray, np.ndarray]]:
    """Names, tracks and vectors of rows; a clip's rows stay together."""
    held: pa.RecordBatch | None = None
    for batch in features.batches():
        rows = batch if held is None else pa.concat_batches([held, batch])
        names = rows.column("name").to_pylist()
        start = names.index(names[-1])  # of the last clip, whose tracks may go on
        held = rows.slice(start)
        if start:
            yield _columns(rows.slice(0, start), features.tracked)
    if held is not None:
        yield _columns(held, features.tracked)


def _columns(rows: pa.RecordBatch, tracked: bool) -> tuple[list[str], np.ndarray, np.ndarray]:
    tracks = rows.column("track").to_numpy() if tracked else np.zeros(rows.num_rows, np.int32)
    return rows.column("name").to_pylist(), tracks, vectors(rows.column("feature"))


def is_still(source: str) -> bool:
    """Whether a clip was made of a photograph."""
    ending = os.path.splitext(source)[1].lower()
    return ending in ENDINGS and ending not in MOVING


def _record(rows: Sequence[tuple[Clip, Appearance]]) -> pa.RecordBatch:
    clips, items = [clip for clip, _ in rows], [item for _, item in rows]
    arrays = [
        vector_array(np.array([item.box for item in items], np.float32))
        if field.name == "box"
        else pa.array([getattr(row, field.name) for row in (clips if field.name in CLIP_FIELDS else items)], field.type)
        for field in APPEARANCES_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=APPEARANCES_SCHEMA)


def _summary(
    found: Mapping[str, Counter[str]], labels: np.ndarray, people: Mapping[int, str], counts: Mapping[str, Any]
) -> Iterator[str]:
    """At most a screen: the people who appear most, the totals, and the operating point."""
    seen = [(found[YES][str(label)], found[MAYBE][str(label)], label) for label in labels.tolist()]
    seen = sorted((row for row in seen if row[0] or row[1]), key=lambda row: (-row[0], -row[1], row[2]))
    for yes, maybe, label in seen[:SHOWN]:
        yield f"  {printable(show(label, people))}: {yes} yes, {maybe} maybe"
    if len(seen) > SHOWN:
        yield f"  and {len(seen) - SHOWN} more people"
    yield (
        f"appearances: {counted_people(counts['people'])} looked for in {counted(counts['clips'], 'clip')}, "
        f"{len(seen)} found; {counted(counts[YES], 'appearance')}, {counts[MAYBE]} more that may be"
    )
    yield f"appearances: {counts['operating_point']['words']}"
