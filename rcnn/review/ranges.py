"""A range of bytes in memory, for range requests (RFC 9110, 14)."""

from __future__ import annotations

import re

from starlette.responses import Response

RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def part_of(data: bytes, wanted: str, kind: str) -> Response:
    """The range of some bytes given by a Range header; all of them without a valid header."""
    headers = {"accept-ranges": "bytes"}
    found = RANGE.fullmatch(wanted.strip())
    if found is None or not (found[1] or found[2]):
        return Response(data, media_type=kind, headers=headers)
    start, end = (int(text) if text else None for text in found.groups())
    if start is None:
        start, end = max(len(data) - (end or 0), 0), len(data) - 1
    end = len(data) - 1 if end is None else min(end, len(data) - 1)
    if start > end:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {start}-{end}/{len(data)}"
    return Response(data[start : end + 1], 206, headers, kind)
