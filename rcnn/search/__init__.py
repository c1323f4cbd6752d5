"""Who is this, and which clips show them: photographs compared with the vectors of clips."""

from .features import open_features
from .nearest import Found, Likeness, Match, nearest

__all__ = ["Found", "Likeness", "Match", "nearest", "open_features"]
