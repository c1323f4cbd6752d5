"""Who was found when, for the page, independent of its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..scores.verdicts import MAYBE, NO, YES
from .data import UNKNOWN

MINUTE, HOUR = 60, 3600  # seconds
MANY_CLIPS = 1 << 24  # short enough for a person's appearance
SURE = 0.995  # probability from which no rounded percentage is shown: it would be 100%


def clock(seconds: int) -> str:
    """A time of a file, such as 1:04 or 1:00:09."""
    hours, rest = divmod(seconds, HOUR)
    minutes, left = divmod(rest, MINUTE)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


@dataclass(frozen=True)
class Span:
    """Start and end of an appearance, in seconds of the source."""

    start: float
    end: float

    @property
    def text(self) -> str:
        """To the second: 0:12-0:15, or 0:12 for a moment."""
        first, last = clock(round(self.first)), clock(round(max(self.end, self.first)))
        return first if first == last else f"{first}-{last}"

    @property
    def fragment(self) -> str:
        """The media fragment that plays it (W3C Media Fragments 1.0, 4.2.1)."""
        return f"#t={self.first:.10g},{max(self.end, self.first):.10g}"

    @property
    def first(self) -> float:
        """Its start, which no file has before 0."""
        return max(self.start, 0.0)


@dataclass(frozen=True)
class Media:
    """The file of a clip.

    href : address, relative to the page; empty if browsers can't play it, or it does not exist
    path : as used in a command, quoted for a shell; empty if it does not exist
    """

    href: str = ""
    path: str = ""


@dataclass(frozen=True)
class Sighting:
    """The appearances of a person in a clip that have the same verdict.

    who : label of the person
    clip, split : name and split of the clip
    source : the user's own file
    verdict : YES, MAYBE or NO
    spans : when, in order
    more_spans : number of further ones
    track, time : of the best face
    cosine, probability : of the best appearance
    mark : RIGHT, WRONG or UNKNOWN by the truth about the clip
    note : who it is in truth, if someone else
    picture : JPEG of the best face, None if there is none or the page has no room for it
    """

    who: int
    clip: str
    split: str
    source: str
    verdict: str
    spans: Sequence[Span]
    track: int
    time: float
    cosine: float
    probability: float
    more_spans: int = 0
    mark: str = UNKNOWN
    note: str = ""
    picture: bytes | None = None
    media: Media = Media()

    @property
    def file(self) -> str:
        """Name of the source without its folders."""
        return self.source.rpartition("/")[2] or self.clip

    @property
    def way(self) -> str:
        """The folders of the source, with the stroke at the end; empty if it has none."""
        return self.source.removesuffix(self.file)

    @property
    def times(self) -> str:
        """All spans: 0:12-0:15, 1:04-1:09."""
        return ", ".join(span.text for span in self.spans)

    @property
    def share(self) -> str:
        """The probability in per cent; empty if there is too little to learn it from."""
        if not self.probability >= 0:  # also NaN
            return ""
        if self.probability >= SURE:
            return "over 99%"
        return "under 1%" if self.probability < 1 - SURE else f"{self.probability:.0%}"


@dataclass(frozen=True)
class Sightings:
    """Of one person, by verdict.

    shown : best first
    counts : clips by verdict, shown or not
    """

    shown: Mapping[str, Sequence[Sighting]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def of(self, verdict: str) -> Sequence[Sighting]:
        return self.shown.get(verdict, ())

    def more(self, verdict: str) -> int:
        """Clips with a verdict that are not shown."""
        return self.counts.get(verdict, 0) - len(self.of(verdict))

    @property
    def found(self) -> bool:
        """Whether there is a clip that is not a no."""
        return bool(self.counts.get(YES, 0) or self.counts.get(MAYBE, 0))

    @property
    def weight(self) -> int:
        """Sort key of people: clips with a yes, then clips with a maybe."""
        return self.counts.get(YES, 0) * MANY_CLIPS + self.counts.get(MAYBE, 0)

    @property
    def words(self) -> str:
        """Numbers of clips by verdict."""
        counts = [(self.counts.get(verdict, 0), verdict) for verdict in (YES, MAYBE, NO)]
        return ", ".join(f"{count} {verdict}" for count, verdict in counts if count) or "no clip"


@dataclass(frozen=True)
class SeenClip:
    """A clip with everyone who is in it, or may be.

    seconds : its length
    sightings : with a verdict other than NO; people in order of appearance
    nobody : when unknown people are in view
    """

    clip: str
    seconds: float
    sightings: Sequence[Sighting]
    nobody: Sequence[Span] = ()

    @property
    def length(self) -> float:
        """Seconds that the time line shows; never 0."""
        last = max((span.end for sighting in self.sightings for span in sighting.spans), default=0.0)
        return max(self.seconds, last) or 1.0

    @property
    def text(self) -> str:
        """Its length."""
        return clock(round(self.length))

    def left(self, span: Span) -> float:
        """Start of a span, percent of the length."""
        return min(100 * max(span.start, 0) / self.length, 100)

    def width(self, span: Span) -> float:
        """Length of a span, percent of the length."""
        return min(100 * max(span.end - span.start, 0) / self.length, 100 - self.left(span))
