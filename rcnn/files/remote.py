"""Object stores, asked through pyarrow, and what they answer in place of an object."""

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
SILENT_SECONDS = 5.0  # in which a store sends nothing, before a request is tried again
ATTEMPTS = 3  # of a request: a store that hangs is given up after 18 s
GCS_SECONDS = 10.0  # in which a request to GCS is tried again; the last of these tries may take as long again

_SILENT = ("NETWORK_CONNECTION", "REQUEST_TIMEOUT", "curlCode", "UNAVAILABLE", "CURL error", "DEADLINE")
_REFUSED = (
    "ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "UNAUTHENTICATED", "SIGNATURE", "TOKEN", "UNRECOGNIZED_CLIENT",
    "PERMISSION_DENIED", "status 403",
)  # fmt: skip


class StoreError(InputError):
    """The store itself does not answer or refuses: the fault of no single object."""


class RefusedError(StoreError):
    """The store answers, but not us."""


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
    """What a store said, without the path and the numbers of requests that pyarrow puts around it."""
    text = " ".join(str(error).split())
    found = re.search(r"(?:AWS Error |with a last message of |google::cloud::Status\()(.*)", text)
    return re.sub(r" \(Request ID.*", "", found[1] if found else text)


def _problem(path: str, error: Exception) -> InputError:
    text = _answer(error)
    short = text[:160]
    if any(sign in text for sign in _SILENT):
        return StoreError(
            f"{path}: the store does not answer ({short}); see to the network and the endpoint, then "
            "the same command resumes"
        )
    if any(sign in text for sign in _REFUSED) or isinstance(error, PermissionError):
        return RefusedError(
            f"{path}: the store refuses ({short}); give credentials that may do that, like AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY"
        )
    if "NO_SUCH_BUCKET" in text:
        return StoreError(f"{path}: there is no such bucket; make it, or give another")
    return InputError(f"{path}: the store says {short}; try again")


@contextmanager
def asking(path: str) -> Iterator[None]:
    """What pyarrow raises becomes a line for the person at the shell; FileNotFoundError stays."""
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
    """Raise StoreError unless the store and the bucket of a URL answer; nothing for a path on the disk."""
    from pyarrow.fs import FileType

    url = parse_url(path)
    if url is None:
        return
    bucket = Url(url.scheme, url.bucket, "", url.options)
    with suppress(RefusedError):  # who may use a part of a bucket may not always ask for it
        if info_of(path, bucket).type == FileType.NotFound:
            raise StoreError(f"{path}: there is no bucket {url.bucket}; make it, or give another")
    beside = url.key.rpartition("/")[0]
    # one that does not exist: answered like any other, whatever ails the object itself
    info_of(path, Url(url.scheme, url.bucket, f"{beside}/{uuid.uuid4().hex}".lstrip("/"), url.options))


def list_dir(path: str, url: Url, whole: bool = False) -> list[Any]:
    """What lies in a directory: a request for each thousand names.

    GCS knows a directory by what is in it alone, so that there all is listed that lies below.

    Parameters
    ----------
    whole : whether all is listed that lies below
    """
    from pyarrow import fs

    with asking(path):
        selector = fs.FileSelector(url.path, allow_not_found=True, recursive=whole or url.scheme == "gs")
        return file_system(url.scheme, url.bucket, url.options).get_file_info(selector)
