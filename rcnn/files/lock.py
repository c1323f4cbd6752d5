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
OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # the last so that no pipe is waited for


def take_lock(file: str, output: str, flag: str) -> Lock | ObjectLock:
    """Hold an output, on the disk or in an object store; arguments and errors are those of `Lock`."""
    if files.is_url(file):
        return ObjectLock(file, output, flag)
    return Lock(files.plain(file), output, flag)


def is_lock(name: str) -> bool:
    """Whether a file or object in an output is a lock."""
    return name == LOCK or name.startswith(f"{LOCK}-")


class Lock:
    """Holds an output until `release` or the end of the process, however it ends.

    The system lets go of the lock of a process that died, so a file that was left behind keeps nobody out.

    Parameters
    ----------
    file : of the lock, in a directory that exists
    output : what is held, for messages
    flag : with which another output is given

    Raises
    ------
    InputError
        If another process holds it; says which, and on which host. If what lies there is a link or no file.
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
            os.close(self._descriptor)  # whoever held it has just removed the file
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def _opened(self) -> int:
        """The file, which is emptied later: raises InputError if it is a link, or has another name as well."""
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
        return InputError(f"{self._file}: is a link or no file, so it is not a lock of ours; remove it")

    def _current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self._file))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def check(self) -> None:
        """Raise InputError if the output is no longer where it was: what is written now would lie somewhere else."""
        if self._descriptor >= 0 and not self._current():
            raise InputError(
                f"{self._output}: was removed, or moved away, while this run wrote there; put it back, and the same "
                "command goes on, or start again"
            )

    def release(self) -> None:
        """Let go; may be called twice. A lock of others, in a directory that has come in place of ours, stays."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                if self._current():
                    os.unlink(self._file)
            os.close(self._descriptor)
            self._descriptor = -1
