"""Objects for programs that can only read files."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from ..errors import InputError
from .reading import CHUNK_BYTES
from .remote import StoreError, asking, check_answers, file_system
from .urls import Url, parse_url, plain

FETCH_PAUSES = (1.0, 4.0)  # seconds before a clip is requested again, in addition
MAX_CLIP_BYTES = 4 << 30  # maximum size of a fetched object


@contextmanager
def fetched(path: str, came: Callable[[], None] = lambda: None) -> Iterator[str]:
    """A path on disk at which a file can be opened, several times, until the end of the block.

    An object is copied into an unnamed file in the directory for temporary files, which the system removes when the
    process ends; the path is a link to it with the object's extension.

    Parameters
    ----------
    came : called whenever a piece of the object has arrived

    Raises
    ------
    FileNotFoundError
        If there is no such object.
    OSError
        If it can't be fetched in three tries although the store answers, or is too large.
    StoreError
        If the store does not answer, or the clip doesn't fit on the disk.
    """
    url = parse_url(path)
    if url is None:
        yield plain(path)
        return
    with tempfile.TemporaryFile() as file:
        _fetch(path, url, file, came)
        ending = os.path.splitext(url.key)[1]
        link = os.path.join(tempfile.gettempdir(), f"rcnn-{uuid.uuid4().hex}{ending[:16]}")
        os.symlink(f"/proc/{os.getpid()}/fd/{file.fileno()}", link)
        try:
            yield link
        finally:
            os.unlink(link)


def _fetch(path: str, url: Url, file: IO[bytes], came: Callable[[], None]) -> None:
    last: InputError | None = None
    for pause in (0.0, *FETCH_PAUSES):
        time.sleep(pause)
        file.seek(0)
        file.truncate()
        try:
            _copy(path, url, file, came)
            return
        except TooLargeError as error:
            raise OSError(str(error)) from None
        except NoRoomError as error:
            raise StoreError(f"{tempfile.gettempdir()}: a clip can't be put there: {error}; set TMPDIR") from None
        except FileNotFoundError:
            check_answers(path)  # the bucket may be gone
            raise
        except InputError as error:
            last = error
    check_answers(path)
    raise OSError(f"can't be fetched: {str(last).removeprefix(f'{path}: ')}")


def _copy(path: str, url: Url, file: IO[bytes], came: Callable[[], None]) -> None:
    with asking(path), file_system(url.scheme, url.bucket, url.options).open_input_file(url.path) as stream:
        size = stream.size()
        if size > MAX_CLIP_BYTES:
            raise TooLargeError(f"is larger than {MAX_CLIP_BYTES} bytes")
        while data := stream.read(CHUNK_BYTES):
            came()
            try:
                file.write(data)
                file.flush()
            except OSError as error:  # of this disk, not of the store
                raise NoRoomError(error.strerror) from None
        if file.tell() != size:
            raise InputError(f"{path}: {file.tell()} of {size} bytes came")


class NoRoomError(Exception):
    pass


class TooLargeError(Exception):
    pass
