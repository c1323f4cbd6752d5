"""Merges the outputs of a job array, one for each part of the clips, into the one that a single run would write."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import files
from ..clips.dataset import list_clips, part_of
from ..errors import InputError
from ..files.text import printable
from ..report import Lineage, trace
from ..tables import Accounts, Listing, StageReader, StageWriter, after, check_output
from ..tables.header import FREE_ARGUMENTS, header_of, is_kept
from ..tables.join import open_inputs
from ..tables.merged import merged
from ..tables.next_steps import following, say_next
from ..tables.reader import NEAR_BUFFER
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .detect import QualityHistogram
from .recipes import recipe_of
from .settings import MergeSettings

STAGES = ("detect", "feature", "predict")
OWN_ARGUMENTS = {*FREE_ARGUMENTS, "split", "input", "inputs"}  # may differ from part to part
ALIKE_COUNTS = ("classes", "quality_step")  # counts that are equal in all parts; others are summed
BUFFER_BYTES = 64 << 20  # read-ahead of a column, over all inputs together, if they are in an object store
READ_ROWS = 4096  # rows to read ahead over all inputs together, at least one each


@dataclass(frozen=True)
class Part:
    """A part of the clips.

    reader : of its directory
    number : 0 to N-1
    detections : arguments of the detect runs behind it
    """

    reader: StageReader
    number: int
    detections: Sequence[Mapping[str, Any]]


def merge(settings: MergeSettings) -> None:
    """Check that the parts are complete, write the result, print the accounts.

    Raises
    ------
    InputError
        If a part or a clip is missing or duplicated, or the parts were made in different ways; names them.
    """
    started = time.monotonic()
    check_output(settings.output, True)
    readers = open_inputs(settings.inputs, STAGES)
    check_alike(readers)
    parts = find_parts(readers, [settings.dataset] if settings.dataset else ())
    check_clips(parts, settings.dataset)
    first = readers[0]
    arguments = {**first.arguments, "split": (0, 1), "output": settings.output, "overwrite": settings.overwrite}
    made_of = {"models": first.manifest.get("models", {}), "lineage": _sources(readers), "listing": _listing(readers)}
    if is_kept(settings.output, header_of(first.stage, arguments, **made_of), settings.overwrite, renew=False):
        return
    for reader in readers:
        reader.far_buffer = min(reader.far_buffer, max(NEAR_BUFFER, BUFFER_BYTES // len(readers)))
    with StageWriter(
        settings.output,
        first.stage,
        first.schema,
        arguments=arguments,
        sources=settings.inputs,
        licences=first.manifest.get("licences"),
        recognised=first.manifest.get("recognised"),
        overwrite=settings.overwrite,
        **made_of,
    ) as writer:
        total = sum(reader.rows for reader in readers)
        with progress(what="merge", unit="row", total=total) as bar:
            each = max(1, READ_ROWS // len(readers))
            for batch in until_stopped(merged([reader.batches(reader.columns, each) for reader in readers])):
                writer.add_rows(after(batch, writer.last_row))
                writer.save()
                bar.update(batch.num_rows)
        for batch in merged([reader.clips() for reader in readers]):
            writer.add_clips(after(batch, writer.last_clip))
        counts = writer.close(**summed([reader.manifest["counts"] for reader in readers]))["counts"]
    whole, accounts = total_accounts(readers), Accounts.of(counts, settings.output)
    accounts.check_from(whole, settings.output)
    print(
        f"merge: {len(readers)} parts of {first.stage}, {counts['clips']} clips, {counts['rows']} rows, "
        f"{time.monotonic() - started:.1f} s -> {settings.output}"
    )
    print(f"accounts: {accounts}, as in the {len(readers)} parts")
    say_next(following(first.stage, settings.output, recipe_of(first.arguments)))


def check_alike(readers: Sequence[StageReader]) -> None:
    """Raise InputError if a directory differs from the first in stage, width, model or arguments."""
    first = readers[0]
    for other in readers[1:]:
        here, there = _ways(first), _ways(other)
        different = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
        if different:
            name = different[0]
            raise InputError(
                f"{other.path}: was made with another {', another '.join(different)} than {first.path} "
                f"({name} {str(there.get(name))[:60]}, there {str(here.get(name))[:60]}); give parts of one run"
            )


def _ways(reader: StageReader) -> dict[str, Any]:
    """How a directory was made, by the name used in messages."""
    arguments = {name: value for name, value in reader.arguments.items() if name not in OWN_ARGUMENTS}
    inputs = len(reader.arguments.get("inputs") or ())
    models = reader.manifest.get("models")
    sums = {f"file {name}": digest for name, digest in models.items()} if isinstance(models, dict) else {}
    return {**arguments, **sums, "stage": reader.stage, "table": reader.schema, "number of inputs": inputs}


def find_parts(readers: Sequence[StageReader], given: Sequence[str] = ()) -> list[Part]:
    """The part number and count of each directory, from its own arguments, else from those of the detect runs behind
    it.

    Parameters
    ----------
    given : other paths of the command, see `trace`

    Raises
    ------
    InputError
        If a part is missing, duplicated or unknown.
    """
    parts: list[Part] = []
    counts: dict[int, str] = {}
    closed: dict[str, None] = {}
    for reader in readers:
        detections = [reader.arguments]
        if reader.stage != "detect":
            lineage = trace([reader], [*given, *(other.path for other in readers)])
            detections = [found.arguments for found in lineage.detections]
            closed.update(lineage.closed)
        splits = {_split(arguments) for arguments in (reader.arguments, *detections)} - {(0, 1)}
        if len(splits) > 1:
            raise InputError(f"{reader.path}: was split twice, as {_words(splits)}; give parts of one --split")
        if not splits and not detections:
            splits = _guess(reader, len(readers))
        number, count = splits.pop() if splits else (0, 1)
        counts[count] = reader.path
        parts.append(Part(reader, number, detections))
    Lineage(closed=closed).say_closed()
    if len(counts) > 1:
        few, many = min(counts), max(counts)
        raise InputError(f"{counts[few]}: is a part of {few}, {counts[many]} of {many}; give the parts of one --split")
    count = next(iter(counts))
    places: dict[int, list[str]] = {}
    for part in parts:
        places.setdefault(part.number, []).append(part.reader.path)
    double = {number: paths for number, paths in places.items() if len(paths) > 1}
    if double:
        number, paths = min(double.items())
        raise InputError(f"--inputs: {len(double)} parts are given twice, {number},{count} in {' and '.join(paths)}")
    missing = sorted(set(range(count)) - set(places))
    if missing:
        raise InputError(f"--inputs: {len(missing)} of {count} parts are missing, --split {missing[0]},{count} for one")
    return sorted(parts, key=lambda part: part.number)


def _split(arguments: Mapping[str, Any]) -> tuple[int, int]:
    value = arguments.get("split") or (0, 1)
    if not (isinstance(value, Sequence) and len(value) == 2 and all(type(number) is int for number in value)):
        raise InputError(f"--inputs: a manifest has --split as {str(value)[:40]!r}; make it again")
    if not 0 <= value[0] < value[1]:
        raise InputError(f"--inputs: a manifest has --split as {value[0]},{value[1]}; make it again")
    return value[0], value[1]


def _words(splits: set[tuple[int, int]]) -> str:
    return " and ".join(f"{number},{count}" for number, count in sorted(splits))


def _guess(reader: StageReader, count: int) -> set[tuple[int, int]]:
    """If the detect directory is gone: the first clip's part; `check_clips` checks the others."""
    for batch in reader.clips():
        return {(part_of(batch.column("name")[0].as_py(), count), count)}
    raise InputError(f"{reader.path}: has no clips, and what it was made from is gone, so its part number is unknown")


@dataclass
class _Findings:
    """Counts of names by problem, and the first name of each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, what: str, name: str) -> None:
        self.counts[what] += 1
        self.examples.setdefault(what, name)

    def __str__(self) -> str:
        return ", ".join(
            f"{number} clips {what}, for example {self.examples[what]!r}" for what, number in self.counts.items()
        )


def check_clips(parts: Sequence[Part], dataset: str | None) -> None:
    """Check that every clip is in its part, once, and that none of the data set is missing.

    If no data set is given and the one of detect.py is not available, a line says that this was not checked.

    Raises
    ------
    InputError
        With the number of clips that are duplicated, in a wrong part, missing or unknown, and an example of each.
    """
    seen = _dataset_clips(parts, dataset)
    found = _Findings()
    last = ""
    for name, part in _names(parts):
        if name == last:
            found.add("are in two parts", name)
        elif part_of(name, len(parts)) != part.number:
            found.add(f"are not of the part that {part.reader.path} is", name)
        elif seen is not None and name not in seen:
            found.add("are not in the data set", name)
        if seen is not None:
            seen[name] = True
        last = name
    for name, there in (seen or {}).items():
        if not there:
            found.add("of the data set are missing", name)
    if found.counts:
        raise InputError(f"--inputs: {found}; give every part once, or run the jobs of these again")


def _names(parts: Sequence[Part]) -> Iterator[tuple[str, Part]]:
    """All names of all parts, sorted, each with its part."""

    def own(part: Part) -> Iterator[tuple[str, int]]:
        for batch in part.reader.clips():
            for name in batch.column("name").to_pylist():
                yield name, part.number

    for name, number in heapq.merge(*map(own, parts)):
        yield name, parts[number]


def _dataset_clips(parts: Sequence[Part], dataset: str | None) -> dict[str, bool] | None:
    """Names of the required clips, none of them seen yet; None if the data set is not available."""
    where = {
        (str(arguments.get("dataset")), str(arguments.get("stage"))) for part in parts for arguments in part.detections
    }
    if len(where) > 1:
        raise InputError(f"--inputs: are of the clips of {len(where)} data sets or stages; give parts of one")
    if not where:
        print("the detect directories are gone, so the clips were not compared with the data set")
        return None
    path, stage = where.pop()
    if dataset is None and not files.may_follow(path, [part.reader.path for part in parts]):
        print(
            f"{printable(path)} is named by the parts and not by this command, so it was not opened, and the clips "
            "were not compared with the data set; give --dataset"
        )
        return None
    if dataset is None and not _at_hand(path):
        print(f"{printable(path)} is not available, so the clips were not compared with the data set")
        return None
    return dict.fromkeys((clip.name for clip in list_clips(dataset or path, stage)), False)


def _at_hand(dataset: str) -> bool:
    try:
        return files.is_dir(dataset)
    except InputError:  # a store that does not answer, or refuses us
        return False


def summed(counts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The counts of the result besides its accounts: sums of numbers and of histograms, and quantiles of these.

    Raises
    ------
    InputError
        If they are not counts, or parts differ in a count that must be equal.
    """
    result: dict[str, Any] = {}
    names = [name for name in counts[0] if name not in Accounts.__dataclass_fields__ and name != "quality_quantiles"]
    try:
        for name in names:
            values = [count[name] for count in counts]
            if name in ALIKE_COUNTS:
                if len(set(values)) > 1:
                    raise ValueError(f"{name} differs")
                result[name] = values[0]
            elif isinstance(values[0], dict):
                steps = sum((QualityHistogram(value).counts for value in values), Counter())
                result[name] = {str(step): number for step, number in sorted(steps.items())}
            else:
                result[name] = sum(values)
        if "quality_histogram" in result:
            result["quality_quantiles"] = QualityHistogram(result["quality_histogram"]).quantiles()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"--inputs: the counts of their manifests don't fit together ({error}); make them again"
        ) from None
    return result


def total_accounts(readers: Sequence[StageReader]) -> Accounts:
    """The sums of the parts' accounts."""
    names = Accounts.__dataclass_fields__
    return Accounts(*(sum(getattr(reader.accounts, name) for reader in readers) for name in names))


def _listing(readers: Sequence[StageReader]) -> Listing | None:
    """The value for all clips, if each part has one."""
    digests = [reader.manifest.get("listing") for reader in readers]
    return Listing.joined(digest for digest in digests if digest) if all(digests) else None


def _sources(readers: Sequence[StageReader]) -> list[dict[str, str]]:
    """What the parts were made from, each directory once."""
    found: dict[str, dict[str, str]] = {}
    for reader in readers:
        for source in reader.manifest.get("sources", ()):
            found.setdefault(str(source.get("path")), source)
    return list(found.values())
