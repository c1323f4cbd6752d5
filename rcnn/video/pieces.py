"""Cuts a film into pieces, which are separate clips: nothing is written, and almost nothing is decoded twice."""

from __future__ import annotations

import threading
from itertools import pairwise

from ..clips.listed import TO_THE_END
from ..errors import UnreadableError
from .decoder import FrameDecoder

PIECE_SECONDS = 30.0  # longest piece: results of one are kept in memory until its end

_own = threading.local()


def plan_pieces(path: str, longest: float = PIECE_SECONDS) -> list[tuple[float, float]]:
    """Start and end in seconds of the pieces of a film, for `read_frames`; together they cover it.

    They start at key frames, if there is one within `longest` seconds. A decoder process finds them without decoding:
    from the index of the container, or else by reading the whole file.

    Parameters
    ----------
    path : a file, or an object in a store
    longest : maximum seconds of a piece

    Returns
    -------
    (0, 0) alone for a film that is no longer than a piece, a photograph, and what can't be read: reading it says why.

    Raises
    ------
    StoreError
        If the store does not answer.
    InputError
        If no decoder can be started.
    """
    if not hasattr(_own, "decoder"):
        _own.decoder = FrameDecoder()
    try:
        cuts = _own.decoder.plan_cuts(path, longest)
    except UnreadableError:
        cuts = []
    return list(pairwise([0.0, *cuts, TO_THE_END]))
