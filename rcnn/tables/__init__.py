"""Stage directories: Parquet parts and a manifest, written and read only here.

DIR/clips/part-00000.parquet ...     every clip of the stage and its state, sorted by name
DIR/TABLE/part-00000.parquet ...     its rows (faces, features or scores), sorted by clip name
DIR/manifest.json                    written last: a directory without one is not complete
DIR/int8/                            networks of a run with --precision int8
DIR/progress.json, DIR/lock          only during a run, or after one was stopped
DIR/before/1/, DIR/before/2/ ...     results of earlier runs with other clips, until DIR is complete again
"""

from .accounts import Accounts
from .listing import Listing
from .reader import StageReader, open_stage
from .schema import (
    CLIPS,
    CLIPS_SCHEMA,
    FACES_SCHEMA,
    FORMAT,
    INT8,
    KINDS,
    MANIFEST,
    NO_FACE,
    OK,
    TRACKED_FACES_SCHEMA,
    UNREADABLE,
    after,
    clip_starts,
    features_schema,
    is_tracked,
    scores_schema,
    training_schema,
    vector_array,
    vectors,
)
from .writer import StageWriter, check_output

__all__ = [
    "CLIPS", "CLIPS_SCHEMA", "FACES_SCHEMA", "FORMAT", "INT8", "KINDS", "MANIFEST", "NO_FACE", "OK",
    "TRACKED_FACES_SCHEMA", "UNREADABLE", "Accounts", "Listing", "StageReader", "StageWriter", "after", "check_output",
    "clip_starts", "features_schema", "is_tracked", "open_stage", "scores_schema", "training_schema", "vector_array",
    "vectors",
]  # fmt: skip
