"""Files on the disk or in an object store: `s3://BUCKET/KEY`, `gs://BUCKET/KEY`, `file:///PATH` or a plain path.

Everything that may lie at a URL is read and written through this module. A `file://` URL is the path that it names. Of
an object store only this is used: a put replaces an object whole or not at all, and what was put is seen at once by
reads and listings (S3 since 2020, GCS, MinIO).

Options of a store stand behind the key, `s3://bucket/key?endpoint_override=HOST:PORT&scheme=http&region=R&anonymous=1`,
or in the environment (AWS_ENDPOINT_URL, AWS_REGION and what else the AWS SDK reads). Keys are taken as they stand;
nothing in them is an escape.
"""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import io
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from .errors import InputError

if TYPE_CHECKING:
    from pyarrow import NativeFile

CONNECT_SECONDS = 3.0  # to a store
SILENT_SECONDS = 5.0  # in which a store sends nothing, before a request is tried again
ATTEMPTS = 3  # of a request: a store that hangs is given up after 18 s
GCS_SECONDS = 10.0  # in which a request to GCS is tried again; the last of these tries may take as long again
FETCH_PAUSES = (1.0, 4.0)  # seconds before a clip is asked for again, on top of that
CHUNK_BYTES = 8 << 20  # that are read at once
MAX_CLIP_BYTES = 4 << 30  # that are fetched
STORES = {"s3": "s3", "gs": "gs", "gcs": "gs"}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_OPTION = r"(?:endpoint_override|scheme|region|anonymous)=[^&?/]*"
_OPTIONS = re.compile(rf"\?{_OPTION}(?:&{_OPTION})*\Z")
_SILENT = ("NETWORK_CONNECTION", "REQUEST_TIMEOUT", "curlCode", "UNAVAILABLE", "CURL error", "DEADLINE")
_REFUSED = (
    "ACCESS_DENIED",
    "INVALID_ACCESS_KEY_ID",
    "UNAUTHENTICATED",
    "SIGNATURE",
    "TOKEN",
    "UNRECOGNIZED_CLIENT",
    "status 403",
    "PERM",
)


class StoreError(InputError):
    """The store itself does not answer or refuses: the fault of no single object."""


@dataclass(frozen=True)
class _Url:
    """Parts of a URL; `options` is the query with its question mark, or empty."""

    scheme: str
    bucket: str
    key: str
    options: str

    @property
    def path(self) -> str:
        """As pyarrow names it."""
        return f"{self.bucket}/{self.key}" if self.key else self.bucket

    def with_key(self, key: str) -> str:
        return f"{self.scheme}://{self.bucket}/{key}{self.options}"


def _url(path: str) -> _Url | None:
    """None for a path on the disk."""
    match = _SCHEME.match(path)
    if match is None or match[1].lower() == "file":
        return None
    scheme, rest = match[1].lower(), match[2]
    if scheme not in STORES:
        raise InputError(f"{path}: {scheme}:// is no place for data; give a path, or s3://, gs:// or file://")
    found = _OPTIONS.search(rest)
    options = found[0] if found else ""
    bucket, _, key = rest.removesuffix(options).partition("/")
    if not bucket:
        raise InputError(f"{path}: names no bucket; give {scheme}://BUCKET/KEY")
    if "@" in bucket:
        raise InputError(f"{scheme}://: keys don't belong into a URL, which is printed and kept; set AWS_ACCESS_KEY_ID")
    return _Url(STORES[scheme], bucket, "/".join(filter(None, key.split("/"))), options)


def is_url(path: str) -> bool:
    """Whether it lies in an object store."""
    return _url(path) is not None


def plain(path: str) -> str:
    """The path that a `file://` URL names; anything else as it is."""
    if path[:7].lower() != "file://":
        return path
    parts = urlsplit(path)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise InputError(f"{path}: a file:// URL has three strokes and a whole path, like file:///data/mine")
    return unquote(parts.path)


def on_disk(path: str, flag: str) -> str:
    """`plain`; raises InputError where it lies in an object store, which `flag` does not take."""
    if is_url(path):
        raise InputError(f"{flag} {path}: must lie on the disk; give a path")
    return plain(path)


def join(path: str, *names: str) -> str:
    """Names below a directory."""
    url = _url(path)
    if url is None:
        return os.path.join(plain(path), *names)
    return url.with_key("/".join(filter(None, (url.key, *names))))


def parent(path: str) -> str:
    """The directory that a file lies in."""
    url = _url(path)
    return os.path.dirname(plain(path)) if url is None else url.with_key(url.key.rpartition("/")[0])


def base_name(path: str) -> str:
    """The last name of a path."""
    url = _url(path)
    return os.path.basename(os.path.normpath(plain(path))) if url is None else url.key.rpartition("/")[2]


def suffixed(path: str, suffix: str) -> str:
    """The file beside it whose name ends in `suffix`, too."""
    url = _url(path)
    return f"{plain(path)}{suffix}" if url is None else url.with_key(f"{url.key}{suffix}")


def relative(path: str, folder: str) -> str:
    """`path`, which lies below `folder`, from there."""
    url, base = _url(path), _url(folder)
    if url is None or base is None:
        return os.path.relpath(plain(path), plain(folder))
    return url.key.removeprefix(base.key).lstrip("/")


def same(one: str, other: str) -> bool:
    """Whether two paths name one place."""
    here, there = _url(one), _url(other)
    if here is None or there is None:
        return here is there and os.path.realpath(plain(one)) == os.path.realpath(plain(other))
    return here == there


# --- the stores ---


@lru_cache(maxsize=32)
def _file_system(scheme: str, bucket: str, options: str) -> Any:
    """The pyarrow file system of a bucket."""
    from pyarrow import fs

    given = dict(option.split("=", 1) for option in options.removeprefix("?").split("&") if option)
    anonymous = given.get("anonymous", "").lower() in ("1", "true", "yes")
    endpoint, protocol = unquote(given.get("endpoint_override", "")), given.get("scheme", "")
    if scheme == "s3":
        endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    if "://" in endpoint:
        before, _, endpoint = endpoint.partition("://")
        protocol = protocol or before
    common = {"endpoint_override": endpoint.rstrip("/") or None, "scheme": protocol or "https", "anonymous": anonymous}
    if scheme == "gs":
        from datetime import timedelta

        return fs.GcsFileSystem(**common, retry_time_limit=timedelta(seconds=GCS_SECONDS))
    region = given.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        region = "us-east-1" if endpoint else fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        **common,
        region=region,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=SILENT_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        allow_delayed_open=True,  # a small object is one put
    )


def _short(error: Exception) -> str:
    """What an error of pyarrow says, without the numbers of requests."""
    text = " ".join(str(error).split())
    found = re.search(r"(?:AWS Error |with a last message of )(.*)", text)
    return re.sub(r" \(Request ID.*", "", found[1] if found else text)[:160]


def _problem(path: str, error: Exception) -> InputError:
    text = str(error)
    if any(sign in text for sign in _SILENT):
        return StoreError(
            f"{path}: the store does not answer ({_short(error)}); see to the network and the endpoint, then "
            "the same command goes on"
        )
    if any(sign in text for sign in _REFUSED) or isinstance(error, PermissionError):
        return StoreError(
            f"{path}: the store refuses ({_short(error)}); give credentials that may do that, like AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY"
        )
    if "NO_SUCH_BUCKET" in text:
        return StoreError(f"{path}: there is no such bucket; make it, or give another")
    return InputError(f"{path}: the store says {_short(error)}; try again")


@contextmanager
def _asking(path: str) -> Iterator[None]:
    """What pyarrow raises becomes a line for the person at the shell; FileNotFoundError stays."""
    import pyarrow as pa

    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(2, "No such object", path) from None
    except (OSError, pa.ArrowException) as error:
        raise _problem(path, error) from None


def _info(path: str, url: _Url) -> Any:
    with _asking(path):
        return _file_system(url.scheme, url.bucket, url.options).get_file_info(url.path)


def check_answers(path: str) -> None:
    """Raise StoreError unless the store and the bucket of a URL answer; nothing for a path on the disk."""
    from pyarrow.fs import FileType

    url = _url(path)
    if url is None:
        return
    bucket = _Url(url.scheme, url.bucket, "", url.options)
    if _info(path, bucket).type == FileType.NotFound:
        raise StoreError(f"{path}: there is no bucket {url.bucket}; make it, or give another")
    beside = url.key.rpartition("/")[0]
    # one that is not there: answered like any other, whatever ails the object itself
    _info(path, _Url(url.scheme, url.bucket, f"{beside}/{uuid.uuid4().hex}".lstrip("/"), url.options))


# --- reading ---


def is_dir(path: str) -> bool:
    """Whether it is a directory; in a store, whether an object lies below it."""
    url = _url(path)
    if url is None:
        return os.path.isdir(plain(path))
    return _info(path, url).type.name == "Directory"


def is_file(path: str) -> bool:
    """Whether it is a file or an object."""
    url = _url(path)
    return os.path.isfile(plain(path)) if url is None else _info(path, url).is_file


def exists(path: str) -> bool:
    """Whether it is a file or a directory."""
    url = _url(path)
    return os.path.exists(plain(path)) if url is None else _info(path, url).type.name != "NotFound"


def names(path: str) -> list[str]:
    """Names of the files and directories in a directory; none where there is no such directory in a store."""
    url = _url(path)
    if url is None:
        return os.listdir(plain(path))
    start = len(url.path) + 1
    return list(dict.fromkeys(info.path[start:].partition("/")[0] for info in _list(path, url)))


def modified(path: str) -> dict[str, float]:
    """Names of the objects in a directory of a store, with the seconds since 1970 of the store's clock."""
    url = _url(path)
    assert url is not None
    start = len(url.path) + 1
    found = ((info.path[start:], info) for info in _list(path, url) if info.is_file)
    return {name: info.mtime.timestamp() for name, info in found if "/" not in name}


def _list(path: str, url: _Url) -> list[Any]:
    """What lies in a directory: a request for each thousand names.

    GCS knows a directory by what is in it alone, so that there all is listed that lies below.
    """
    from pyarrow import fs

    with _asking(path):
        selector = fs.FileSelector(url.path, allow_not_found=True, recursive=url.scheme == "gs")
        return _file_system(url.scheme, url.bucket, url.options).get_file_info(selector)


def folders(root: str, pattern: str) -> list[str]:
    """Directories below `root` that a pattern like `A*/B` names, sorted; a pattern in the first name only."""
    if _url(root) is None:
        return sorted(glob.glob(os.path.join(glob.escape(plain(root)), pattern)))
    first, _, rest = pattern.partition("/")
    found = fnmatch.filter(names(root), first) if glob.has_magic(first) else [first]
    return [join(root, name, *filter(None, [rest])) for name in sorted(found)]


def read_bytes(path: str, most: int = -1) -> bytes:
    """A file, or its first `most` bytes; raises FileNotFoundError or another OSError."""
    url = _url(path)
    if url is None:
        with open(plain(path), "rb") as file:
            return file.read(most)
    with _asking(path), _file_system(url.scheme, url.bucket, url.options).open_input_stream(url.path) as stream:
        return stream.read() if most < 0 else stream.read(most)


def open_text(path: str, encoding: str = "utf-8") -> IO[str]:
    """A text to be read line by line; raises as `read_bytes`, and UnicodeDecodeError while it is read."""
    if _url(path) is None:
        return open(plain(path), encoding=encoding)
    return io.TextIOWrapper(io.BytesIO(read_bytes(path)), encoding=encoding)


def open_parquet(path: str) -> str | NativeFile:
    """What pyarrow.parquet reads: the path of a file, or an object in which it may seek.

    What a store does while it is read is raised as OSError.
    """
    url = _url(path)
    if url is None:
        return plain(path)
    with _asking(path):
        return _file_system(url.scheme, url.bucket, url.options).open_input_file(url.path)


def sha256(path: str) -> str:
    """Hexadecimal sha256 of a file."""
    url = _url(path)
    if url is None:
        with open(plain(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    with _asking(path), _file_system(url.scheme, url.bucket, url.options).open_input_stream(url.path) as stream:
        while data := stream.read(CHUNK_BYTES):
            digest.update(data)
    return digest.hexdigest()


@contextmanager
def fetched(path: str) -> Iterator[str]:
    """A path on the disk under which a file can be opened, which may be read several times, until the end of the block.

    An object is copied into a file without a name in the directory for temporary files, which the system removes with
    the process, however that ends; the path is a link to it with the object's ending.

    Raises
    ------
    FileNotFoundError
        If there is no such object.
    OSError
        If it can't be fetched, in three tries, though the store answers; or is too large.
    StoreError
        If the store does not answer, or the clip doesn't fit onto the disk.
    """
    url = _url(path)
    if url is None:
        yield plain(path)
        return
    with tempfile.TemporaryFile() as file:
        _fetch(path, url, file)
        ending = os.path.splitext(url.key)[1]
        link = os.path.join(tempfile.gettempdir(), f"rcnn-{uuid.uuid4().hex}{ending[:16]}")
        os.symlink(f"/proc/{os.getpid()}/fd/{file.fileno()}", link)
        try:
            yield link
        finally:
            os.unlink(link)


def _fetch(path: str, url: _Url, file: IO[bytes]) -> None:
    last: InputError | None = None
    for pause in (0.0, *FETCH_PAUSES):
        time.sleep(pause)
        file.seek(0)
        file.truncate()
        try:
            _copy(path, url, file)
            return
        except _TooLargeError as error:
            raise OSError(str(error)) from None
        except _NoRoomError as error:
            raise StoreError(f"{tempfile.gettempdir()}: a clip can't be put there: {error}; set TMPDIR") from None
        except FileNotFoundError:
            check_answers(path)  # it may be the bucket that is gone
            raise
        except InputError as error:
            last = error
    check_answers(path)
    raise OSError(f"can't be fetched: {str(last).removeprefix(f'{path}: ')}")


def _copy(path: str, url: _Url, file: IO[bytes]) -> None:
    with _asking(path), _file_system(url.scheme, url.bucket, url.options).open_input_file(url.path) as stream:
        size = stream.size()
        if size > MAX_CLIP_BYTES:
            raise _TooLargeError(f"is larger than {MAX_CLIP_BYTES} bytes")
        while data := stream.read(CHUNK_BYTES):
            try:
                file.write(data)
                file.flush()
            except OSError as error:  # of this disk, not of the store
                raise _NoRoomError(error.strerror) from None
        if file.tell() != size:
            raise InputError(f"{path}: {file.tell()} of {size} bytes came")


class _NoRoomError(Exception):
    pass


class _TooLargeError(Exception):
    pass


# --- writing ---


def make_dir(path: str) -> None:
    """Make a directory and those above it; in a store there are none, but the bucket must be there."""
    if _url(path) is None:
        os.makedirs(plain(path) or ".", exist_ok=True)
    else:
        check_answers(path)


def write_whole(path: str, write: Callable[[str], None]) -> None:
    """Let `write` make a file under another name; then it appears at `path`, whole or not at all.

    On the disk it is synced and renamed, and the directory is synced. Into a store it is put, which may take several
    requests, the last of which makes it visible.

    Raises
    ------
    OSError
        If it can't be written.
    InputError
        If the store does not take it.
    """
    url = _url(path)
    if url is None:
        path = plain(path)
        temporary = f"{path}.part"
        write(temporary)
        _to_disk(temporary)
        os.replace(temporary, path)
        _to_disk(os.path.dirname(path) or ".")  # the rename itself
        return
    with tempfile.TemporaryDirectory(prefix="rcnn-") as folder:
        temporary = os.path.join(folder, "part")
        write(temporary)
        with open(temporary, "rb") as file:
            put(path, file.read())


def put(path: str, data: bytes) -> None:
    """Put an object into a store."""
    url = _url(path)
    assert url is not None
    store = _file_system(url.scheme, url.bucket, url.options)
    with _asking(path):
        # no `with`: what is closed after an error would be taken for whole
        stream = store.open_output_stream(url.path)
        stream.write(data)
        stream.close()
        size = store.get_file_info(url.path).size
    if size != len(data):
        raise OSError(f"the store has {size} of {len(data)} bytes")


def _to_disk(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Remove a file; one that is not there is an error on the disk, FileNotFoundError, and none in a store."""
    url = _url(path)
    if url is None:
        os.remove(plain(path))
    elif is_file(path):
        with _asking(path):
            _file_system(url.scheme, url.bucket, url.options).delete_file(url.path)


def remove_tree(path: str) -> None:
    """Remove a directory and what is in it, where it is there."""
    url = _url(path)
    if url is None:
        shutil.rmtree(plain(path), ignore_errors=True)
    elif url.scheme == "gs":  # pyarrow removes only directories there that have an object of their own
        for info in _list(path, url):
            with _asking(path):
                _file_system(url.scheme, url.bucket, url.options).delete_file(info.path)
    elif is_dir(path):
        with _asking(path):
            _file_system(url.scheme, url.bucket, url.options).delete_dir(url.path)
