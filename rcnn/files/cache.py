"""The user's cache directory: what may be lost at any time."""

from __future__ import annotations

import os


def cache_folder(name: str) -> str:
    """Path of a folder in the cache directory of the XDG base directory specification; it may not exist yet."""
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), name)
