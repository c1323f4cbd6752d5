"""From a folder of people and some films to a data set of them, in which only what is new is looked into."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..clips.folder import NEITHER, UNREADABLE, Skipped
from ..clips.gather import FLAG, SourceFile, gather, within
from ..clips.in_place import Earlier, Pieces, read_earlier, read_given, write_in_place
from ..clips.known import known_people
from ..clips.layout import write_lines
from ..errors import InputError, UnreadableError
from ..files.text import printable
from ..video.opening import NO_VIDEO
from ..video.pieces import plan_pieces
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .settings import FindSettings

SKIPPED_FILE = "skipped.txt"
NAMED = 3  # skipped files of a reason that are named
OPENED = 8  # files that are opened at once: most of the time they are waited for


@dataclass(frozen=True)
class FilmSet:
    """What is looked for, and where.

    people : files of each person
    labels : of each person
    films : that can be read
    new, changed, gone : films, since the run before
    skipped : files of which no clip is made
    """

    people: Mapping[str, Sequence[SourceFile]]
    labels: Mapping[str, int]
    films: Sequence[SourceFile]
    new: int
    changed: int
    gone: int
    skipped: Sequence[Skipped]

    @property
    def lines(self) -> list[str]:
        """What there is, for people."""
        known = sum(map(len, self.people.values()))
        kept = len(self.films) - self.new - self.changed
        return [
            f"find: {len(self.people)} people with {known} photographs and videos; {len(self.films)} films: {kept} as "
            f"before, {self.new} new, {self.changed} changed; {self.gone} gone",
            *_reasons(self.skipped),
        ]


def make_set(settings: FindSettings, dataset: str) -> FilmSet:
    """Write the data set, or what has changed of it.

    Raises
    ------
    InputError
        If there are no people or no films, or the data set can't be written.
    """
    people_folder = settings.people.absolute()
    inside = [Path(path).absolute() for path in _on_disk(settings.clips) if _below(path, people_folder)]
    output = Path(settings.output).absolute()
    people, skipped = known_people(people_folder, [*inside, output])
    gathered = gather(settings.clips, [settings.output, str(settings.people)])
    more = gather([str(path) for path in inside], [settings.output]) if inside else None
    if more is not None:
        gathered.found = sorted({*gathered.found, *more.found})
        gathered.skipped = sorted({*gathered.skipped, *more.skipped})
    for place in gathered.apart:
        if place == settings.output:
            print(f"find: {place} lies in --clips; nothing in it is taken for a film")
        elif not inside:
            print(f"find: {place} lies in --clips; what is in it shows the people, and is not searched")
    earlier = read_earlier(dataset)
    if settings.overwrite:
        earlier.plans.clear()
    wanted = [file for mine in people.values() for file in mine] + gathered.found
    plans, unreadable = _plan(dict.fromkeys(wanted), earlier)
    skipped = sorted([*skipped, *gathered.skipped, *unreadable])
    films = [film for film in gathered.found if film in plans]
    write_lines(output / SKIPPED_FILE, (f"{' '.join(skip.file.split())}\t{skip}" for skip in skipped))
    if not films:
        why = _reasons([*gathered.skipped, *unreadable]) or ["what shows the people is not searched" if gathered.apart else "it is empty"]
        raise InputError(
            f"{FLAG} {' '.join(settings.clips)}: holds no film and no photograph that can be read: {'; '.join(why)}; "
            "give a folder of films"
        )
    readable = {name: [file for file in mine if file in plans] for name, mine in people.items()}
    if not any(readable.values()):
        raise InputError(
            f"--people {settings.people}: holds no photograph and no video that can be read; {'; '.join(_reasons(skipped))}"
        )
    try:
        write_in_place(dataset, readable, films, plans, earlier)
    except OSError as error:
        raise InputError(f"{error.filename or dataset}: can't be written: {error.strerror or error}") from None
    known = {file.path for mine in people.values() for file in mine}
    old = {was.path: was for was, _ in earlier.plans.values() if was.path not in known}
    now = {film.path for film in films}
    given = read_given(dataset)
    return FilmSet(
        people, {person: given[person] for person in people}, films, len(now - old.keys()), sum(earlier.pieces(film) is None for film in films if film.path in old),
        len(old.keys() - now), skipped,
    )  # fmt: skip


def _on_disk(paths: Iterable[str]) -> list[str]:
    return [files.plain(path) for path in paths if not files.is_url(path) and os.path.exists(files.plain(path))]


def _below(path: str, folder: Path) -> bool:
    """Whether a path lies in a folder, and is not it."""
    return within(path, str(folder)) and not within(str(folder), path)


def _plan(wanted: Iterable[SourceFile], earlier: Earlier) -> tuple[dict[SourceFile, Pieces], list[Skipped]]:
    """The pieces of each file; those that are not known are looked up in the file."""
    plans = {file: earlier.pieces(file) for file in wanted}
    new = [file for file, pieces in plans.items() if pieces is None]
    skipped = []
    with ThreadPoolExecutor(OPENED) as pool:
        results = progress(pool.map(_pieces_of, new), what="files", unit="file", total=len(new)) if new else ()
        for result, file in until_stopped(zip(results, new, strict=True)):
            if isinstance(result, Skipped):
                skipped.append(result)
            else:
                plans[file] = result
    return {file: pieces for file, pieces in plans.items() if pieces is not None}, skipped


def _pieces_of(file: SourceFile) -> Pieces | Skipped:
    """The pieces of a file, or why it has none."""
    try:
        with files.fetched(file.path) as path:
            return tuple(plan_pieces(path))
    except UnreadableError as error:
        reason = " ".join(str(error).split())
        return Skipped(file.path, NEITHER) if reason == NO_VIDEO else Skipped(file.path, UNREADABLE, reason)
    except OSError as error:
        return Skipped(file.path, UNREADABLE, error.strerror or str(error))


def _reasons(skipped: Sequence[Skipped]) -> list[str]:
    """A line a reason: how many files, and the first of them."""
    lines = []
    for reason, count in Counter(skip.reason for skip in skipped).most_common():
        named = [printable(os.path.basename(skip.file)) for skip in skipped if skip.reason == reason][:NAMED]
        lines.append(f"{count} skipped: {reason} ({', '.join(named)}{', ...' if count > NAMED else ''})")
    return lines
