"""Which clips of a stage directory are pieces of one film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..clips.listed import TO_THE_END
from .reader import StageReader


@dataclass(frozen=True)
class Films:
    """The films that clips are pieces of; clips that are whole files are left out.

    sources : path of the film, by the name of the piece
    lengths : seconds of each film up to the end of its last piece, by path
    whole : clips that are not pieces
    """

    sources: Mapping[str, str]
    lengths: Mapping[str, float]
    whole: int

    @staticmethod
    def of(reader: StageReader) -> Films:
        """Those of a directory's table of clips."""
        sources: dict[str, str] = {}
        lengths: dict[str, float] = {}
        whole = 0
        columns = ("name", "source", "start", "end", "seconds")
        for batch in reader.clips():
            for name, source, start, end, seconds in zip(*(batch.column(c).to_pylist() for c in columns), strict=True):
                if start or end != TO_THE_END:
                    sources[name] = source
                    lengths[source] = max(lengths.get(source, 0.0), start + seconds)
                else:
                    whole += 1
        return Films(sources, lengths, whole)

    @property
    def count(self) -> int:
        """Films, and clips that are none."""
        return self.whole + len(self.lengths)

    def film(self, name: str) -> str:
        """The film that a clip is a piece of, else the clip itself."""
        return self.sources.get(name, name)
