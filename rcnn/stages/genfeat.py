"""From features of one or several models to the training set of the classifier."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import itemgetter

from ..clips.dataset import TEST
from ..clips.labels import label_files, read_labels_of
from ..errors import InputError
from ..faces.card import read_thresholds
from ..people.grouping import GroupingSettings, group_tracks
from ..people.strangers import Clips, Strangers, Templates
from ..people.teaching import agreeing_tracks
from ..people.templates import merged_labels
from ..report import trace
from ..tables import NO_FACE, OK, Accounts, StageReader, StageWriter, after, check_output, training_schema
from ..tables.header import file_sums, header_of, is_kept
from ..tables.join import Batch, concatenate, open_inputs
from ..tables.next_steps import following, say_next
from ..tables.schema import MEAN, MEANS, OTHER, has_means
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .answered import Answered
from .answered_rows import AnsweredRows, open_answered
from .labels import labelled_dataset
from .recipes import check_recipe
from .settings import GenfeatSettings
from .settings.clips import ON
from .settings.vectors import AGREE, CLASSES
from .training_rows import TrainingRows

ROWS = 1024  # clips in a batch


def genfeat(settings: GenfeatSettings) -> None:
    """Run the stage: join the features of a clip with its current label; unknown people are class 0.

    Raises
    ------
    InputError
        If an input is wrong or the output can't be written.
    """
    started = time.monotonic()
    check_output(settings.output, True)
    readers = open_inputs(settings.inputs, ("feature",))
    check_recipe(settings.recipe, readers)
    means, beside = settings.means == ON, settings.not_this_one == ON
    if means:
        _check_means(readers)
    others = open_answered(settings.answered or (), readers)
    given = [path for path in (settings.dataset, settings.answers) if path]
    lineage = trace(readers, given)
    dataset = labelled_dataset(settings.dataset, lineage, readers[0].path)
    answered = Answered.read(settings.answers, [*lineage.detections, *trace(others, given).detections])
    known = read_labels_of(dataset)
    more = AnsweredRows.of(answered, readers, others, known, {})
    arguments = {**asdict(settings), "dataset": dataset}
    sums = {**file_sums(label_files(dataset)), **more.sums(answered.given)}
    header = header_of("genfeat", arguments, sums, settings.inputs)
    if is_kept(settings.output, header, settings.overwrite, settings.renew):
        return
    width = sum(reader.width for reader in readers)
    agree = settings.tracks == AGREE and readers[0].tracked
    if agree:
        chosen = agreeing_tracks(
            lambda: until_stopped(concatenate(readers, ROWS)), merged_labels(known, answered.given)
        )
        more = AnsweredRows.of(answered, readers, others, known, chosen)
    if answered.given:
        print(answered.line(more.lost - answered.lost), flush=True)
    asked = _Asked(readers, more)
    templates = Templates.of(asked.clips()) if beside or settings.strangers == CLASSES else None
    strangers = asked.strangers(settings, templates)
    with StageWriter(
        settings.output,
        "genfeat",
        training_schema(width, means or beside),
        arguments=arguments,
        models=sums,
        sources=settings.inputs,
        overwrite=settings.overwrite,
    ) as writer:
        done = writer.state.get("clips", 0)
        rows = TrainingRows(writer.schema, strangers or Strangers(0), templates if beside else None)
        rows.nobody = writer.state.get("nobody", 0)
        rows.counts.update({kind: writer.state.get(kind, 0) for kind in (MEAN, OTHER)})
        total = readers[0].accounts.ok + len(more.vectors)
        with progress(what="genfeat", unit="clip", total=total, initial=done) as bar:
            for batch in until_stopped(asked.batches(writer.last_row, means)):
                _check_splits(batch, settings.inputs)
                clips = Clips.of(batch, more.known, more.chosen)
                done += len(clips.labels)
                writer.add_rows(rows.of(clips))
                kinds = {kind: rows.counts[kind] for kind in (MEAN, OTHER) if means or beside}
                writer.save(nobody=rows.nobody, clips=done, **kinds)
                bar.update(len(clips.labels))
        carry_clips(readers, writer, [more.clip(name) for name in sorted(more.vectors)])
        classes = {} if strangers is None else {"people": strangers.people, "strangers": strangers.classes}
        counts = writer.close(nobody=rows.nobody, width=width, **classes)["counts"]
    accounts = check_accounts(readers, counts, settings.output, len(more.vectors))
    print(
        f"genfeat: {counts['clips']} clips, {counts['ok']} with features ({rows.nobody} of nobody known), "
        f"{counts['no_face']} without a face, {counts['unreadable']} unreadable, {width} wide, "
        f"{time.monotonic() - started:.1f} s -> {settings.output}"
    )
    if means or beside:
        print(
            f"genfeat: {counts['rows']} rows: {counts['ok']} of clips, {rows.counts[MEAN]} means of some of their "
            f"faces, {rows.counts[OTHER]} of people beside"
        )
    if strangers is not None:
        tracks = len(strangers.labels)
        print(f"genfeat: {strangers.classes} classes of strangers, of {tracks} tracks, above {strangers.people} people")
    print(f"accounts: {accounts}")
    say_next(following("genfeat", settings.output, settings.recipe))


@dataclass(frozen=True)
class _Asked:
    """The clips of the inputs, for more than one pass, with their labels and the tracks to learn from."""

    readers: Sequence[StageReader]
    rows: AnsweredRows

    def batches(self, start_after: str = "", means: bool = False) -> Iterator[Batch]:
        """Those of the inputs, with the tracks that answers add."""
        return self.rows.beside(concatenate(self.readers, ROWS, start_after, means), start_after)

    def clips(self) -> Iterator[Clips]:
        """A batch at a time."""
        for batch in until_stopped(self.batches()):
            yield Clips.of(batch, self.rows.known, self.rows.chosen)

    def strangers(self, settings: GenfeatSettings, templates: Templates | None) -> Strangers | None:
        """The classes of strangers; None if all strangers are in class 0."""
        if settings.strangers != CLASSES or templates is None:
            return None
        assert settings.stranger_clips is not None
        # with one model, its card says how similar one person's tracks are
        first = self.readers[0]
        model = str(first.arguments.get("model") or "")
        card = read_thresholds(model, first.manifest["models"]) if len(self.readers) == 1 else None
        people = max(self.rows.known.values(), default=1)
        return Strangers.of(
            self.clips(),
            templates,
            settings.not_this_one == ON,
            people,
            settings.stranger_clips,
            lambda vectors: group_tracks(vectors, settings=GroupingSettings.of(card, len(vectors))),
        )


def _check_means(readers: Sequence[StageReader]) -> None:
    """Refuse inputs without means, and means of different numbers of faces."""
    for reader in readers:
        if not has_means(reader.schema):
            raise InputError(
                f"{reader.path}: has no means to learn from; give --means off, or run feature.py again with --means "
                "1,3,5"
            )
        ways = [[one.arguments.get(name) for name in (MEANS[0], "draws", "sampling")] for one in (reader, readers[0])]
        if ways[0] != ways[1]:
            raise InputError(
                f"{reader.path}: was made with another --means, --draws or --sampling than {readers[0].path}; give "
                "inputs with the same"
            )


def _check_splits(batch: Batch, inputs: Sequence[str]) -> None:
    """Refuse clips of test, which have no labels: all would be learnt as unknown people."""
    if TEST in batch.splits:
        raise InputError(
            f"--inputs {','.join(inputs)}: clip {batch.names[batch.splits.index(TEST)]} is of the test part, which has "
            "no labels to train on; give what feature.py made of detect.py --stage trainval"
        )


def carry_clips(readers: Sequence[StageReader], writer: StageWriter, more: Sequence[Mapping[str, object]] = ()) -> None:
    """Pass on the table of all clips; a clip that an input lacks or has no face for is no longer ok.

    The inputs come from the same data set; the first one lists its clips.

    Parameters
    ----------
    more : rows of additional clips, sorted by name

    Raises
    ------
    InputError
        If another input has clips that the first one lacks.
    """
    others = [
        {row["name"]: row["state"] for batch in reader.clips() for row in batch.select(["name", "state"]).to_pylist()}
        for reader in readers[1:]
    ]
    strangers = [set(known) for known in others]
    left = [row for row in more if str(row["name"]) > writer.last_clip]
    for batch in readers[0].clips():
        for names in strangers:
            names.difference_update(batch.column("name").to_pylist())
        rows = after(batch, writer.last_clip).to_pylist()
        for row in rows:
            for reader, known in zip(readers[1:], others, strict=True):
                if row["state"] == OK and known.get(row["name"]) != OK:
                    row.update(state=NO_FACE, reason=f"has no features in {reader.path}")
        count = sum(bool(rows) and str(row["name"]) < rows[-1]["name"] for row in left)
        writer.add_clips(sorted([*rows, *left[:count]], key=itemgetter("name")))
        left = left[count:]
    if left:
        writer.add_clips(left)
    for reader, names in zip(readers[1:], strangers, strict=True):
        if names:
            raise InputError(
                f"{reader.path}: has {len(names)} clips that {readers[0].path} lacks, {min(names)!r} for one; "
                "give features of the same clips, or the input with all of them first"
            )


def check_accounts(readers: Sequence[StageReader], counts: Mapping[str, int], output: str, more: int = 0) -> str:
    """The states of the clips of the first input, in words.

    Parameters
    ----------
    more : number of additional clips

    Raises
    ------
    InputError
        If clips are missing or unexpected.
    """
    before, accounts = readers[0].accounts, Accounts.of(counts, output)
    accounts = replace(accounts, clips=accounts.clips - more, rows=accounts.rows - more, ok=accounts.ok - more)
    lost = before.ok - accounts.ok
    accounts.check_from(before, output, lost)
    words = f"{accounts}, as in {readers[0].path}{f'; and {more} tracks that were answered about' if more else ''}"
    return f"{words} except {lost} that another input has no features of" if lost else words
