"""Tables of the stages: their columns, and vectors in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..clips import outputs
from ..config import config

FORMAT = 4  # version of this package's format; raised when an old reader would misread it
MANIFEST = outputs.MANIFEST
PROGRESS = outputs.PROGRESS
OLD_LISTING = "listing.parquet"  # of runs up to format 3
CLIPS = "clips"
BEFORE = "before"  # folder of earlier runs' results, see rcnn.tables.before
INDEX = ".index"  # suffix of the name of features, for the directory of their index, see rcnn.search.index
INT8 = "int8"  # folder of quantised networks, see rcnn.stages.int8

STATES = OK, NO_FACE, UNREADABLE = "ok", "no face", "unreadable"
POINT_NUMBERS = 2 * len(config.ALIGN.TARGET)  # x, y of a face's landmarks
MAX_WIDTH = 1 << 20  # maximum length of a vector, more than any network's

IDENTITY = [("name", pa.string()), ("split", pa.string())]
LABEL = ("label", pa.int32())  # label to learn from a clip; only in the training set
CLIPS_SCHEMA = pa.schema(
    [
        *IDENTITY,
        ("source", pa.string()),  # path of the file, relative to the data set's directory if it is in there
        ("start", pa.float64()),  # seconds of the source
        ("end", pa.float64()),  # seconds of the source; 0 for its end
        ("size", pa.int64()),  # bytes of the source
        ("changed", pa.int64()),  # time of the source's last change, ns since 1970
        ("state", pa.string()),  # ok, no face, unreadable
        ("reason", pa.string()),  # why it is not ok, or which part is missing; else empty
        ("frames", pa.int32()),  # sampled frames
        ("faces", pa.int32()),  # kept faces
        ("seconds", pa.float64()),  # length; this and what follows is 0 or empty if it is not known
        ("fps", pa.float64()),  # frames a second, the mean where the rate varies
        ("width", pa.int32()),  # pixels, upright and square
        ("height", pa.int32()),
        ("codec", pa.string()),  # FFmpeg's name
        ("promised", pa.int64()),  # frames that the container promises
        ("read", pa.int64()),  # frames that could be decoded
        ("rejected", pa.list_(pa.int32())),  # quality of each face that was not kept, in the manifest's steps
    ]
)
NO_SOURCE = {"source": "", "start": 0.0, "end": 0.0, "size": 0, "changed": 0}
NO_VIDEO = {"seconds": 0.0, "fps": 0.0, "width": 0, "height": 0, "codec": "", "promised": 0, "read": 0, "rejected": []}
FACES_SCHEMA = pa.schema(
    [
        *IDENTITY,
        ("frame", pa.int32()),  # counts from 1
        ("time", pa.float64()),  # seconds of the source
        ("score", pa.float32()),  # probability of a face
        ("quality", pa.float32()),  # norm of the embedding, or the score
        ("box", pa.list_(pa.float32(), 4)),  # x1, y1, x2, y2 in pixels of the upright frame
        ("landmarks", pa.list_(pa.float32(), POINT_NUMBERS)),  # x, y of five points, in the same pixels
        ("crop", pa.binary()),  # JPEG
    ]
)


def unknown_video(count: int) -> list[pa.Array]:
    """The last columns of `CLIPS_SCHEMA` for clips without video properties."""
    return [pa.array([value] * count, CLIPS_SCHEMA.field(name).type) for name, value in NO_VIDEO.items()]


def unknown_source(count: int) -> list[pa.Array]:
    """The columns of `CLIPS_SCHEMA` after the identity for clips without file properties."""
    return [pa.array([value] * count, CLIPS_SCHEMA.field(name).type) for name, value in NO_SOURCE.items()]


TRACK = ("track", pa.int32())  # number of the face's track in its clip; 0 is the main one
TRACKED_FACES_SCHEMA = pa.schema([*FACES_SCHEMA, TRACK])  # of detect.py --faces all
VECTOR = "vector"  # column: embedding of the crop by the quality model, of length 1, float16


# Additional training vectors, means of some of the row's faces, concatenated. They are several times as large as the
# rest of the row, and are read only on request.
MEANS = ("means", pa.list_(pa.float32()))
KIND = ("kind", pa.string())  # kind of a row of the training set if a clip has several: one of ROW_KINDS
ROW_KINDS = OWN, MEAN, OTHER = (
    "clip",
    "mean",
    "other",
)  # the clip's vector; a mean of some of its faces; another track's


ASIDE = (MEANS[0], VECTOR)  # columns that are read only on request


def faces_schema(tracked: bool, width: int = 0) -> pa.Schema:
    """One row per face, with a vector of `width` float16 if that is not 0."""
    plain = TRACKED_FACES_SCHEMA if tracked else FACES_SCHEMA
    return plain.append(pa.field(VECTOR, pa.list_(pa.float16(), width))) if width else plain


def vector_width(schema: pa.Schema) -> int:
    """Length of the vectors of faces; 0 for a table without them."""
    kind = schema.field(VECTOR).type if VECTOR in schema.names else None
    return int(kind.list_size) if kind is not None and pa.types.is_fixed_size_list(kind) else 0


def features_schema(width: int, tracked: bool = False, means: bool = False) -> pa.Schema:
    """One row per clip or per track: the clip, and the vector of `width` float32, preceded by additional training
    vectors."""
    more = [*([TRACK] if tracked else []), *([MEANS] if means else [])]
    return pa.schema([*IDENTITY, *more, ("feature", pa.list_(pa.float32(), width))])


def training_schema(width: int, several: bool = False) -> pa.Schema:
    """One row per clip, or several with their kind: the clip, its label, and the vector of `width` float32."""
    return pa.schema([*IDENTITY, LABEL, *([KIND] if several else []), ("feature", pa.list_(pa.float32(), width))])


def has_means(schema: pa.Schema) -> bool:
    """Whether a table has additional training vectors."""
    return MEANS[0] in schema.names


def has_kinds(schema: pa.Schema) -> bool:
    """Whether a table may have several rows of a clip, of several kinds."""
    return KIND[0] in schema.names


def is_tracked(schema: pa.Schema) -> bool:
    """Whether a table has tracks; a clip may have several."""
    return TRACK[0] in schema.names


def scores_schema(classes: int) -> pa.Schema:
    """One row per clip: the clip, and the probability of each class, float32."""
    return pa.schema([*IDENTITY, ("scores", pa.list_(pa.float32(), classes))])


APPEARANCES_SCHEMA = pa.schema(
    [
        *IDENTITY,  # of the clip
        ("who", pa.int32()),  # label of the person who appears
        ("person", pa.string()),  # their name; empty if none is known
        ("source", pa.string()),  # the user's own file; else the clip's
        ("start", pa.float64()),  # seconds of the source, as all times here
        ("end", pa.float64()),
        ("seen", pa.float64()),  # of which the face was in view
        ("time", pa.float64()),  # of the best face
        ("box", pa.list_(pa.float32(), 4)),  # of the best face: x1, y1, x2, y2 in pixels of the upright frame
        ("track", pa.int32()),  # of the best cosine
        ("cosine", pa.float32()),  # of its embedding and the person's template
        ("probability", pa.float32()),  # that it is the person
        ("verdict", pa.string()),  # of rcnn.scores.verdicts
    ]
)
GROUPS_SCHEMA = pa.schema(
    [
        *IDENTITY,  # of the clip
        TRACK,
        ("group", pa.int32()),  # 0 is the most certain; -1 for a track that is in no group
        ("source", pa.string()),  # the user's own file; else the clip's
        ("start", pa.float64()),  # seconds of the source, as all times here; 0 in a photograph
        ("end", pa.float64()),
        ("time", pa.float64()),  # of the best face
        ("box", pa.list_(pa.float32(), 4)),  # of the best face: x1, y1, x2, y2 in pixels of the upright frame
        ("likeness", pa.float32()),  # mean cosine with the others of the group; 0 for a track that is alone
    ]
)


@dataclass(frozen=True)
class Kind:
    """The output of a stage: its table, its command, for messages, whether a clip has one row, whether pieces of one
    film may share a row, and whether a clip with faces may have no row."""

    table: str
    script: str
    a_clip: bool = True
    together: bool = False
    bare: bool = False


KINDS = {
    "detect": Kind("faces", "detect.py", a_clip=False),
    "feature": Kind("features", "feature.py"),
    "genfeat": Kind("features", "genfeat.py"),
    "predict": Kind("scores", "predict.py"),
    "appearances": Kind("appearances", "python -m rcnn appearances", a_clip=False, together=True),
    "groups": Kind("groups", "python -m rcnn groups", a_clip=False, bare=True),
}


def wanted_schema(stage: str, schema: pa.Schema) -> pa.Schema:
    """The schema of the table of a stage, given the width of the vectors in `schema`."""
    tracked = is_tracked(schema)
    if stage == "detect":
        return faces_schema(tracked, min(vector_width(schema), MAX_WIDTH))
    if stage == "appearances":
        return APPEARANCES_SCHEMA
    if stage == "groups":
        return GROUPS_SCHEMA
    kind = schema.field(len(schema) - 1).type if len(schema) else None
    width = kind.list_size if kind is not None and pa.types.is_fixed_size_list(kind) else 1
    width = min(max(width, 1), MAX_WIDTH)
    if stage == "predict":
        return scores_schema(width)
    if stage == "genfeat":
        return training_schema(width, has_kinds(schema))
    return features_schema(width, tracked, has_means(schema))


def one_row(stage: str, schema: pa.Schema) -> bool:
    """Whether each clip has one row in the table of a stage."""
    return KINDS[stage].a_clip and not is_tracked(schema) and not has_kinds(schema)


def vectors(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A column of fixed-size lists as (n, width) of its own type, without a copy where there is one chunk."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    width = column.type.list_size
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)


def vector_array(values: np.ndarray, kind: type[np.floating] = np.float32) -> pa.FixedSizeListArray:
    """(n, width) numbers as a column of fixed-size lists of a `kind` of them."""
    flat = pa.array(np.ascontiguousarray(values, kind).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def clip_starts(names: Sequence[str]) -> list[int]:
    """Indices at which the rows of each clip start, for rows in clip order."""
    return [row for row, name in enumerate(names) if row == 0 or name != names[row - 1]]


def after(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    """The rows of a batch, sorted by name, that come after `name`."""
    names = batch.column("name").to_pylist()
    return batch.slice(bisect_right(names, name))
