"""Writes the table of appearances as a file, in the format given by its extension."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ...scores.verdicts import VERDICTS
from ...tables import StageReader
from ..endings import CSV, EDL, ENDINGS, FCPXML, JSON, OTIO, SRT, VTT, ending_of
from .captions import srt_outputs, vtt_outputs
from .edl import edl_outputs
from .fcpxml import fcpxml_outputs
from .flat import csv_outputs, json_outputs
from .otio import otio_outputs
from .place import write_outputs
from .rows import Chosen

FORMATS = {
    CSV: csv_outputs,
    JSON: json_outputs,
    EDL: edl_outputs,
    OTIO: otio_outputs,
    FCPXML: fcpxml_outputs,
    VTT: vtt_outputs,
    SRT: srt_outputs,
}


@dataclass(frozen=True)
class Written:
    """An export.

    count : of appearances
    where : what was written, in words: `who.vtt`, or `who/, 3 files`
    """

    count: int
    where: str


def write_file(table: str, path: str, verdicts: frozenset[str]) -> Written:
    """Write the appearances of a stage directory as a file; docs/files.md describes the formats.

    If several files are needed (captions of several sources, timelines of several people), they go to a folder named
    like the file without its extension.

    Parameters
    ----------
    table : directory or URL of a complete stage `appearances`
    path : file or URL to write, with one of `ENDINGS`
    verdicts : which of yes, maybe, no to write

    Raises
    ------
    InputError
        If the extension or a verdict is unknown, the table does not exist or is damaged, the file can't be written, or
        the format can't represent an appearance.
    """
    ending = ending_of(path)
    if ending is None:
        raise InputError(f"--output {path}: ends in none of {' '.join(ENDINGS)}")
    unknown = sorted(verdicts - set(VERDICTS))
    if unknown or not verdicts:
        raise InputError(f"--verdicts {','.join(unknown)}: takes {', '.join(VERDICTS)}, with commas between")
    chosen = Chosen(StageReader(table, ("appearances",)), verdicts)
    try:
        where = write_outputs(path, FORMATS[ending](chosen))
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}; give --output another path") from None
    return Written(chosen.count, where)
