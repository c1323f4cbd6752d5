"""A worker process: this module, run by `ProcessPool`. Receives a job, then units, and answers; ends with its
driver."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

from .life import Signs, shared_numbers

READY, DONE, FAILED = "ready", "done", "failed"
OUT_OF_MEMORY = 77  # exit code


def attempt(step: Any, items: Any) -> tuple[str, Any]:
    """DONE and the results, or FAILED and an error that can be sent. A worker without memory ends.

    Parameters
    ----------
    step : of `Job.build`
    items : of a unit
    """
    from ..errors import InputError

    try:
        return DONE, step(items)
    except InputError as error:
        return FAILED, error
    except Exception as error:
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # PyTorch's
            os._exit(OUT_OF_MEMORY)
        return FAILED, RuntimeError(f"in a worker: {''.join(traceback.format_exception(error))}")


def serve(connection: Connection, signs: Signs, threads: int) -> None:
    """Answer the driver until it is gone."""
    from .jobs import about
    from .pipeline import limit_cores

    try:
        job, gpu = connection.recv()
    except (EOFError, OSError):
        return
    limit_cores(threads)
    kind, step = attempt(lambda device: job.build(device), gpu)
    if kind == FAILED:
        connection.send((FAILED, 0, step))
        return
    units: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
    sending = threading.Lock()

    def work(thread: int) -> None:
        while True:
            number, items = units.get()
            with signs.working(thread, number):
                kind, value = attempt(step, items)
            with sending, contextlib.suppress(ConnectionError):  # the driver is gone, which the main thread sees, too
                connection.send((kind, number, value))

    for thread in range(threads):
        threading.Thread(target=work, args=(thread,), daemon=True).start()
    with sending:
        connection.send((READY, 0, about(step)))
    while True:
        units.put(connection.recv())


def main() -> None:
    # exits at once: threads may be deep in a clip that nobody waits for, and their decoders end when their pipes close
    from ..errors import print_log

    print_log()
    try:
        connection, memory, threads = map(int, sys.argv[1:4])
        serve(Connection(connection), Signs(shared_numbers(memory, threads)), threads)
    except (EOFError, OSError):
        os._exit(0)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
