"""Exceptions raised for a damaged table."""

from __future__ import annotations

import pyarrow as pa

# exceptions of the Parquet reader for a damaged file: its own, and Python's that it lets through
DAMAGED = (pa.ArrowException, OSError, KeyError, ValueError, MemoryError)
