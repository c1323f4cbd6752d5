"""What is raised over a damaged table."""

from __future__ import annotations

import pyarrow as pa

# what the reader of Parquet raises over a damaged file: its own errors, and those of Python that it lets through
DAMAGED = (pa.ArrowException, OSError, KeyError, ValueError, MemoryError)
