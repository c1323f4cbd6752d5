"""From a table of appearances to the contents of a page: playable files, right and wrong, certainty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..scores.verdicts import NO
from ..tables import StageReader
from .appearances import UNKNOWN_VIDEO, Found, read_appearances, read_videos
from .data import RIGHT, WRONG
from .found import Media, SeenClip, Sighting, Sightings
from .lineage import Lineage
from .media import Finder
from .sureness import Sureness, read_sureness
from .truth import Truth


@dataclass(frozen=True)
class Timeline:
    """When people appear, and the basis of it.

    found : people and clips
    media : files of the clips that are shown
    sureness : the basis of the verdicts
    notes : unreadable inputs
    """

    found: Found
    media: Mapping[str, Media] = field(default_factory=dict)
    sureness: Sureness = field(default_factory=Sureness)
    notes: tuple[str, ...] = ()

    def has(self, label: int) -> bool:
        """Whether a person is, or may be, in a clip."""
        return label in self.found.people and self.found.people[label].found

    def of(self, label: int, truth: Truth) -> Sightings:
        """Those of a person, with what the truth says of them."""
        mine = self.found.people.get(label, Sightings())
        return replace(mine, shown={verdict: self._all(those, truth) for verdict, those in mine.shown.items()})

    def clips(self, truth: Truth) -> list[SeenClip]:
        """The view by clip."""
        return [replace(clip, sightings=self._all(clip.sightings, truth)) for clip in self.found.clips]

    def _all(self, sightings: Iterable[Sighting], truth: Truth) -> list[Sighting]:
        return [self._one(sighting, truth) for sighting in sightings]

    def _one(self, sighting: Sighting, truth: Truth) -> Sighting:
        media = self.media.get(sighting.clip, Media())
        right = truth.is_right(sighting.clip, sighting.who)
        if right is None:
            return replace(sighting, media=media)
        # a right no needs no mark, and a wrong one gets only a note
        mark = RIGHT if right else WRONG
        if sighting.verdict == NO:
            return replace(sighting, media=media, note="by the truth it is this person" if right else "")
        return replace(sighting, media=media, mark=mark, note="" if right else truth.who(sighting.clip))


def read_timeline(reader: StageReader, lineage: Lineage, page: str, most_people: int) -> Timeline:
    """The timeline of an appearances directory.

    Parameters
    ----------
    page : path of the page, to which addresses of files are relative
    most_people : cards at most

    Raises
    ------
    InputError
        If the table is damaged.
    """
    found = read_appearances(reader, most_people)
    notes = []
    try:
        sureness = read_sureness(reader.manifest)
    except ValueError as error:
        sureness = Sureness()
        notes.append(f"{reader.path}: the record of its verdicts can't be read: {error}")
    shown = [one for person in found.people.values() for those in person.shown.values() for one in those]
    shown += [one for clip in found.clips for one in clip.sightings]
    clips = {one.clip: one for one in shown}
    videos = read_videos(reader, clips)
    finder = Finder(lineage.datasets, page)
    media = {
        name: finder.find(name, one.split, one.source, videos.get(name, UNKNOWN_VIDEO)[1])
        for name, one in clips.items()
    }
    found.clips = [replace(clip, seconds=videos.get(clip.clip, UNKNOWN_VIDEO)[0]) for clip in found.clips]
    return Timeline(found, media, sureness, tuple(notes))
