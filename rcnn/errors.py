"""What is meant for the person at the shell."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

HEARD = 1.0  # seconds in which one of several processes says its line, before torchrun sees another end
# torchrun starts a command several times; the first process alone says what there is to say.
_speaks = "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK", "0") == "0"


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


def speak(whether: bool) -> None:
    """Whether this process, one of several that do the same, prints the line of its end."""
    global _speaks
    _speaks = whether


def _program() -> str:
    """What the user called: a script's name, or `rcnn` with the name of a command."""
    name = os.path.basename(sys.argv[0])
    return "rcnn" if name == "__main__.py" else name


def run_script(main: Callable[[], None], resumes: bool = False) -> None:
    """Run `main`; an `InputError` becomes one line on stderr and exit code 2.

    Parameters
    ----------
    resumes : whether all that it writes appears whole or not at all and the same command goes on. SIGINT and SIGTERM
        then end the process at once, where `rcnn.workers.signals` says nothing else.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8, nor the terminal
    if resumes:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
    try:
        main()
    except InputError as error:
        if not _speaks:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            time.sleep(HEARD)
            sys.exit(2)
        print(f"{_program()}: error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        sys.stdout.flush()
        _stop(stopped.signal)
    except KeyboardInterrupt:
        print(f"{_program()}: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, head for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _stop(number: int, frame: FrameType | None = None) -> NoReturn:
    line = f"{_program()}: stopped; what was done is saved, and the same command goes on from there\n"
    with contextlib.suppress(OSError):
        if _speaks:
            os.write(2, line.encode())  # print is not for signal handlers: it may be in the middle of a line itself
    os._exit(128 + number)  # at once: threads may be deep in a clip whose faces nobody waits for


class UnreadableError(Exception):
    """A clip or photograph that can't be read; says why, in one line."""
