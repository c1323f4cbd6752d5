"""Who is this, and which clips show them: photographs compared with the vectors of clips."""

from .nearest import Found, Likeness, Match, nearest
from .query import open_features

__all__ = ["Found", "Likeness", "Match", "nearest", "open_features"]
