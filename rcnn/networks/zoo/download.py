"""Downloads a file from a web server: resumes, limits size and time, and checks the result."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import stat
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import IO, Any

from ...errors import InputError
from ...files import create, sha256
from ...workers.progress import progress

CHUNK = 1 << 18  # bytes
TIMEOUT = 30.0  # seconds without a byte
LARGEST = 2 << 30  # largest download of unknown size; the largest known pack has 0.4 GB
LEAST_BYTES, LEAST_SECONDS = 64 << 10, 60.0  # minimum progress; a slower transfer is aborted
STRONG = re.compile(r'"[\x21\x23-\x7e]{0,200}"')  # a strong ETag; a weak one does not guarantee equal bytes


class NoNetwork(Exception):
    """A server can't be reached or does not have the file."""


class _Refused(Exception):
    """A server sends wrong data, which is discarded."""


def download(url: str, target: str, digest: str = "", size: int = 0) -> None:
    """Download a file; it appears under its name once it is complete.

    Partial data is in TARGET.part, with the ETag of that version of the file in TARGET.etag. It is resumed only with an
    ETag or a known sha256: otherwise halves of two versions could be joined.

    Parameters
    ----------
    url : http or https
    target : path of the file
    digest : expected sha256; empty if unknown
    size : expected number of bytes; 0 if unknown

    Raises
    ------
    NoNetwork
        If the server does not answer or refuses, the connection ends early or is too slow. The same call resumes.
    InputError
        If the file has another sha256 or size or is too large, or it can't be written.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url}: is not a web address")
    part, mark = f"{target}.part", f"{target}.etag"
    try:
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        if not digest and _read_mark(mark) is None:
            _remove(part)
        while not _watched(url, lambda transfer: _fetch(transfer, url, part, mark, size)):
            _remove(part)  # the server can't resume there
        if digest and (found := sha256(part)) != digest:
            raise _Refused(f"has sha256 {found}, not {digest}: it is damaged or another file, and was removed")
        os.replace(part, target)
        _remove(mark)
    except _Refused as error:
        _remove(part, mark)
        raise InputError(f"{url}: {error}") from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise NoNetwork(f"{url}: {getattr(error, 'reason', None) or error}") from None
    except OSError as error:
        raise InputError(f"{target}: can't be written: {error.strerror or error}") from None


def _remove(*paths: str) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


class _Transfer:
    """State shared with the fetching thread: bytes so far, result or error, and a stop request."""

    def __init__(self) -> None:
        self.received = 0
        self.result = False
        self.error: BaseException | None = None
        self.over = threading.Event()
        self.given_up = False


def _watched(url: str, action: Callable[[_Transfer], bool]) -> bool:
    """Fetch in a thread and abort if almost nothing arrives; a server that sends a byte now and then never times
    out."""
    transfer = _Transfer()

    def run() -> None:
        try:
            transfer.result = action(transfer)
        except BaseException as error:
            transfer.error = error
        finally:
            transfer.over.set()

    threading.Thread(target=run, daemon=True).start()
    before = 0
    while not transfer.over.wait(LEAST_SECONDS):
        if transfer.received - before < LEAST_BYTES:
            transfer.given_up = True
            raise NoNetwork(f"{url}: {transfer.received - before} bytes came in {LEAST_SECONDS:g} s")
        before = transfer.received
    if transfer.error is not None:
        raise transfer.error
    return transfer.result


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to web addresses, and not from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.startswith("https://" if req.type == "https" else ("http://", "https://")):
            raise urllib.error.URLError(f"the server leads to {newurl[:200]!r}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(request: urllib.request.Request) -> Any:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPErrorProcessor, _Redirects,
    ):  # fmt: skip
        opener.add_handler(handler())
    return opener.open(request, timeout=TIMEOUT)


def _fetch(transfer: _Transfer, url: str, part: str, mark: str, size: int) -> bool:
    """Append the missing data to `part`; False if that is impossible and `part` must be removed."""
    start, kept = _size(part), _read_mark(mark)
    headers = {"Accept-Encoding": "identity", "User-Agent": "rcnn"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if kept is not None:
            headers["If-Range"] = kept
    try:
        answer = _open(urllib.request.Request(url, headers=headers))
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        return _last_number(error.headers.get("Content-Range", "")) == start  # it was already complete
    with answer:
        etag = answer.headers.get("ETag", "")
        if answer.status != http.client.PARTIAL_CONTENT:
            start = 0  # the server sends everything again
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-") or kept not in (None, etag):
            return False
        total = _total(start, answer.headers.get("Content-Length"), size)
        _keep(mark, etag)
        name = os.path.basename(part).removesuffix(".part")
        with _append(part, start) as file, progress(what=name, unit="byte", total=total, initial=start) as bar:
            while (data := answer.read1(CHUNK)) and not transfer.given_up:
                start += len(data)
                if start > (size or LARGEST):
                    raise _Refused(f"sends more than {size or LARGEST} bytes, and was given up")
                file.write(data)
                transfer.received += len(data)
                bar.update(len(data))
    if start < (total or size):
        raise ConnectionError(f"the connection ended after {start} of {total or size} bytes")
    return True


def _size(path: str) -> int:
    """Bytes of a file; 0 if there is none, or a link."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _append(path: str, start: int) -> IO[bytes]:
    """Open a file for appending after `start` bytes; a new file if there are none."""
    if not start:
        return create(path, private=False)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC), "ab")


def _total(start: int, length: str | None, size: int) -> int | None:
    """Size of the whole file as stated by the server, in bytes; None if not stated.

    Raises
    ------
    _Refused
        If the stated size is invalid.
    """
    if length is None:
        return None
    total = start + int(length) if re.fullmatch("[0-9]{1,15}", length) else -1
    if not 0 <= total <= (size or LARGEST) or (size and total != size):
        wanted = f"{size}" if size else f"at most {LARGEST}"
        raise _Refused(f"the server claims {length[:40]!r} bytes, expected {wanted}")
    return total


def _read_mark(mark: str) -> str | None:
    """The ETag of the partial download; None if there is none."""
    try:
        with open(os.open(mark, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            text = file.read(1024).decode("latin-1")
    except OSError:
        return None
    return text if STRONG.fullmatch(text) else None


def _keep(mark: str, etag: str) -> None:
    """Save a strong ETag."""
    _remove(mark)
    if STRONG.fullmatch(etag):
        with create(mark, private=False) as file:
            file.write(etag.encode())


def _last_number(text: str) -> int:
    match = re.search(r"([0-9]{1,15})$", text)
    return int(match.group(1)) if match else -1
