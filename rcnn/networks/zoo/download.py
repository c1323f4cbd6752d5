"""A file from a web server: it goes on where an earlier try ended, and is checked."""

from __future__ import annotations

import http.client
import os
import re
import urllib.error
import urllib.request

from ...errors import InputError
from ...files import sha256
from ...workers.progress import progress

CHUNK = 1 << 18  # bytes
TIMEOUT = 30.0  # seconds without a byte


class NoNetwork(Exception):
    """A server can't be reached or does not have the file; what it said."""


def download(url: str, target: str, digest: str = "") -> None:
    """Fetch a file; it appears under its name once it is whole.

    What has come so far lies in TARGET.part, with the server's mark of that version of the file in TARGET.etag, so
    that parts of two versions are never joined.

    Parameters
    ----------
    url : http or https
    target : path of the file
    digest : the sha256 that it must have; empty where it is not known

    Raises
    ------
    NoNetwork
        If there is no answer, an answer that says no, or the connection ends early. The same call goes on.
    InputError
        If the file has another sha256, or it can't be written.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url}: is no address of the web")
    part, mark = f"{target}.part", f"{target}.etag"
    try:
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        while not _fetch(url, part, mark):
            os.remove(part)  # the server can't go on from there
        if digest and (found := sha256(part)) != digest:
            os.remove(part)
            raise InputError(f"{url}: has sha256 {found}, not {digest}: it is damaged or another file, and was removed")
        os.replace(part, target)
        if os.path.exists(mark):
            os.remove(mark)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise NoNetwork(f"{url}: {getattr(error, 'reason', None) or error}") from None
    except OSError as error:
        raise InputError(f"{target}: can't be written: {error.strerror or error}") from None


def _fetch(url: str, part: str, mark: str) -> bool:
    """Add to `part` what is missing of it; False if that can't be, and it has to go."""
    start = os.path.getsize(part) if os.path.exists(part) else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "rcnn"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if os.path.exists(mark):
            with open(mark, encoding="utf-8") as file:
                headers["If-Range"] = file.read()
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        return _last_number(error.headers.get("Content-Range", "")) == start  # all of it was there
    with answer:
        if answer.status != http.client.PARTIAL_CONTENT:
            start = 0  # all of it comes again
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            return False
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length is not None else None
        _keep(mark, answer.headers.get("ETag", ""))
        with (
            open(part, "ab" if start else "wb") as file,
            progress(
                what=os.path.basename(part)[: -len(".part")],
                unit="B",
                total=total,
                initial=start,
            ) as bar,
        ):
            while data := answer.read(CHUNK):
                file.write(data)
                start += len(data)
                bar.update(len(data))
    if total is not None and start < total:
        raise ConnectionError(f"the connection ended after {start} of {total} bytes")
    return True


def _keep(mark: str, etag: str) -> None:
    """Remember a strong mark of a version; a weak one says nothing about bytes."""
    if etag and not etag.startswith("W/"):
        with open(mark, "w", encoding="utf-8") as file:
            file.write(etag)
    elif os.path.exists(mark):
        os.remove(mark)


def _last_number(text: str) -> int:
    match = re.search(r"(\d+)$", text)
    return int(match.group(1)) if match else -1
