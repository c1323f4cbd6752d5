"""Object stores, accessed through pyarrow, and their errors."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from ..errors import InputError
from .urls import Url, parse_url

CONNECT_SECONDS = 3.0  # to a store
SILENT_SECONDS = 5.0  # without data from a store before a request is tried again
ATTEMPTS = 3  # tries of a request: a hanging store is given up after 18 s
GCS_SECONDS = 10.0  # of retries of a request to GCS; the last of them may take as long again

_SILENT = ("NETWORK_CONNECTION", "REQUEST_TIMEOUT", "curlCode", "UNAVAILABLE", "CURL error", "DEADLINE")
_REFUSED = (
    "ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "UNAUTHENTICATED", "SIGNATURE", "TOKEN", "UNRECOGNIZED_CLIENT",
    "PERMISSION_DENIED", "status 403",
)  # fmt: skip


class StoreError(InputError):
    """The store itself does not answer or refuses: not the fault of a single object."""


class RefusedError(StoreError):
    """The store refuses our request."""


@lru_cache(maxsize=32)
def file_system(scheme: str, bucket: str, options: str) -> Any:
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


def _answer(error: Exception) -> str:
    """A store's message, without the path and the request IDs that pyarrow adds."""
    text = " ".join(str(error).split())
    found = re.search(r"(?:AWS Error |with a last message of |google::cloud::Status\()(.*)", text)
    return re.sub(r" \(Request ID.*", "", found[1] if found else text)


def _problem(path: str, error: Exception) -> InputError:
    text = _answer(error)
    short = text[:160]
    if any(sign in text for sign in _SILENT):
        return StoreError(
            f"{path}: the store does not answer ({short}); check the network and the endpoint, then "
            "the same command resumes"
        )
    if any(sign in text for sign in _REFUSED) or isinstance(error, PermissionError):
        return RefusedError(
            f"{path}: the store refuses ({short}); give credentials that allow it, such as AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY"
        )
    if "NO_SUCH_BUCKET" in text:
        return StoreError(f"{path}: there is no such bucket; make it, or give another")
    return InputError(f"{path}: the store says {short}; try again")


@contextmanager
def asking(path: str) -> Iterator[None]:
    """Turn pyarrow's exceptions into a line for the user, except FileNotFoundError."""
    import pyarrow as pa

    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(2, "No such object", path) from None
    except (OSError, pa.ArrowException) as error:
        raise _problem(path, error) from None


def info_of(path: str, url: Url) -> Any:
    with asking(path):
        return file_system(url.scheme, url.bucket, url.options).get_file_info(url.path)


def check_answers(path: str) -> None:
    """Raise StoreError unless the store and the bucket of a URL answer; does nothing for a path on disk."""
    from pyarrow.fs import FileType

    url = parse_url(path)
    if url is None:
        return
    bucket = Url(url.scheme, url.bucket, "", url.options)
    with suppress(RefusedError):  # users with access to a part of a bucket may not be allowed to query the bucket
        if info_of(path, bucket).type == FileType.NotFound:
            raise StoreError(f"{path}: there is no bucket {url.bucket}; make it, or give another")
    beside = url.key.rpartition("/")[0]
    # an object that does not exist: the answer does not depend on problems of the object itself
    info_of(path, Url(url.scheme, url.bucket, f"{beside}/{uuid.uuid4().hex}".lstrip("/"), url.options))


def list_dir(path: str, url: Url, whole: bool = False) -> list[Any]:
    """The contents of a directory: a request for each thousand names.

    GCS knows a directory only by its contents, so everything below it is listed there.

    Parameters
    ----------
    whole : whether to list everything below
    """
    from pyarrow import fs

    with asking(path):
        selector = fs.FileSelector(url.path, allow_not_found=True, recursive=whole or url.scheme == "gs")
        return file_system(url.scheme, url.bucket, url.options).get_file_info(selector)
