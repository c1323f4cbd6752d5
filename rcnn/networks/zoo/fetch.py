"""Lists the known models, or downloads one; without a network it prints what to get and where to put it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence

from ...errors import InputError
from ...files import sha256, write_whole
from .download import CHUNK, LARGEST, NoNetwork, download
from .registry import KnownModel, ModelFile

NO_MODEL = (b"<", b"version https://git-lfs")  # first bytes of a web page and of a Git LFS pointer


def fetch(model: KnownModel, folder: str) -> None:
    """Download the missing files of a model into a folder, and check them.

    Raises
    ------
    InputError
        If one can't be fetched or has another sha256; the message says what to do instead.
    """
    archives: list[str] = []
    missing: list[ModelFile] = []
    reason = ""
    for file in model.files:
        target = os.path.join(folder, file.name)
        if not os.path.isfile(target):
            try:
                if not file.url:
                    raise NoNetwork("no address is known from which it can be fetched as it is")
                _get(file, target, archives)
            except NoNetwork as error:
                missing.append(file)
                reason = str(error)
                continue
        _check(target, file)
        state = "sha256 is right" if file.sha256 else "exists; its sha256 is not known, so it is not checked"
        print(f"{target}: {state}")
    if missing:
        raise InputError(f"{model.name}: can't be fetched ({reason}); {by_hand(model, missing, folder)}")
    for archive in archives:
        os.remove(archive)
    print(f"{model.name}: {model.what}; licence: {model.licence}; give {os.path.join(folder, model.give)}")


def _get(file: ModelFile, target: str, archives: list[str]) -> None:
    """Download a file, or its archive, which is kept until all files are complete."""
    if not file.member:
        download(file.url, target, file.sha256, file.size)
        return
    name = file.url.rpartition("/")[2]
    if name in ("", ".", ".."):
        raise InputError(f"{file.url}: does not end in a file name")
    archive = os.path.join(os.path.dirname(target), name)
    if not os.path.isfile(archive):
        download(file.url, archive, size=file.size)
    if archive not in archives:
        archives.append(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            # some packs have a folder in front of the names
            names = [name for name in opened.namelist() if os.path.basename(name) == os.path.basename(file.member)]
            if len(names) != 1:
                raise InputError(f"{archive}: contains {len(names)} files named {file.member}, not 1; remove it")

            def unpack(temporary: str) -> None:
                with opened.open(names[0]) as source, open(temporary, "wb") as sink:
                    while data := source.read(CHUNK):
                        sink.write(data)
                        if sink.tell() > LARGEST:
                            raise InputError(f"{archive}: {file.member} in it has more than {LARGEST} bytes; remove it")

            write_whole(target, unpack, private=False)
    except zipfile.BadZipFile:
        os.remove(archive)
        raise InputError(f"{file.url}: is not a .zip, so it was removed; give the same command again") from None


def _check(target: str, file: ModelFile) -> None:
    if file.sha256:
        if (found := sha256(target)) != file.sha256:
            raise InputError(f"{target}: has sha256 {found}, not {file.sha256}; remove it and fetch it again")
        return
    with open(target, "rb") as opened:
        head = opened.read(64).lstrip()
    if head.startswith(NO_MODEL):
        raise InputError(f"{target}: is a web page or a pointer, not a model; remove it and fetch it again")


def by_hand(model: KnownModel, files: Sequence[ModelFile], folder: str) -> str:
    """One line that tells the user what to download and where to put it."""
    parts = []
    for file in files:
        source = f"{file.member} from {file.url}" if file.member else file.url or f"it from {model.page}"
        parts.append(f"{source} as {os.path.join(folder, file.name)}")
    return f"on a machine with a network get {', '.join(parts)}; then give {os.path.join(folder, model.give)}"


def listing(models: Sequence[KnownModel]) -> str:
    """A few lines per model."""
    blocks = []
    for model in models:
        known = sum(bool(file.sha256) for file in model.files)
        sums = {0: "not known", len(model.files): "known"}.get(known, f"known of {known} of {len(model.files)} files")
        use = {True: "yes", False: "no", None: "not stated"}[model.commercial]
        blocks.append(
            f"{model.name}: {model.what}\n"
            f"  licence: {model.licence}; commercial use: {use}; learnt from: {model.training}\n"
            f"  accuracy: {model.accuracy}; sha256: {sums}\n  {model.page}"
        )
    return "\n".join(blocks)
