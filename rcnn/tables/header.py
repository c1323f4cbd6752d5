"""What a stage directory was made from, and whether a run would use the same inputs now.

The header is in the manifest, and in the progress of a stopped run. It is compared only here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from .. import files
from ..errors import InputError, note_saved
from ..files import sha256, sha256_once
from ..files.json import read_json
from ..files.lock import LOCK, take_lock
from ..installation import as_called
from .listing import Listing
from .moved import is_own
from .schema import BEFORE, FORMAT, INT8, KINDS, MANIFEST, OLD_LISTING, PROGRESS

# Arguments that do not change the output
FREE_ARGUMENTS = (
    "output", "overwrite", "renew", "gpu", "workers", "ray", "decoders", "max_bad", "licence", "vectors", "vectors_of",
)  # fmt: skip
# Arguments that name files with sums: a file or directory with another name may have the same contents
NAMES = ("model", "detector", "input", "inputs", "features", "known", "names", "sources", "answers", "answered")
PLACES = ("dataset",)  # arguments that are equal if they name the same path, absolute or relative
ANSWERS = "answers"  # how the keys of the sums of answers start
LIST = "listing"  # key of the digest of the list of clips
MADE = "made"  # key of a source: digest of what it was made from, regardless of its clips
GROWING = ("detect", "feature")  # stages that copy the rows of unchanged clips
SHORT = 60  # characters of a value in a message


def file_sums(paths: Sequence[str]) -> dict[str, str]:
    """sha256 of files, by name; by folder and name if two files have the same name."""
    bases = [os.path.basename(path) for path in paths]
    return {
        base if bases.count(base) == 1 else files.join(os.path.basename(os.path.dirname(path)), base): sha256_once(path)
        for base, path in zip(bases, paths, strict=True)
    }


def model_digest(sums: Mapping[str, str]) -> str:
    """One digest of the files of a model, whatever their names; `sums` as returned by `file_sums`."""
    return hashlib.sha256("".join(sums.values()).encode()).hexdigest()


def check_unchanged(paths: Sequence[str], sums: Mapping[str, str]) -> None:
    """Refuse model files that have changed since a run started.

    Parameters
    ----------
    sums : of the run, as returned by `file_sums`

    Raises
    ------
    InputError
        With the first such file, or one of the run that is gone, like a card.
    """
    now = file_sums(paths)
    if gone := sorted(sums.keys() - now):
        raise InputError(
            f"{gone[0]}: was removed during the run; put the file back and give the same command, or start again with "
            f"--overwrite"
        )
    for path, (name, found) in zip(paths, now.items(), strict=True):
        if sums.get(name) != found:
            raise InputError(
                f"{path}: was replaced during the run; put the file back and give the same command, or "
                f"start again with --overwrite"
            )


def header_of(
    stage: str,
    arguments: Mapping[str, Any],
    models: Sequence[str] | Mapping[str, str] = (),
    sources: Sequence[str] = (),
    lineage: Sequence[Mapping[str, str]] | None = None,
    listing: Listing | None = None,
) -> dict[str, Any]:
    """What a directory is made from.

    Parameters
    ----------
    arguments : of the run
    models : paths of every model file used, or their sha256 by file name
    sources : stage directories it is made from
    lineage : what the manifest records instead of them; None for the sources
    listing : the clips of its data set; None if its clips come from its sources
    """
    return {
        "format": FORMAT,
        "stage": stage,
        "arguments": json.loads(json.dumps(dict(arguments))),
        "models": dict(models) if isinstance(models, Mapping) else file_sums(models),
        "sources": [_source(source, stage) for source in sources] if lineage is None else list(lineage),
        **({} if listing is None else {LIST: listing.digest}),
    }


def _source(path: str, stage: str) -> dict[str, str]:
    file = files.join(path, MANIFEST)
    made = {MADE: made_of(path)} if stage in GROWING else {}
    return {"path": path, "manifest": sha256(file), **made}


def made_of(path: str) -> str:
    """Digest of what determines the result for each clip of a stage directory: arguments and models, not the list of
    clips.

    With `--precision int8` this includes the calibrated networks.

    Raises
    ------
    OSError, ValueError
        If its manifest can't be read.
    """
    manifest = read_json(files.join(path, MANIFEST))
    manifest = manifest if isinstance(manifest, Mapping) else {}
    given = manifest.get("arguments")
    given = given if isinstance(given, Mapping) else {}
    arguments = {key: value for key, value in given.items() if key not in {*FREE_ARGUMENTS, *NAMES}}
    networks = files.join(path, INT8)
    records = sorted(name for name in files.names(networks) if name.endswith(".json")) if files.is_dir(networks) else ()
    ways = [
        {name: manifest.get(name) for name in ("format", "stage", "models")},
        arguments,
        [sha256(files.join(networks, name)) for name in records],
    ]
    return hashlib.sha256(json.dumps(ways, sort_keys=True).encode()).hexdigest()


def header_there(path: str) -> Mapping[str, Any] | None:
    """The header of what a stage directory holds, complete or not: of its manifest, its progress, or what was put
    aside last; None if there is none that can be read."""
    for name in (MANIFEST, PROGRESS):
        with suppress(OSError, ValueError):
            found = read_json(files.join(path, name))
            header = found.get("header") if isinstance(found, Mapping) and name == PROGRESS else found
            return header if isinstance(header, Mapping) else None
    before = files.join(path, BEFORE)
    layers = [name for name in files.names(before) if name.isdecimal()] if files.is_dir(before) else []
    return header_there(files.join(before, max(layers, key=int))) if layers else None


def may_grow(was: Any, now: Mapping[str, Any]) -> bool:
    """Whether a run would now get the same result for an unchanged clip as an earlier run.

    Parameters
    ----------
    was : header of the earlier run, or its manifest
    now : header
    """
    return now["stage"] in GROWING and not differences(_without_clips(was), _without_clips(now))


def _without_clips(header: Any) -> dict[str, Any]:
    """A header without the list of clips."""
    header = header if isinstance(header, Mapping) else {}
    sources = header.get("sources")
    return {
        **{key: value for key, value in header.items() if key != LIST},
        "sources": [
            {**source, "manifest": source.get(MADE)} if isinstance(source, Mapping) else source for source in sources
        ]
        if isinstance(sources, list)
        else sources,
    }


def differences(was: Any, now: Mapping[str, Any]) -> list[str]:
    """The differences between an earlier header and the current one, in words, arguments first; empty if there are
    none."""
    was = was if isinstance(was, Mapping) else {}
    return [*other_arguments(was, now), *other_inputs(was, now)]


def other_arguments(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The arguments that differ, as `NAME (VALUE, now VALUE)`."""
    return list(_by_key(was.get("arguments"), now["arguments"], {*FREE_ARGUMENTS, *NAMES}).values())


def other_inputs(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The models, sources and formats that differ. A directory or a file that was only moved is equal."""
    return [exact for exact, _ in _differences(was, now)]


def _differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What `other_inputs` finds, twice: after `another`, with the values; and after `with`, without them."""
    for key, exact in _by_key(was.get("models"), now["models"], set()).items():
        yield exact, f"other {ANSWERS}" if key.startswith(ANSWERS) else f"another {key}"
    for name in sorted({*now, *was} & {"format", "stage", LIST}):
        if was.get(name) == now.get(name):
            continue
        if name == LIST:
            yield "list of clips", "another list of clips"
        else:
            yield f"{name} ({_short(was.get(name))}, now {_short(now.get(name))})", f"another {name}"
    before = _sums(was.get("sources"))
    for place, source in enumerate(now["sources"]):
        if place >= len(before) or before[place] != source["manifest"]:
            path = source["path"]
            yield f"{path}, which was rebuilt", f"{path} as it was before" if place < len(before) else f"no {path}"
    if len(before) > len(now["sources"]):
        yield f"number of inputs ({len(before)}, now {len(now['sources'])})", "more inputs"


def _by_key(was: Any, now: Mapping[str, Any], free: set[str]) -> dict[str, str]:
    was = was if isinstance(was, Mapping) else {}
    return {
        key: f"{key} ({_short(was.get(key))}, now {_short(now.get(key))})"
        for key in sorted({*was, *now} - free)
        if was.get(key) != now.get(key) and not (key in PLACES and _same_place(was, now, key))
    }


def _same_place(was: Mapping[str, Any], now: Mapping[str, Any], key: str) -> bool:
    """Whether an argument names the same path, or each time the data set in the folder of the run, which was moved."""
    one, other = was.get(key), now.get(key)
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    return files.same(one, other) or (is_own(was) and is_own(now))


def _sums(sources: Any) -> list[Any]:
    if not isinstance(sources, list):
        return []
    return [source.get("manifest") if isinstance(source, Mapping) else None for source in sources]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHORT else f"{text[:SHORT]}..."


def check_not_input(path: str, sources: Sequence[str]) -> None:
    """Refuse an output that is one of the directories it is made from."""
    if any(files.same(source, path) for source in sources):
        raise InputError(f"{path}: is also the input; give --output another path")


def check_same_stage(path: str, manifest: Any, stage: str) -> None:
    """Refuse to replace the output of another stage."""
    other = manifest.get("stage") if isinstance(manifest, Mapping) else None
    if isinstance(other, str) and other in KINDS and other != stage:
        raise InputError(
            f"{path}: contains the output of {KINDS[other].script}; give --output another path, or remove it"
        )


def is_kept(path: str, header: Mapping[str, Any], overwrite: bool, renew: bool) -> bool:
    """Whether a complete directory made from the same inputs exists; if so, prints a line.

    One that is to be replaced is marked incomplete here, before its successor is made: what a run that is stopped
    immediately leaves behind is never taken for its result. One that only has other clips is left to `StageWriter`,
    which copies the rows of unchanged clips.

    Parameters
    ----------
    overwrite : whether to replace an existing directory
    renew : whether to replace it if its inputs have changed, and the arguments have not

    Raises
    ------
    InputError
        If it was made with other arguments or from other inputs, and is not to be replaced.
    """
    manifest = files.join(path, MANIFEST)
    check_not_input(path, [source["path"] for source in header["sources"]])
    files.check_no_links(path)
    if not files.exists(manifest):
        return False
    try:
        was = read_json(manifest)
    except (OSError, ValueError) as error:
        if not overwrite:
            raise InputError(f"{manifest}: can't be read ({error}); give --overwrite to replace {path}") from None
        was = None
    was = was if isinstance(was, Mapping) else {}
    check_same_stage(path, was, header["stage"])
    if not overwrite:
        script = KINDS[header["stage"]].script
        arguments, inputs = other_arguments(was, header), other_inputs(was, header)
        if not arguments and not inputs:
            _tidy(path)
            print(as_called(f"{script}: {path} is complete and was made from the same inputs; it is kept"), flush=True)
            note_saved()
            return True
        if may_grow(was, header):
            return False
        if arguments or not renew:
            raise InputError(
                f"{path}: is complete and was made with another {', another '.join([*arguments, *inputs])}; give the "
                f"same, --overwrite to replace it, or another --output"
            )
        why = " and ".join(f"with {plain}" for _, plain in _differences(was, header))
        print(as_called(f"{script}: {path} was made {why}; it is made again"), flush=True)
    discard(path)
    return False


def _tidy(path: str) -> None:
    """Remove what a run leaves next to its manifest when it is killed in its last step; nothing reads that."""
    left = [file for name in (PROGRESS, OLD_LISTING) if files.exists(file := files.join(path, name))]
    before = files.join(path, BEFORE)
    if not left and not files.is_dir(before):
        return
    with suppress(OSError, InputError):  # a complete output may be read-only
        lock = take_lock(files.join(path, LOCK), path, "--output")
        try:
            if files.exists(files.join(path, MANIFEST)):  # no run has started to replace it
                for file in left:
                    files.remove(file)
                files.remove_tree(before)
        finally:
            lock.release()


def discard(path: str) -> None:
    """Invalidate a stage directory: it counts neither as complete nor as a resumable run.

    Raises
    ------
    InputError
        If it can't be removed.
    """
    if not files.is_dir(path):
        return
    files.check_no_links(path)
    before = files.join(path, BEFORE)
    if files.is_dir(before):
        files.check_no_links(before)
        for name in files.names(before):
            files.discard(files.join(before, name, MANIFEST))
    for name in (MANIFEST, PROGRESS):
        files.discard(files.join(path, name))
