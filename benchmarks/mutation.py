"""Mutation testing: changes the code in small ways, one at a time, and counts the changes that no test detects.

    make mutation
    .venv/bin/python benchmarks/mutation.py tracking pooling --survivors

The tool is mutmut: it imports the tests once, forks for every change, and runs the tests that reach the changed
function. `[tool.mutmut]` in pyproject.toml names the modules and the tests, which need neither ../shared nor a model.
The table has a row per module: detectable changes, how many were detected and how many survived; and separately the
equivalent changes, which mutation_equivalent.toml lists with the reason. The exit code is 1 if at least one in ten
survives.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = Path(__file__).with_name("mutation_equivalent.toml")
WORK = ROOT / "mutants"  # of mutmut: changed code, copies of the tests, and results
LARGEST_SHARE = 0.1  # maximum share of surviving changes
NOTICED = ("killed", "timeout", "segfault", "suspicious")  # any outcome except passing tests
MISSED = ("survived", "no tests")


@dataclass(frozen=True)
class Change:
    """A change that no test detected.

    function : the changed function, with its module
    was, now : the differing lines
    """

    function: str
    was: str
    now: str


@dataclass(frozen=True)
class Row:
    """Results of the changes to a module."""

    module: str
    noticed: int
    survivors: tuple[Change, ...]
    equivalent: tuple[Change, ...]

    @property
    def total(self) -> int:
        """Number of detectable changes."""
        return self.noticed + len(self.survivors)


def modules() -> dict[str, Path]:
    """Modules to change, by their last name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    return {Path(path).stem: Path(path) for path in settings["only_mutate"]}


def run(path: Path) -> None:
    """Run mutmut on all changes to a module."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    pattern = f"{str(path.with_suffix('')).replace(os.sep, '.')}.*"
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", "1", pattern]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.exit(f"mutmut ended with {done.returncode} at {path}:\n{done.stdout[-4000:]}")


def known_equivalents() -> dict[Change, str]:
    """The equivalent changes, with the reason."""
    return {
        Change(entry["function"], entry["was"], now): entry["reason"]
        for entry in tomllib.loads(EQUIVALENT.read_text())["equivalent"]
        for now in entry["now"]
    }


def summary(path: Path, known: dict[Change, str]) -> Row:
    """Collect mutmut's results for a module."""
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code

    data = SourceFileMutationData(path=path)
    data.load()
    ends = {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
    unknown = Counter(end for end in ends.values() if end not in (*NOTICED, *MISSED))
    if unknown or not ends:
        sys.exit(f"{path}: of {len(ends)} changes some have no result: {dict(unknown)}")
    changes = [_change(name, path) for name, end in ends.items() if end in MISSED]
    return Row(
        path.stem,
        sum(end in NOTICED for end in ends.values()),
        tuple(change for change in changes if change not in known),
        tuple(change for change in changes if change in known),
    )


def _change(name: str, path: Path) -> Change:
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    function, holder = orig_function_and_class_names_from_key(name)
    lines = get_diff_for_mutant(name, path=path).split("\n")[3:]
    sides = [" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"]
    where = [str(path.with_suffix("")).replace(os.sep, "."), holder, function]
    return Change(".".join(part for part in where if part), *sides)


def print_table(rows: Sequence[Row]) -> None:
    """Print a row per module, and a total."""
    print("| module | changes | noticed | survived | share | equivalent |\n|---|---|---|---|---|---|")
    for row in rows:
        share = len(row.survivors) / row.total
        counts = f"{row.total} | {row.noticed} | {len(row.survivors)} | {share:.1%} | {len(row.equivalent)}"
        print(f"| {row.module} | {counts} |")


def main() -> None:
    """Run the requested modules and print the table."""
    known_modules = modules()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(known_modules)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"one of {names}; default: all")
    parser.add_argument("--survivors", action="store_true", help="print every change that survived")
    parser.add_argument("--no-run", action="store_true", help="print what the last run found")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.modules) - known_modules.keys()):
        parser.error(f"{', '.join(unknown)}: none of {names}")
    chosen = [known_modules[name] for name in arguments.modules or known_modules]
    os.chdir(ROOT)  # mutmut reads its settings there
    started = time.monotonic()
    if not arguments.no_run:
        shutil.rmtree(WORK, ignore_errors=True)
        for path in chosen:
            run(path)
    known = known_equivalents()
    rows = [summary(path, known) for path in chosen]
    survivors = tuple(change for row in rows for change in row.survivors)
    equivalent = tuple(change for row in rows for change in row.equivalent)
    whole = Row("all", sum(row.noticed for row in rows), survivors, equivalent)
    print_table([*rows, whole])
    if not arguments.no_run:
        print(f"{time.monotonic() - started:.0f} s")
    if arguments.survivors:
        for change in survivors:
            print(f"\n{change.function}\n  - {change.was}\n  + {change.now}")
    if len(survivors) >= LARGEST_SHARE * whole.total:
        sys.exit(1)


if __name__ == "__main__":
    main()
