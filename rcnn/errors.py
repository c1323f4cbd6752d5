"""Errors and output for the user."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from .installation import NOT_BUILT, PROGRAM, as_called, how_to_install, how_to_set_up

STDOUT, STDERR = 1, 2  # numbers of files
ERRORS = "backslashreplace"  # names of files need not be UTF-8, nor the terminal
TORCH = "torch"  # what training and CUDA need; the rest works without it
HEARD = 1.0  # seconds in which one of several processes says its line, before torchrun sees another end
# torchrun starts a command several times; the first process alone says what there is to say.
_speaks = "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK", "0") == "0"

_saved = False  # whether this run has saved a part, or found one of an earlier run


class InputError(Exception):
    """An input is wrong: what, where, and how to fix it, in one line.

    Parameters
    ----------
    paste : lines printed after it, to be copied into a file as they are
    """

    def __init__(self, message: str = "", paste: str = "") -> None:
        super().__init__(message)
        self.paste = paste


class ArgumentError(InputError, ValueError):
    """An `InputError` of a call from Python: names the argument, and is a `ValueError`, too.

    `InputError` itself is none: where files are read, `except ValueError` means that a value in them is wrong, and must
    not catch what is meant for people.
    """


class Stopped(BaseException):
    """A signal asked the run to end. Its progress is saved, and the same command resumes.

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


def note_saved() -> None:
    """Record that a part of the work is saved, so that a stopped run can resume."""
    global _saved
    _saved = True


def _program() -> str:
    """What the user ran: a script's name, or `rcnn` with the name of a command."""
    name = os.path.basename(sys.argv[0])
    return PROGRAM if name == "__main__.py" else name


def what_is_lacking(module: str) -> str:
    """The line for a module that can't be imported, with the command that brings it; empty for one of ours."""
    if module == TORCH:
        return f"needs PyTorch, which is not installed; {how_to_install('train')}"
    if module.startswith(f"{__package__}.cython."):
        return as_called(f"{NOT_BUILT}; run make there and . .venv/bin/activate, or the command rcnn in another folder")
    if module.partition(".")[0] in ("", __package__):
        return ""
    return f"needs {module}, which {sys.executable} does not have; {how_to_set_up()}"


def run_script(main: Callable[[], None], resumes: bool = False) -> None:
    """Run `main`; an `InputError` becomes one line on stderr and exit code 2.

    Parameters
    ----------
    resumes : whether all that it writes appears whole or not at all and the same command resumes. SIGINT and SIGTERM
        then end the process at once, where `rcnn.workers.signals` says nothing else.
    """
    _open_streams()
    print_log()
    if resumes:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
    try:
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise
        _check_heard()
    except ModuleNotFoundError as error:
        lacks = what_is_lacking(error.name or "")
        if not lacks:
            raise
        print(f"{_program()}: error: {lacks}", file=sys.stderr)
        sys.exit(2)
    except InputError as error:
        if not _speaks:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            time.sleep(HEARD)
            sys.exit(2)
        print(f"{_program()}: error: {as_called(' '.join(str(error).split()))}", file=sys.stderr)
        if error.paste:
            print(error.paste, file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        sys.stdout.flush()
        _stop(stopped.signal)
    except KeyboardInterrupt:
        print(f"{_program()}: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, head for one, has seen enough
        sys.exit(1)


class _Printed(logging.Handler):
    """What the library logs at INFO, printed: each line once, for several threads may load the same model."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if line not in self._said:
            self._said.add(line)
            print(line, flush=True)


def print_log() -> None:
    """Print what the library logs, as the scripts do."""
    log = logging.getLogger(__package__)
    if not any(isinstance(handler, _Printed) for handler in log.handlers):
        log.addHandler(_Printed())
        log.setLevel(logging.INFO)


class _Lines(io.FileIO):
    """Standard output or standard error, which may be full or closed: the work goes on, without the lines.

    `lost` is why, where a line could not be written.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        self.lost: OSError | None = None

    def write(self, data: Any) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            first, self.lost = self.lost is None, self.lost or error
            if first and isinstance(error, BrokenPipeError) and self.fileno() == STDOUT:
                raise
            return memoryview(data).nbytes


def _open_streams() -> None:
    """Make standard output and standard error such as lose lines and not the run, and show names in any encoding.

    Where one of the three is closed, the next file that is opened would get its number, and with it what libraries say.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # it takes the lowest number that is free; writing to it is the error that it was
            os.set_inheritable(os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY), True)
    sys.stdout, sys.stderr = _lines(sys.stdout, STDOUT), _lines(sys.stderr, STDERR)


def _lines(stream: Any, number: int) -> Any:
    try:
        own = stream is None or stream.fileno() == number
    except (OSError, ValueError, AttributeError):
        own = False  # somebody else listens in this process
    if not own:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)
        return stream
    encoding = stream.encoding if stream is not None else None
    raw = _Lines(number)
    at_once = number == STDERR or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, ERRORS, line_buffering=at_once)


def _check_heard() -> None:
    """Raise InputError if lines for standard output were lost."""
    sys.stdout.flush()
    lost = getattr(getattr(getattr(sys.stdout, "buffer", None), "raw", None), "lost", None)
    if lost is not None:
        raise InputError(
            f"standard output: can't be written: {lost.strerror or lost}; lines are lost, the files that were written "
            "are whole; send it elsewhere and give the same command"
        )


def _stop(number: int, frame: FrameType | None = None) -> NoReturn:
    goes_on = "what was done is saved, and the same command resumes from there"
    line = f"{_program()}: stopped; {goes_on if _saved else 'give the same command again'}\n"
    with contextlib.suppress(OSError):
        if _speaks:
            os.write(2, line.encode())  # print is not for signal handlers: it may be in the middle of a line itself
    os._exit(128 + number)  # at once: threads may be deep in a clip whose faces nobody waits for


class UnreadableError(Exception):
    """An unreadable clip or photograph; says why, in one line."""
