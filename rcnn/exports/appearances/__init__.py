"""Appearances as files for others: tables, timelines of editing programs, captions of players."""

from ..endings import ENDINGS, ending_of
from .write import write_file

__all__ = ["ENDINGS", "ending_of", "write_file"]
