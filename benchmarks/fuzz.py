"""Coverage-guided fuzzing of the readers of checkpoints and pickles: only our own error may be raised.

    pip install -r requirements-fuzz.txt
    python benchmarks/fuzz.py --executions 5000000 --found ./fuzz-found

Each target of hostile.py and hostile_pickles.py runs in a process of its own, on one core. Inputs that raise anything
else are saved, one per source line, and counted; the run continues. The same applies to inputs that take more than 32
MiB of memory or a second of processor time. Inputs for the test suite go to
tests/networks/checkpoint/hostile/TARGET.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]  # rcnn is not imported here: atheris must instrument the import
# one target per process, as libFuzzer requires
START = """
import sys
sys.path.insert(0, sys.argv[1])
import fuzz
fuzz.fuzz(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
"""
KEPT = ROOT / "tests/networks/checkpoint/hostile"  # inputs replayed by the test suite
LONGEST = {"arrays": 600, "symbol": 4000, "pickle": 1200}  # maximum bytes of an input
MEMORY_BYTES = 512 << 20  # of address space in addition to that at the start
JUMP_KIB = 32 << 10  # limit of the growth of peak resident memory by one input
SLOW_SECONDS = 1.0
TOKENS = (
    b"\x12\x01\x00\x00\x00\x00\x00\x00", b"\xc8\xfa\x93\xf9", b"\xc9\xfa\x93\xf9", b"\xca\xfa\x93\xf9",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"arg:", b"aux:", b"\x00\x00\x00\x00",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2, 3, 99, 1 << 31, 1 << 63, 10**40, -0.5, 1e308, "", "()", "(0,)", "(-1, -1)", "(1, 1)",
    "(65536, 65536)", "[2, 2]", "99999999999999999999", "None", "nan", "inf", "1e999", "-3", "True", "\ud800", "null",
    [], {}, [0, 0], [1, 0, 0], [-1, 0], [[]], {"": ""},
)  # fmt: skip


def mutated(document: Any, rng: random.Random) -> Any:
    """The document with one part replaced, duplicated, removed or moved."""
    places: list[tuple[Any, Any]] = []
    waiting = [document] if isinstance(document, dict | list) else []
    while waiting:
        part = waiting.pop()
        for key in part if isinstance(part, dict) else range(len(part)):
            places.append((part, key))
            if isinstance(part[key], dict | list):
                waiting.append(part[key])
    if not places:
        return rng.choice(VALUES)
    part, key = rng.choice(places)
    choice = rng.randrange(6)
    if choice == 0:
        del part[key]
    elif choice == 1:
        part[key] = rng.choice(VALUES)
    elif choice == 2:
        other, name = rng.choice(places)
        part[key] = json.loads(json.dumps(other.get(name) if isinstance(other, dict) else _at(other, name)))
    elif choice == 3 and isinstance(part, list):
        part.insert(key, json.loads(json.dumps(part[key])))
    elif choice == 4 and isinstance(part[key], str):
        text = part[key]
        at = rng.randrange(len(text) + 1)
        part[key] = text[:at] + rng.choice("0123456789-,() eL\x00") + text[at + rng.randrange(2) :]
    elif isinstance(part[key], int):
        part[key] += rng.choice((-1, 1))
    else:
        part[key] = rng.choice(VALUES)
    return document


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def fuzz(target: str, executions: int, seed: int, found: str) -> None:
    """Run one target in this process; never returns, because libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["rcnn.networks.checkpoint", "rcnn.files.pickled"]):
        import hostile
        import hostile_pickles

    check = {**hostile.TARGETS, "pickle": hostile_pickles.check_pickle}[target]
    seeds = {**hostile.SEEDS, "pickle": hostile_pickles.pickle_seeds}[target]()
    faults: set[str] = set()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def keep(data: bytes, what: str) -> None:
        if what not in faults:
            faults.add(what)
            name = hashlib.sha256(data).hexdigest()[:12]
            Path(found, f"{target}-{name}").write_bytes(data)
            print(f"fault: {name}: {what}", flush=True)

    def run(data: bytes) -> None:
        nonlocal peak
        begun = time.process_time()
        try:
            check(data)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            keep(data, f"{type(error).__name__} in {os.path.basename(place.filename)}:{place.lineno}")
        if time.process_time() - begun > SLOW_SECONDS:
            keep(data, "slow")
        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if now - peak > JUMP_KIB:
            keep(data, "memory")
        peak = now

    def mutate(data: bytes, longest: int, number: int) -> bytes:
        if number % 2:
            try:
                result = json.dumps(mutated(json.loads(data), random.Random(number)), separators=(",", ":")).encode()
            except (ValueError, RecursionError):
                result = b""
            if 0 < len(result) <= longest:
                return result
        return atheris.Mutate(data, longest)

    with tempfile.TemporaryDirectory() as folder:
        kept = [path.read_bytes() for path in sorted(KEPT.glob(f"{target}/*"))]
        for number, data in enumerate([*seeds, *kept]):
            Path(folder, f"{number:04d}").write_bytes(data)
        words = Path(folder, "words.txt")
        escaped = ["".join(rf"\x{byte:02x}" for byte in token) for token in TOKENS]
        words.write_text("".join(f'"{token}"\n' for token in escaped))
        flags = [f"-runs={executions}", f"-seed={seed}", f"-max_len={LONGEST[target]}", "-print_final_stats=1"]
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
        arguments = [sys.argv[0], *flags, f"-dict={words}", "-rss_limit_mb=0", folder]
        atheris.Setup(arguments, run, **({"custom_mutator": mutate} if target == "symbol" else {}))
        atheris.Fuzz()


def main() -> None:
    from rcnn.commands.arguments import Parser, positive, whole

    parser = Parser(__doc__, "python benchmarks/fuzz.py --executions 5000000 --found ./fuzz-found")
    add = parser.add_argument
    add("--executions", default=5_000_000, type=positive, metavar="N", help="executions of each target")
    add("--targets", default="arrays,symbol,pickle", metavar="A,B", help="targets to fuzz")
    add("--found", default="./fuzz-found", metavar="DIR", help="folder for inputs that cause faults")
    add("--seed", default=1, type=whole, metavar="N", help="seed of the mutations; 0 for a random one")
    args = parser.parse_args()
    found = Path(args.found)
    found.mkdir(parents=True, exist_ok=True)
    print(
        f"{'target':<10}{'executions':>12}{'seconds':>9}{'edges':>7}{'features':>10}{'corpus':>8}{'MB':>6}{'faults':>8}"
    )
    for target in args.targets.split(","):
        begun = time.monotonic()
        child = (str(ROOT / "benchmarks"), target, str(args.executions), str(args.seed), str(found))
        command = [sys.executable, "-c", START, *child]
        log = found / f"{target}.log"
        with open(log, "wb") as file:
            code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT).returncode
        text = log.read_text(errors="replace")
        pulses = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/", text) or [("0", "0", "0")]
        done = re.findall(r"number_of_executed_units: (\d+)", text) or ["0"]
        megabytes = re.findall(r"peak_rss_mb: +(\d+)", text) or ["0"]
        faults = text.count("fault: ") + (code != 0)
        row = (f"{target:<10}{done[-1]:>12}{time.monotonic() - begun:>9.0f}", *pulses[-1], megabytes[-1], faults)
        print("{}{:>7}{:>10}{:>8}{:>6}{:>8}".format(*row), flush=True)
        for line in re.findall(r"fault: .*", text):
            print(f"  {line}")
        if code:
            print(f"  ended with exit code {code}; see {log}")


if __name__ == "__main__":
    from rcnn.errors import run_script

    run_script(main)
