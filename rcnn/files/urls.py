"""Locations of files: paths on disk and URLs, and operations on both."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from ..errors import InputError

STORES = {"s3": "s3", "gs": "gs", "gcs": "gs"}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_OPTION = r"(?:endpoint_override|scheme|region|anonymous)=[^&?/]*"
_OPTIONS = re.compile(rf"\?{_OPTION}(?:&{_OPTION})*\Z")


@dataclass(frozen=True)
class Url:
    """Parts of a URL; `options` is the query with its question mark, or empty."""

    scheme: str
    bucket: str
    key: str
    options: str

    @property
    def path(self) -> str:
        """In pyarrow's notation."""
        return f"{self.bucket}/{self.key}" if self.key else self.bucket

    def with_key(self, key: str) -> str:
        return f"{self.scheme}://{self.bucket}/{key}{self.options}"


def parse_url(path: str) -> Url | None:
    """None for a path on the disk."""
    match = _SCHEME.match(os.fspath(path))
    if match is None or match[1].lower() == "file":
        return None
    scheme, rest = match[1].lower(), match[2]
    if scheme not in STORES:
        raise InputError(f"{path}: {scheme}:// is not supported; give a path, or s3://, gs:// or file://")
    found = _OPTIONS.search(rest)
    options = found[0] if found else ""
    bucket, _, key = rest.removesuffix(options).partition("/")
    if not bucket:
        raise InputError(f"{path}: names no bucket; give {scheme}://BUCKET/KEY")
    if "@" in bucket:
        raise InputError(f"{scheme}://: keys must not be in a URL, which is printed and stored; set AWS_ACCESS_KEY_ID")
    return Url(STORES[scheme], bucket, "/".join(filter(None, key.split("/"))), options)


def is_url(path: str) -> bool:
    """Whether it is in an object store."""
    return parse_url(path) is not None


def plain(path: str) -> str:
    """The path that a `file://` URL names; anything else as it is."""
    path = os.fspath(path)
    if path[:7].lower() != "file://":
        return path
    parts = urlsplit(path)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise InputError(f"{path}: a file:// URL has three slashes and an absolute path, like file:///data/mine")
    return unquote(parts.path)


def on_disk(path: str, flag: str) -> str:
    """`plain`; raises InputError if it is in an object store, which `flag` does not accept."""
    if is_url(path):
        raise InputError(f"{flag} {path}: must be on disk; give a path")
    return plain(path)


def join(path: str, *names: str) -> str:
    """Names below a directory."""
    url = parse_url(path)
    if url is None:
        return os.path.join(plain(path), *names)
    return url.with_key("/".join(filter(None, (url.key, *names))))


def parent(path: str) -> str:
    """The directory of a file."""
    url = parse_url(path)
    return os.path.dirname(plain(path)) if url is None else url.with_key(url.key.rpartition("/")[0])


def base_name(path: str) -> str:
    """The last name of a path."""
    url = parse_url(path)
    return os.path.basename(os.path.normpath(plain(path))) if url is None else url.key.rpartition("/")[2]


def suffixed(path: str, suffix: str) -> str:
    """The file next to it with `suffix` appended to its name."""
    url = parse_url(path)
    return f"{plain(path)}{suffix}" if url is None else url.with_key(f"{url.key}{suffix}")


def relative(path: str, folder: str) -> str:
    """`path`, which is below `folder`, relative to it."""
    url, base = parse_url(path), parse_url(folder)
    if url is None or base is None:
        return os.path.relpath(plain(path), plain(folder))
    return url.key.removeprefix(base.key).lstrip("/")


@lru_cache(maxsize=8)
def below(folder: str) -> Callable[[str], str | None]:
    """A function that makes a path below a folder relative to it, comparing both as strings, and returns None for any
    other. The folder is parsed once, for many paths."""
    base = parse_url(folder)
    start = os.path.join(plain(folder), "") if base is None else f"{base.key}/" if base.key else ""

    def of(path: str) -> str | None:
        if base is None:
            own = plain(path)
        else:
            url = parse_url(path)
            if url is None or url.with_key("") != base.with_key(""):
                return None
            own = url.key
        return own[len(start) :] if own.startswith(start) else None

    return of


def is_inside(path: str, folder: str) -> bool:
    """Whether a path on disk is in a folder, or is the folder; links are followed."""
    real, place = os.path.realpath(path), os.path.realpath(folder)
    return real == place or real.startswith(os.path.join(place, ""))


def same(one: str, other: str) -> bool:
    """Whether two paths name the same file."""
    here, there = parse_url(one), parse_url(other)
    if here is None or there is None:
        return here is there and os.path.realpath(plain(one)) == os.path.realpath(plain(other))
    return here == there
