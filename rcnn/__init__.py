"""Finding people in video: detection, alignment, embedding, classification, ranking.

From Python, see docs/python.md: `from rcnn import FaceFinder, compare, find_people`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .installation import VERSION

# OpenVINO and NNCF report each use to Google Analytics, under a number that they keep in ~/intel, unless they lack this
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

if TYPE_CHECKING:
    from .api import (
        Appearance,
        ArgumentError,
        Face,
        FaceAnalysis,
        FaceFinder,
        Faces,
        InputError,
        Match,
        TimedMatch,
        compare,
        detect_faces,
        embed_faces,
        find_in_video,
        find_people,
        match_threshold,
        model_of,
        rank_clips,
        read_image,
    )

__version__ = VERSION

__all__ = [
    "Appearance", "ArgumentError", "Face", "FaceAnalysis", "FaceFinder", "Faces", "InputError", "Match", "TimedMatch",
    "compare", "detect_faces", "embed_faces", "find_in_video", "find_people", "match_threshold", "model_of",
    "rank_clips", "read_image",
]  # fmt: skip

# `rcnn.api` has them all; these load fewer libraries
_HOMES = {
    "ArgumentError": "rcnn.errors",
    "Face": "rcnn.python.face",
    "FaceAnalysis": "rcnn.python.face_analysis",
    "FaceFinder": "rcnn.python.finder",
    "Faces": "rcnn.faces.types",
    "InputError": "rcnn.errors",
    "compare": "rcnn.python.vectors",
    "match_threshold": "rcnn.python.models",
}


def __getattr__(name: str) -> Any:
    """Load names on demand: scripts that only show their help need none of them."""
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "rcnn.api")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
