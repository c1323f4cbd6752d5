"""Exports appearances: tables, timelines for editing programs, captions for players."""

from ..endings import ENDINGS, ending_of
from .write import write_file

__all__ = ["ENDINGS", "ending_of", "write_file"]
