"""From predictions to the ranked submission and its score."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

import numpy as np

from .. import files
from ..clips.dataset import read_ground_truth
from ..clips.names import find_people, show
from ..clips.sources import find_sources
from ..errors import InputError
from ..files import write_whole
from ..files.lock import Lock, ObjectLock, take_lock
from ..report import gather_report, trace, write_page
from ..scores.metrics import mean_average_precision, score
from ..scores.ranking import Ranking
from ..tables import StageReader
from ..tables.join import Row, join_rows, open_inputs
from ..tables.next_steps import say_next
from ..workers.progress import progress
from .changed_labels import check_labels
from .recipes import check_recipe
from .reranking import Scored, rerank
from .settings import SubmitSettings

ROWS = 1024  # clips in a batch
WORST = 10  # labels named in a line


def submit(settings: SubmitSettings) -> None:
    """Run the stage: sum the predictions, rank, write the submission, print its score if the truth is given.

    With `report` a page of it is written, too. A submission and a page of an earlier run are removed once the inputs
    are checked, before anything is ranked: if the run then fails, nothing is left that could be taken for its result.

    Raises
    ------
    InputError
        If an input is wrong, or the inputs or weights do not match.
    """
    started = time.monotonic()
    readers = open_inputs(settings.inputs, ("predict",))
    check_recipe(settings.recipe, readers)
    weights = settings.weights
    if len(weights) != len(readers):
        raise InputError(f"--weights: {len(weights)} for {len(readers)} inputs; give one for each input")
    classes = {reader.width for reader in readers}
    if len(classes) > 1:
        raise InputError(
            f"--inputs {','.join(settings.inputs)}: have {' and '.join(str(c) for c in sorted(classes))} classes; "
            "sum predictions of classifiers with the same classes"
        )
    truth = read_ground_truth(settings.gt, one_label=True) if settings.gt else None
    if truth is not None:
        check_truth(truth, readers, settings.gt or "")
    when = None if settings.appearances is None else StageReader(settings.appearances, ("appearances",))
    behind = readers if when is None else [*readers, when]
    lineage = trace(behind, [path for path in (settings.gt, settings.names, settings.sources) if path])
    check_labels(lineage)
    people = find_people(settings.names, *lineage.datasets)
    sources = find_sources(settings.sources, *lineage.datasets)
    lineage.say_closed()
    with _held(settings.output):
        for path in (settings.output, settings.report):
            if path:
                files.discard(path)
    ranking = Ranking(classes.pop())
    clips = 0
    with progress(what="submit", unit="clip", total=readers[0].rows) as bar:
        summed = _summed(readers, weights, ranking.classes)
        if settings.rerank is not None or settings.gaps is not None:
            summed = rerank(summed, readers[0], settings)
        for names, scores in summed:
            ranking.add(names, scores)
            clips += len(names)
            bar.update(len(names))
    rows = [reader.rows for reader in readers]
    if settings.gaps is None and not max(rows) <= clips <= sum(rows):
        raise InputError(f"{','.join(settings.inputs)}: {clips} clips were read; run predict.py again")
    result = ranking.result()
    write_submission(settings.output, result)
    placed = len({name for names in result.values() for name in names})
    lines = sum(len(names) for names in result.values())
    print(
        f"submit: {clips} clips, {len(result)} labels, {lines} entries, {time.monotonic() - started:.1f} s "
        f"-> {settings.output}"
    )
    print(
        f"accounts: {' and '.join(str(reader.accounts) for reader in readers)}; of {clips} with scores "
        f"{placed} are in the submission, {clips - placed} are not"
    )
    for line in lineage.heads:
        print(line)
    if truth is not None:
        print_score(result, truth, settings.gt or "", people)
    if settings.report:
        title = f"Who is in which clip: {settings.output}"
        report = gather_report(
            title,
            ranking.scored(),
            truth,
            people,
            lineage,
            settings.report_people,
            when,
            settings.report,
            sources,
        )
        size = write_page(settings.report, report)
        print(f"report: {len(report.people)} of {report.all_people} people, {size / 1e6:.1f} MB -> {settings.report}")
        say_next(f"open {settings.report} in a browser")


def _summed(readers: Sequence[StageReader], weights: Sequence[float], classes: int) -> Iterator[Scored]:
    """All clips, sorted by name, with the weighted sums of the inputs' scores."""
    rows: Iterator[Row] = join_rows(readers)
    while gathered := list(islice(rows, ROWS)):
        total = np.zeros((len(gathered), classes), np.float32)
        for index, row in enumerate(gathered):
            if any(character.isspace() for character in row.name) or not row.name:
                raise InputError(
                    f"{readers[0].path}: clip {row.name!r} can't be written to a submission; rename the clip"
                )
            for weight, vector in zip(weights, row.vectors, strict=True):
                if vector is not None:
                    total[index] += np.float32(weight) * vector
        yield [row.name for row in gathered], total


def check_truth(truth: Mapping[int, Sequence[str]], readers: Sequence[StageReader], where: str) -> None:
    """Print how many names of the truth are in no input, with or without a face; they count as not found.

    Raises
    ------
    InputError
        If none of them is: then it is the truth of other clips.
    """
    wanted = {name for names in truth.values() for name in names}
    unknown = set(wanted)
    for reader in readers:
        for batch in reader.clips():
            unknown.difference_update(batch.column("name").to_pylist())
    if unknown == wanted:
        raise InputError(f"--gt {where}: none of its {len(wanted)} clips is in the inputs; give the truth of these")
    if unknown:
        print(f"--gt {where}: {len(unknown)} of its {len(wanted)} clips are unknown, for example {min(unknown)!r}")


def write_submission(path: str, ranking: Mapping[int, Sequence[str]]) -> None:
    """`LABEL NAME NAME ...` a line, labels in order; it appears whole or not at all.

    Raises
    ------
    InputError
        If it can't be written, or another process is writing it.
    """

    def write(temporary: str) -> None:
        with open(temporary, "w", encoding="utf-8") as file:
            for label, names in sorted(ranking.items()):
                file.write(" ".join([str(label), *names]) + "\n")

    with _held(path) as lock:
        write_whole(path, write)
        lock.check()


@contextmanager
def _held(path: str) -> Iterator[Lock | ObjectLock]:
    """Lock a submission; raises InputError if another process writes it, or the file can't be written."""
    try:
        if not files.is_url(path):
            files.check_replaceable(files.plain(path))
        files.make_dir(files.parent(path))
        lock = take_lock(files.suffixed(path, ".lock"), path, "--output")
        try:
            yield lock
        finally:
            lock.release()
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}; give another --output") from None


def print_score(
    ranking: Mapping[int, Sequence[str]],
    truth: Mapping[int, Sequence[str]],
    where: str,
    people: Mapping[int, str] | None = None,
) -> None:
    """Print MAP@100, coverage and the worst labels, with their names if `people` has them."""
    scores = score(ranking, truth)
    covered = sum(item.label in ranking for item in scores)
    print(f"MAP@100 {mean_average_precision(scores):.4f} over {len(scores)} labels of {where}, {covered} covered")
    for item in sorted(scores, key=lambda item: (item.ap, item.label))[:WORST]:
        print(f"  {show(item.label, people or {})}: AP {item.ap:.4f}, {item.found} of {item.positives} clips found")
