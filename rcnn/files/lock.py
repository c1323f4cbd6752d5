"""One run at a time on an output."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat

from .. import files
from ..errors import InputError
from .object_lock import ObjectLock
from .writing import FILE_MODE

LOCK = "lock"
OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # O_NONBLOCK so that a pipe does not block


def take_lock(file: str, output: str, flag: str) -> Lock | ObjectLock:
    """Lock an output, on disk or in an object store; arguments and errors are those of `Lock`."""
    if files.is_url(file):
        return ObjectLock(file, output, flag)
    return Lock(files.plain(file), output, flag)


def is_lock(name: str) -> bool:
    """Whether a file or object in an output is a lock."""
    return name == LOCK or name.startswith(f"{LOCK}-")


class Lock:
    """Locks an output until `release` or the end of the process, however it ends.

    The system releases the lock of a dead process, so a leftover file blocks nobody.

    Parameters
    ----------
    file : of the lock, in a directory that exists
    output : the locked output, for messages
    flag : option that gives another output

    Raises
    ------
    InputError
        If another process holds it; says which, and on which host. If the lock file is a link or not a file.
    """

    def __init__(self, file: str, output: str, flag: str) -> None:
        self._file, self._output = file, output
        while True:
            self._descriptor = self._opened()
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(self._descriptor, 200, 0).decode(errors="replace").strip() or "another process"
                os.close(self._descriptor)
                raise InputError(f"{output}: {holder} writes there; wait for its end or give another {flag}") from None
            except OSError:  # a file system without locks
                os.close(self._descriptor)
                raise
            if self._current():
                break
            os.close(self._descriptor)  # its holder has just removed the file
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def _opened(self) -> int:
        """Open the file, which is truncated later; raises InputError if it is a link, or has a second name."""
        try:
            descriptor = os.open(self._file, OPEN, FILE_MODE)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.EISDIR):
                raise
            raise self._no_lock() from None
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            os.close(descriptor)
            raise self._no_lock()
        return descriptor

    def _no_lock(self) -> InputError:
        return InputError(f"{self._file}: is a link or not a file, so it is not our lock; remove it")

    def _current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self._file))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def check(self) -> None:
        """Raise InputError if the output was moved: what is written now would end up elsewhere."""
        if self._descriptor >= 0 and not self._current():
            raise InputError(
                f"{self._output}: was removed or moved while this run wrote there; put it back, and the same "
                "command resumes, or start again"
            )

    def release(self) -> None:
        """Release it; may be called twice. The lock of another run, in a directory that replaced ours, is kept."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                if self._current():
                    os.unlink(self._file)
            os.close(self._descriptor)
            self._descriptor = -1
