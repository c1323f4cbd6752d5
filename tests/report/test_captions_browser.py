"""Captions of who is in the picture in a real browser, which shows them in a `<track>`."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from rcnn.exports.appearances import write_file
from rcnn.tables import StageWriter
from rcnn.tables.schema import APPEARANCES_SCHEMA

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "exports"))
