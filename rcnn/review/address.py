"""The last address of a desk, so that open windows find the next desk of the same run there.

It is kept in the user's cache, not in the run: a run may come from someone else, who would know its key.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass

from .. import files
from ..errors import InputError
from ..files.cache import cache_folder
from ..files.json import read_json, write_json
from .settings import LARGEST_PORT

FOLDER = "rcnn-desks"  # in the cache; one file per run, readable only by its owner
KEY = re.compile(r"[A-Za-z0-9_-]{32}")  # of `guard.KEY_BYTES`


@dataclass(frozen=True)
class Address:
    """The address of a desk.

    port : 1 or more
    key : of its guard
    """

    port: int
    key: str

    @staticmethod
    def read(root: str) -> Address | None:
        """The last address of a run; None if there is none, or it is invalid."""
        with suppress(OSError, ValueError, InputError, KeyError, TypeError):
            found = read_json(_file(root))
            port, key = found["port"], found["key"]
            if type(port) is int and 0 < port <= LARGEST_PORT and isinstance(key, str) and KEY.fullmatch(key):
                return Address(port, key)
        return None

    def write(self, root: str) -> None:
        """Store it, if possible."""
        with suppress(OSError, InputError):
            path = _file(root)
            files.make_dir(os.path.dirname(path))
            write_json(path, {"port": self.port, "key": self.key})


def _file(root: str) -> str:
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
    return os.path.join(cache_folder(FOLDER), f"{name}.json")


def listen(root: str, host: str, port: int) -> tuple[socket.socket, str | None]:
    """A socket for the desk of a run, and the key of the previous desk at its port; None for a new key.

    Parameters
    ----------
    port : 0 for the last one, or a free one if that is taken

    Raises
    ------
    InputError
        If there is none.
    """
    last = Address.read(root)
    if last is not None and port in (0, last.port):
        with suppress(InputError):
            return _bound(host, last.port), last.key
    return _bound(host, port), None


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host}: is not an address of this machine: {error}") from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--host {host} --port {port}: can't be used: {reason}; leave --port out") from None
    return found
