"""What is meant for the person at the shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


class InputError(Exception):
    """Something that was given is wrong: what, where, and how to mend it, in one line."""


class Stopped(BaseException):
    """A signal asked the run to end. What was done is saved, and the same command goes on.

    Parameters
    ----------
    signal : its number
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


def _program() -> str:
    """What the user called: a script's name, or that of a package that was run with `python -m`."""
    folder, name = os.path.split(sys.argv[0])
    return f"rcnn.{os.path.basename(folder)}" if name == "__main__.py" else name


def run_script(main: Callable[[], None]) -> None:
    """Run `main`; an `InputError` becomes one line on stderr and exit code 2."""
    try:
        main()
    except InputError as error:
        print(f"{_program()}: error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        print(
            f"{_program()}: stopped; what was done is saved, and the same command goes on from there", file=sys.stderr
        )
        sys.stderr.flush()
        sys.stdout.flush()
        os._exit(128 + stopped.signal)  # at once: threads may be deep in a clip whose faces nobody waits for
    except KeyboardInterrupt:
        print(f"{_program()}: stopped before anything was done", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, head for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
