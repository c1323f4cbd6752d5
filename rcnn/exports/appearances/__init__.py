"""Appearances as files for others: tables, timelines of editing programs, captions of players."""

from .write import ENDINGS, ending_of, write_file

__all__ = ["ENDINGS", "ending_of", "write_file"]
