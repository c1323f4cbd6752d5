"""Features of one or several models to the training set of the classifier."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from ..clips.dataset import TEST
from ..clips.labels import label_files, labels_of, read_labels_of
from ..config import config
from ..errors import InputError
from ..people.teaching import agreeing_tracks, one_track
from ..report import trace
from ..tables import NO_FACE, OK, Accounts, StageReader, StageWriter, after, check_output, training_schema
from ..tables.header import file_sums, header_of, is_kept
from ..tables.join import Batch, concatenate, open_inputs
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .labels import labelled_dataset
from .recipes import check_recipe
from .settings import GenfeatSettings
from .settings.vectors import AGREE

ROWS = 1024  # clips a batch


def genfeat(settings: GenfeatSettings) -> None:
    """Run the stage: join the features of a clip with the label that it has now; nobody known is class 0.

    Raises
    ------
    InputError
        If an input is wrong or the output can't be written.
    """
    started = time.monotonic()
    check_output(settings.output, True)
    readers = open_inputs(settings.inputs, ("feature",))
    check_recipe(settings.recipe, readers)
    lineage = trace(readers, [settings.dataset] if settings.dataset else ())
    dataset = labelled_dataset(settings.dataset, lineage, readers[0].path)
    arguments, sums = {**asdict(settings), "dataset": dataset}, file_sums(label_files(dataset))
    header = header_of("genfeat", arguments, sums, settings.inputs)
    if is_kept(settings.output, header, settings.overwrite, settings.renew):
        return
    known = read_labels_of(dataset)
    width = sum(reader.width for reader in readers)
    agree = settings.tracks == AGREE and readers[0].tracked
    chosen = agreeing_tracks(lambda: until_stopped(concatenate(readers, ROWS)), known) if agree else {}
    with StageWriter(
        settings.output,
        "genfeat",
        training_schema(width),
        arguments=arguments,
        models=sums,
        sources=settings.inputs,
        overwrite=settings.overwrite,
    ) as writer:
        nobody, done = writer.state.get("nobody", 0), writer.state.get("clips", 0)
        batches = one_track(concatenate(readers, ROWS, writer.last_row), chosen)
        with progress(what="genfeat", unit="clip", total=readers[0].accounts.ok, initial=done) as bar:
            for batch in until_stopped(batches):
                _check_splits(batch, settings.inputs)
                labels = np.maximum(labels_of(batch.names, batch.splits, known), config.SUBMIT.NOBODY)
                nobody += int((labels == config.SUBMIT.NOBODY).sum())
                done += len(labels)
                writer.add_rows(batch.record(writer.schema, labels))
                writer.save(nobody=nobody, clips=done)
                bar.update(len(labels))
        carry_clips(readers, writer)
        counts = writer.close(nobody=nobody, width=width)["counts"]
    accounts = check_accounts(readers, counts, settings.output)
    print(
        f"genfeat: {counts['clips']} clips, {counts['rows']} with features ({nobody} of nobody known), "
        f"{counts['no_face']} without a face, {counts['unreadable']} unreadable, {width} wide, "
        f"{time.monotonic() - started:.1f} s -> {settings.output}"
    )
    print(f"accounts: {accounts}")


def _check_splits(batch: Batch, inputs: Sequence[str]) -> None:
    """Refuse clips of test, whose labels nobody knows: all would teach the class of nobody."""
    if TEST in batch.splits:
        raise InputError(
            f"--inputs {','.join(inputs)}: clip {batch.names[batch.splits.index(TEST)]} is of the test part, which has "
            "no labels to train on; give what feature.py made of detect.py --stage trainval"
        )


def carry_clips(readers: Sequence[StageReader], writer: StageWriter) -> None:
    """Carry the table of all clips on; a clip that an input lacks or has no face for is not ok any more.

    The inputs come from the same data set; the first one says which clips there are.

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
    for batch in readers[0].clips():
        for names in strangers:
            names.difference_update(batch.column("name").to_pylist())
        rows = after(batch, writer.last_clip).to_pylist()
        for row in rows:
            for reader, known in zip(readers[1:], others, strict=True):
                if row["state"] == OK and known.get(row["name"]) != OK:
                    row.update(state=NO_FACE, reason=f"has no features in {reader.path}")
        writer.add_clips(rows)
    for reader, names in zip(readers[1:], strangers, strict=True):
        if names:
            raise InputError(
                f"{reader.path}: has {len(names)} clips that {readers[0].path} lacks, {min(names)!r} for one; "
                "give features of the same clips, or the input with all of them first"
            )


def check_accounts(readers: Sequence[StageReader], counts: Mapping[str, int], output: str) -> str:
    """What became of the clips of the first input, in words.

    Raises
    ------
    InputError
        If clips are missing, or others are there.
    """
    before, accounts = readers[0].accounts, Accounts.of(counts, output)
    lost = before.ok - accounts.ok
    accounts.check_from(before, output, lost)
    words = f"{accounts}, as in {readers[0].path}"
    return f"{words} but for {lost} that another input has no features of" if lost else words
