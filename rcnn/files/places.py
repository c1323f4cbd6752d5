"""A path named in a file is opened only if the user's command allows it."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InputError
from .urls import parse_url


def may_follow(path: str, given: Iterable[str]) -> bool:
    """Whether a path named in a file, such as a source in a manifest, may be opened.

    A path on this disk may. A URL may only if the command itself names a URL of the same scheme, bucket and options:
    these decide which host is contacted, and whether the request is signed with the user's keys. A manifest from
    someone else could name any host.

    Parameters
    ----------
    path : that the file names
    given : paths and URLs of this command
    """
    try:
        url = parse_url(path)
    except InputError:
        return False
    if url is None:
        return True
    places = (parse_url(place) for place in given)
    return any(known and known.with_key("") == url.with_key("") for known in places)
