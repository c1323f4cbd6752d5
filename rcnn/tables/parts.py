"""The parts of a stage directory: which must exist, and whether their bytes are those that were written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .. import files
from ..errors import InputError
from .schema import CLIPS, KINDS, MANIFEST

SUFFIX = ".parquet"


def parts_there(path: str, stage: str) -> dict[str, list[str]]:
    """Names of the parts in each table's folder, sorted; `clips` is one of the tables."""
    found = {}
    for table in (KINDS[stage].table, CLIPS):
        folder = files.join(path, table)
        there = files.names(folder) if files.is_dir(folder) else ()
        found[table] = sorted(name for name in there if name.endswith(SUFFIX))
    return found


def differences(there: Mapping[str, Sequence[str]], sums: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Parts on disk that are not in the manifest, then parts of the manifest that are not on disk: `TABLE/PART`, and
    why. Names of the manifest are only compared, never opened.
    """
    found = {f"{table}/{name}" for table, names in there.items() for name in names}
    yield from ((name, "is not in the manifest") for name in sorted(found - sums.keys()))
    yield from ((name, "is missing") for name in sorted(sums.keys() - found))


class Parts:
    """Checks each part of a stage directory against its sha256 before it is first opened.

    Parameters
    ----------
    path : of the directory
    stage : that wrote it
    sums : sha256 of each part, by `TABLE/PART`, as the manifest has them

    Raises
    ------
    InputError
        If a part is missing, or not in the manifest.
    """

    def __init__(self, path: str, stage: str, sums: Mapping[str, str]) -> None:
        self._again = f"make it again with {KINDS[stage].script} --output {path} --overwrite"
        there = parts_there(path, stage)
        for table, names in there.items():
            if not names:
                raise InputError(f"{files.join(path, table)}: has no parts; {self._again}")
        for name, why in differences(there, sums):
            raise InputError(f"{path}: {name} {why}; {self._again}")
        self._sums = {
            files.join(path, table, name): sums[f"{table}/{name}"] for table, names in there.items() for name in names
        }
        self._checked: set[str] = set()
        self.rows, self.clips = (
            [files.join(path, table, name) for name in there[table]] for table in (KINDS[stage].table, CLIPS)
        )

    def sum_of(self, part: str) -> str:
        """The sha256 of a part, as the manifest has it."""
        return self._sums[part]

    def check(self, part: str) -> None:
        """Compare a part with its sum, once.

        Raises
        ------
        InputError
            If they are not those that were written.
        OSError
            If it can't be read.
        """
        if part not in self._checked:
            if files.sha256(part) != self._sums[part]:
                raise InputError(
                    f"{part}: does not have the bytes that were written, by the sha256 in {MANIFEST}; {self._again}"
                )
            self._checked.add(part)
