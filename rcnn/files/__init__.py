"""Files on disk or in an object store: `s3://BUCKET/KEY`, `gs://BUCKET/KEY`, `file:///PATH` or a plain path.

Everything that may be at a URL is read and written through this module. A `file://` URL is the path that it names.
Object stores must guarantee only this: a put replaces an object atomically, and reads and listings see it immediately
(S3 since 2020, GCS, MinIO).

Options of a store follow the key, `s3://bucket/key?endpoint_override=HOST:PORT&scheme=http&region=R&anonymous=1`,
or in the environment (AWS_ENDPOINT_URL, AWS_REGION and others that the AWS SDK reads). Keys are used literally, without
escapes.
"""

from .fetching import fetched
from .places import may_follow
from .reading import (
    exists,
    folders,
    is_dir,
    is_file,
    mark,
    marks,
    modified,
    names,
    objects,
    open_parquet,
    open_text,
    read_bytes,
    sha256,
    sha256_once,
)
from .remote import StoreError, check_answers
from .urls import base_name, below, is_inside, is_url, join, on_disk, parent, plain, relative, same, suffixed
from .writing import (
    check_no_link,
    check_no_links,
    check_replaceable,
    create,
    discard,
    make_dir,
    make_inner_dir,
    move,
    put,
    remove,
    remove_tree,
    write_bytes,
    write_whole,
)

__all__ = [
    "StoreError", "base_name", "below", "check_answers", "check_no_link", "check_no_links", "check_replaceable",
    "create", "discard", "exists", "fetched", "folders", "is_dir", "is_file", "is_inside", "is_url", "join", "make_dir",
    "make_inner_dir", "mark", "marks", "may_follow", "modified", "move", "names", "objects", "on_disk", "open_parquet",
    "open_text", "parent", "plain", "put", "read_bytes", "relative", "remove", "remove_tree", "same", "sha256",
    "sha256_once", "suffixed", "write_bytes", "write_whole",
]  # fmt: skip
