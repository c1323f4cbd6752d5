"""Who is this, and which clips show them: photographs compared with the vectors of clips."""

from .features import open_features
from .nearest import Found, Match, nearest

__all__ = ["Found", "Match", "nearest", "open_features"]
