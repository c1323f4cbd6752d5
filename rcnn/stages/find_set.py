"""Makes a data set of a folder of people and some films; only new files are opened."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..clips.folder import Skipped
from ..clips.gather import FLAG, SourceFile, gather
from ..clips.given import read_given
from ..clips.in_place import Earlier, Pieces, read_earlier, write_in_place
from ..clips.known import known_people
from ..clips.layout import write_lines
from ..clips.levels import folders_inside, notes
from ..clips.listed import TO_THE_END
from ..clips.suppressed import Suppressed, forgotten_line
from ..errors import InputError, UnreadableError
from ..files.text import counted, counted_people, counted_photographs, printable
from ..installation import as_called
from ..people.meaning import Given
from ..video.photographs import HEAD_BYTES, is_animation, is_photograph
from ..video.pieces import plan_pieces
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .settings import FindSettings

SKIPPED_FILE = "skipped.txt"
NAMED = 3  # skipped files that are named for each reason
WHOLE = ((0.0, TO_THE_END),)  # of a file that is not cut into pieces


@dataclass(frozen=True)
class FilmSet:
    """The people to find, and the films to search.

    people : files of each person
    labels : of each person
    films : that can be read
    new, changed, gone : films, since the run before
    skipped : files that no clip is made of
    folder : of the people
    forgotten : who is left out of the folder, and how to take them back; empty if nobody is
    """

    people: Mapping[str, Sequence[SourceFile]]
    labels: Mapping[str, int]
    films: Sequence[SourceFile]
    new: int
    changed: int
    gone: int
    skipped: Sequence[Skipped]
    folder: Path
    forgotten: str = ""

    @property
    def notes(self) -> list[str]:
        """What looks like a mistake: a folder of people who are folders, taken for one person; exchanged arguments."""
        inside: dict[str, int] = {}
        folders: dict[str, Path] = {}
        for person, mine in self.people.items():
            places = [Path(os.path.relpath(file.path, self.folder)).parts for file in mine]
            inside[person] = folders_inside("/".join(parts[1:]) for parts in places)
            folders[person] = self.folder / places[0][0]
        return [*self._exchanged(), *notes(inside, "--people", folders)]

    def _exchanged(self) -> list[str]:
        known = [file for mine in self.people.values() for file in mine]
        # each stops early if nothing is wrong
        if not self.films or any(map(_is_still, known)) or not all(map(_is_still, self.films)):
            return []
        return [f"--people holds only videos and {FLAG} only photographs; were they exchanged?"]

    @property
    def lines(self) -> list[str]:
        """The contents, in a sentence."""
        known = sum(map(len, self.people.values()))
        kept = len(self.films) - self.new - self.changed
        return [
            f"find: {counted_people(len(self.people))} with {counted_photographs(known)}; "
            f"{counted(len(self.films), 'film')}: {kept} as before, {self.new} new, {self.changed} changed; "
            f"{self.gone} gone",
            *(f"find: {line}" for line in skipped_lines(self.skipped)),
            *(f"find: {line}" for line in self.notes),
        ]


def make_set(settings: FindSettings, dataset: str, answers: Given | None = None) -> FilmSet:
    """Write the data set, or the changes to it.

    Parameters
    ----------
    answers : that name people

    Raises
    ------
    InputError
        If there are no people or no films, or the data set can't be written.
    """
    people_folder = settings.people.absolute()
    inside = [Path(path).absolute() for path in _on_disk(settings.clips) if _below(path, people_folder)]
    output = Path(settings.output).absolute()
    everybody, skipped = known_people(people_folder, [*inside, output])
    earlier, answers = read_earlier(dataset), answers or Given()
    earlier.name(answers.names)
    gone = Suppressed.read(dataset).among(everybody, earlier.labels)
    people = {person: mine for person, mine in everybody.items() if person not in gone}
    forgotten = _forgotten_line(settings, gone) if gone else ""
    if not people:
        raise InputError(as_called(f"{forgotten}; nobody is left to search for"))
    gathered = gather(settings.clips, [settings.output, str(settings.people)])
    more = gather([str(path) for path in inside], [settings.output]) if inside else None
    if more is not None:
        gathered.found = sorted({*gathered.found, *more.found})
        gathered.skipped = sorted({*gathered.skipped, *more.skipped})
    for place in gathered.apart:
        if place == settings.output:
            print(f"find: {place} is inside --clips; nothing in it is searched")
        elif not inside:
            print(f"find: {place} is inside --clips; its files show the people, and are not searched")
    if settings.overwrite:
        earlier.plans.clear()
    films = gathered.found
    skipped = sorted([*skipped, *gathered.skipped])
    write_skipped(settings.output, skipped)
    if not films:
        why = skipped_lines(gathered.skipped)
        why = why or ["files of the people are not searched" if gathered.apart else "it is empty"]
        raise InputError(
            f"{FLAG} {' '.join(settings.clips)}: contains no film and no photograph: {'; '.join(why)}; give a folder "
            "of "
            "films"
        )
    wanted = [file for mine in people.values() for file in mine] + films
    plans = _plan(dict.fromkeys(wanted), earlier)
    try:
        write_in_place(dataset, people, films, plans, earlier, answers.people)
    except OSError as error:
        raise InputError(f"{error.filename or dataset}: can't be written: {error.strerror or error}") from None
    old, now = earlier.films, {film.path for film in films}
    given = read_given(dataset)
    changed = [film for film in films if film.path in old and earlier.pieces(film) is None]
    return FilmSet(
        people=people,
        labels={
            **{name: label for label, name in answers.people.items()},
            **{person: given[person] for person in people if given[person] not in answers.merged},
        },
        films=films,
        new=len(now - old),
        changed=len(changed),
        gone=len(old - now),
        skipped=skipped,
        folder=people_folder,
        forgotten=forgotten,
    )


def _forgotten_line(settings: FindSettings, gone: Sequence[str]) -> str:
    last = "the same find with --overwrite, which reads their faces in the films again"
    return forgotten_line(gone, f"--people {settings.people}", shlex.quote(settings.output), last)


def _on_disk(paths: Iterable[str]) -> list[str]:
    return [files.plain(path) for path in paths if not files.is_url(path) and os.path.exists(files.plain(path))]


def _below(path: str, folder: Path) -> bool:
    """Whether a path is strictly inside a folder."""
    return files.is_inside(path, str(folder)) and not files.is_inside(str(folder), path)


def _plan(wanted: Iterable[SourceFile], earlier: Earlier) -> dict[SourceFile, Pieces]:
    """The pieces of each file, read from the file if not known yet."""
    known = {file: earlier.pieces(file) for file in wanted}
    plans = {file: pieces for file, pieces in known.items() if pieces is not None}
    new = [file for file in known if file not in plans]
    if new:
        with ThreadPoolExecutor(min(len(new), os.cpu_count() or 1)) as pool:
            found = progress(pool.map(_pieces_of, new), what="files", unit="file", total=len(new))
            plans.update((file, pieces) for pieces, file in until_stopped(zip(found, new, strict=True)))
    return plans


def _pieces_of(file: SourceFile) -> Pieces:
    """The pieces of a file; photographs, which may be many, are recognised without a decoder."""
    return WHOLE if _is_still(file) else tuple(plan_pieces(file.path))


def _is_still(file: SourceFile) -> bool:
    """Whether a file, not in a store, is a photograph."""
    if not files.is_url(file.path):
        with suppress(UnreadableError, OSError):
            return is_photograph(files.read_bytes(file.path, HEAD_BYTES)) and not is_animation(file.path)
    return False


def write_skipped(output: str, skipped: Iterable[Skipped]) -> None:
    """Print for each file why no clip is made of it."""
    write_lines(Path(output) / SKIPPED_FILE, (f"{' '.join(skip.file.split())}\t{skip}" for skip in skipped))


def skipped_lines(skipped: Sequence[Skipped]) -> list[str]:
    """A line for each reason: how many files, and the first of them."""
    lines = []
    for reason, count in Counter(skip.reason for skip in skipped).most_common():
        named = [printable(os.path.basename(skip.file)) for skip in skipped if skip.reason == reason][:NAMED]
        lines.append(f"{count} skipped: {reason} ({', '.join(named)}{', ...' if count > NAMED else ''})")
    return lines
