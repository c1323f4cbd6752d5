"""One run at a time on an output in an object store, which has no locks.

To lock an output, a run puts an object of its own next to it, `lock-TOKEN`, and then lists: if there is another lock,
it removes its own and gives up. Two simultaneous runs both put before they list, so at least one sees the other; both
may give up, but never do both continue. This needs a store whose listings show new objects immediately (S3, GCS,
MinIO), and no conditional put, which pyarrow does not offer.

The object is put again every REFRESH_SECONDS. One that was not refreshed for STALE_SECONDS, by the store's own clock,
or whose process on this machine is dead, is stale and is removed. A suspended run that was taken for dead finds its
object gone, and ends before it writes progress or a manifest; a part that it was writing at that moment may still
arrive.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import uuid
from pathlib import Path

from msgspec import Struct, json

from .. import files
from ..errors import InputError
from .schema import Count, from_json
from .text import printable

REFRESH_SECONDS = 20.0
STALE_SECONDS = 180.0
JOIN_SECONDS = 2.0  # how long the end of a run waits for a store that hangs


class ObjectLock:
    """Locks an output until `release`, or for STALE_SECONDS after the end of the process.

    Parameters, errors : as for `rcnn.files.lock.Lock`
    """

    def __init__(self, file: str, output: str, flag: str) -> None:
        self._folder, self._stem = files.parent(file), f"{files.base_name(file)}-"
        self._output, self._flag = output, flag
        self._name = f"{self._stem}{uuid.uuid4().hex}"
        self._text = json.encode(_identity())
        self._over = threading.Event()
        self._put()
        try:
            self._give_way()
        except BaseException:
            self._remove(self._name)
            raise
        self._refresher = threading.Thread(target=self._refresh, daemon=True)
        self._refresher.start()

    def _put(self) -> None:
        files.put(files.join(self._folder, self._name), self._text)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError, InputError):  # it goes stale by itself
            files.remove(files.join(self._folder, name))

    def _give_way(self) -> None:
        """Raise InputError if another live run holds a lock; remove stale ones."""
        there = {name: time for name, time in files.modified(self._folder).items() if name.startswith(self._stem)}
        if self._name not in there:
            raise InputError(
                f"{self._output}: the store's listing lacks an object that was just put, so the output can't be locked"
            )
        now = there[self._name]  # by the store's clock
        for name in sorted(there.keys() - {self._name}):
            holder = self._holder(name)
            if holder is None:
                continue
            if now - there[name] < STALE_SECONDS and not _is_dead(holder):
                raise InputError(
                    f"{self._output}: process {holder.process} on {printable(holder.host)} writes there; wait for "
                    f"its end, or {STALE_SECONDS:g} s where it was killed, or give another {self._flag}"
                )
            self._remove(name)

    def _holder(self, name: str) -> _Holder | None:
        """Whose object it is; None if it has just gone."""
        try:
            return from_json(files.read_bytes(files.join(self._folder, name), 4096), _Holder)
        except FileNotFoundError:
            return None
        except ValueError:
            return _Holder()

    def _there(self) -> bool:
        return files.is_file(files.join(self._folder, self._name))

    def _refresh(self) -> None:
        while not self._over.wait(REFRESH_SECONDS):
            with contextlib.suppress(OSError, InputError):  # the run itself reports problems of the store
                if not self._there():
                    return  # another run took this one for dead: `check` reports it
                if not self._over.is_set():
                    self._put()

    def check(self) -> None:
        """Raise InputError if another run took this one for dead and has started."""
        if not self._over.is_set() and not self._there():
            raise InputError(
                f"{self._output}: this run was suspended for more than {STALE_SECONDS:g} s and another has started "
                "there; "
                "wait for its end"
            )

    def release(self) -> None:
        """Release it; may be called twice."""
        if not self._over.is_set():
            self._over.set()
            self._refresher.join(JOIN_SECONDS)  # so that the object is not put again
            self._remove(self._name)


class _Holder(Struct):
    """The holder of a lock: process, host, boot ID of the machine, and start time of the process."""

    process: Count = 0
    host: str = "another machine"
    machine: str = ""
    started: str = ""


def _identity() -> _Holder:
    pid = os.getpid()
    return _Holder(pid, socket.gethostname(), _machine(), _started(pid))


def _machine() -> str:
    """The boot ID of this machine, and the visible process namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"


def _started(pid: int) -> str:
    """Start time of a process, in ticks; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _is_dead(holder: _Holder) -> bool:
    """Whether it is a process of this machine that has ended; nothing is known about other machines."""
    return holder.machine == _machine() and _started(holder.process) != holder.started
