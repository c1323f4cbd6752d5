"""The first load and run of a third-party ONNX file, in a separate process with limits.

A file of some hundred bytes can request 16 GB of constants or a loop of 2^62 iterations, which no reader rejects. Files
that pass are recorded by their sha256 in the user's cache directory, and models in `model/zoo.toml` are exempt, so the
half second is spent once per file.
"""

from __future__ import annotations

import itertools
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ...errors import InputError
from ...files import create, make_inner_dir, sha256
from ...files.cache import cache_folder

CPU_SECONDS = 60  # over all threads; plus one for each
CPU_BYTES = 10 << 20  # bytes of the file
WALL_SECONDS = 900.0  # generous, for a busy machine
MEMORY_BYTES = 6 << 30  # of address space in addition to the libraries', plus
MEMORY_FACTOR = 8  # bytes per byte of the file
PROCESSORS = 4  # limit, because each thread needs its own address space
SIZES = ((112, 112), (480, 888))  # height, width in pixels, used if dynamic
ROWS = 1024  # of vectors, if their number is dynamic
OUT_OF_MEMORY = 3  # exit code
MEMORY_SIGNS = ("bad_alloc", "allocate", "out of memory")
ROOT = str(Path(__file__).resolve().parents[3])


def try_onnx(path: str, engine: str) -> None:
    """Load and run an ONNX file, unless it has passed before.

    Parameters
    ----------
    path : of an existing file
    engine : "openvino" or "onnxruntime"

    Raises
    ------
    InputError
        If it needs more memory or time than any suitable network, or ends the process.
    """
    from ..zoo.registry import by_sha256

    digest = sha256(path)
    beside = f"{path}.data"
    name = f"{engine}-{digest}" + (f"-{sha256(beside)}" if os.path.isfile(beside) else "")
    if by_sha256(digest) is not None or is_passed(name):
        return
    if problem := _problem(path, engine):
        raise InputError(f"{path}: {problem} in its first run, so it is not used; get the model from its publisher")
    pass_it(name)


def is_passed(name: str) -> bool:
    """Whether a check with this name has passed before."""
    return os.path.exists(os.path.join(_folder(), name))


def pass_it(name: str) -> None:
    """Record that a check has passed; if that is not possible, it is repeated next time."""
    verdict = os.path.join(_folder(), name)
    try:
        make_inner_dir(os.path.dirname(verdict))
        create(verdict).close()
    except (OSError, InputError):
        return


def _folder() -> str:
    return cache_folder("rcnn-tried")


def _problem(path: str, engine: str) -> str:
    """The problem of the first run; empty if there is none."""
    size = os.path.getsize(path)
    seconds = CPU_SECONDS + size // CPU_BYTES
    memory = MEMORY_BYTES + MEMORY_FACTOR * size
    command = [sys.executable, "-m", __name__, path, engine, str(seconds), str(memory)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([ROOT, *map(os.path.abspath, sys.path)])),
        "MALLOC_ARENA_MAX": "2",
    }
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            env=environment,
            timeout=WALL_SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return f"takes more than {WALL_SECONDS:g} s"
    if done.returncode == OUT_OF_MEMORY:
        return f"asks for more than {memory / (1 << 30):.1f} GiB of memory"
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"takes more than {seconds} s of processor time"
    return f"ends the process with exit code {done.returncode}" if done.returncode else ""


def main() -> None:
    """Try the file named by the arguments, with their limits. Ordinary errors are left to the loader."""
    path, engine, seconds, memory = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    os.sched_setaffinity(0, itertools.islice(sorted(os.sched_getaffinity(0)), PROCESSORS))
    from .load_onnx import load_onnx_network
    from .network import CPU
    from .onnx_graph import OnnxGraph

    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, _address_space() + memory)
    _limit(resource.RLIMIT_CPU, seconds)
    try:
        graph = OnnxGraph(path, tried=True)
        for shape in _shapes(graph.input_shape):
            _run(load_onnx_network(graph, device=CPU, engine=engine, tried=True), shape)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:
        os._exit(OUT_OF_MEMORY if any(sign in str(error) for sign in MEMORY_SIGNS) else 0)
    os._exit(0)


def _run(network: object, shape: tuple[int, ...]) -> None:
    import numpy as np

    try:
        network(np.zeros(shape, np.float32))  # type: ignore[operator]
    except InputError as error:  # it may not accept this size
        if any(sign in str(error) for sign in MEMORY_SIGNS):
            raise


def _shapes(given: tuple[int | None, ...]) -> Iterator[tuple[int, ...]]:
    """Input shapes for the trial: with the file's sizes, and typical ones where they are dynamic."""
    if len(given) == 4:
        sizes = [(given[2] or height, given[3] or width) for height, width in SIZES]
        yield from dict.fromkeys((given[0] or 1, given[1] or 3, height, width) for height, width in sizes)
    elif given and None not in given[1:]:
        yield (given[0] or ROWS, *(size for size in given[1:] if size is not None))


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
