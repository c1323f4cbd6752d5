"""The first load and run of a third-party ONNX file, in a separate process with limits.

A file of some hundred bytes can ask for 16 GB of constants or for a loop of 2^62 turns, which no reader refuses. Files
that pass are recorded by their sha256 in the user's cache directory, and models in `model/zoo.toml` are not tried, so
the half second is paid once per file.
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

CPU_SECONDS = 60  # of all threads together; and one more for each
CPU_BYTES = 10 << 20  # of the file
WALL_SECONDS = 900.0  # on a machine that is busy with other things
MEMORY_BYTES = 6 << 30  # of address space beside what the libraries take, and
MEMORY_FACTOR = 8  # bytes for each byte of the file
PROCESSORS = 4  # that it runs on: each thread takes address space of its own
SIZES = ((112, 112), (480, 888))  # height, width in pixels, where they are open
ROWS = 1024  # of vectors, where their number is open
OUT_OF_MEMORY = 3  # exit code
MEMORY_SIGNS = ("bad_alloc", "allocate", "out of memory")
ROOT = str(Path(__file__).resolve().parents[3])


def try_onnx(path: str, engine: str) -> None:
    """Load and run an ONNX file, unless it is known.

    Parameters
    ----------
    path : of a file that is there
    engine : "openvino" or "onnxruntime"

    Raises
    ------
    InputError
        If it needs more memory or time than any network that is meant for this, or ends the process.
    """
    from ..zoo.registry import by_sha256

    digest = sha256(path)
    beside = f"{path}.data"
    name = f"{engine}-{digest}" + (f"-{sha256(beside)}" if os.path.isfile(beside) else "")
    if by_sha256(digest) is not None or is_passed(name):
        return
    if problem := _problem(path, engine):
        raise InputError(f"{path}: {problem} in its first run, so it is not used; get the model from its makers")
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
    """What is wrong with the first run; empty if nothing is."""
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
    """Try the file that the arguments name, with their limits. Ordinary errors are left to the loader."""
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
    except InputError as error:  # it may not take this size
        if any(sign in str(error) for sign in MEMORY_SIGNS):
            raise


def _shapes(given: tuple[int | None, ...]) -> Iterator[tuple[int, ...]]:
    """Inputs to run it on: of the sizes that it names, and where they are open of those that it is used with."""
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
