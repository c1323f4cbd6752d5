"""The results as a page: gathered from stage directories, then rendered as one HTML file."""

from .data import Coverage, Entry, Epoch, Person, Qualities, Report, StageRow
from .gather import gather_report
from .lineage import Lineage, trace
from .page import render, write_page

__all__ = [
    "Coverage", "Entry", "Epoch", "Lineage", "Person", "Qualities", "Report", "StageRow", "gather_report", "render",
    "trace", "write_page",
]  # fmt: skip
