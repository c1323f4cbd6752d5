"""Finding people in video: detection, alignment, embedding, classification, ranking.

From Python, see docs/python.md: `from rcnn import read_image, detect_faces, embed_faces, compare, rank_clips,
find_in_video`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .installation import VERSION

if TYPE_CHECKING:
    from .api import (
        Appearance,
        compare,
        detect_faces,
        embed_faces,
        find_in_video,
        model_of,
        rank_clips,
        read_image,
    )

__version__ = VERSION

__all__ = [
    "Appearance", "compare", "detect_faces", "embed_faces", "find_in_video", "model_of", "rank_clips", "read_image",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is asked for: scripts that only show their help need none of it."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
