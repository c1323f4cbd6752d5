"""Stand-in."""

from .opening import open_video
from .photographs import HEAD_BYTES, is_photograph


def plan_pieces(path: str) -> list[tuple[float, float]]:
    with open(path, "rb") as file:
        if is_photograph(file.read(HEAD_BYTES)):
            return [(0.0, 0.0)]
    open_video(path)[0].close()
    return [(0.0, 0.0)]
