"""Checks that a command does not write over its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import files
from ..errors import InputError


def check_apart(written: Mapping[str, str | None], read: Mapping[str, str | Sequence[str] | None]) -> None:
    """Refuse to write a file over one that the same command reads or writes.

    Parameters
    ----------
    written, read : paths by the flags that name them; None if a flag is left out

    Raises
    ------
    InputError
        Names both flags.
    """
    others = [
        (flag, path) for flag, paths in read.items() for path in ([paths] if isinstance(paths, str) else paths or ())
    ]
    for flag, path in written.items():
        if not path:
            continue
        for other, there in others:
            if files.same(path, there):
                raise InputError(f"{flag} {path}: is also given by {other}; give {flag} another path")
        others.append((flag, path))


def check_file(flag: str, path: str | None, name: str = "report.html") -> None:
    """Refuse a directory where a file is to be written; None is a flag that is left out.

    Raises
    ------
    InputError
        Names a file in it, called `name`.
    """
    if path and (path.endswith("/") or files.is_dir(path)):
        raise InputError(f"{flag} {path}: is a directory; name a file, as {flag} {files.join(path, name)}")
