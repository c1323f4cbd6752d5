"""Pages and files of films that are looked at in pieces: they speak of the film and its seconds."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import opentimelineio as otio
import pytest
from appearance_tables import ALL, Seen, write_table

from rcnn.exports.appearances import write_file
from rcnn.report.appearances import read_appearances, read_videos
from rcnn.tables import StageReader
from rcnn.tables.films import Films

FILM, OTHER = "/films/long.mkv", "/films/other.mp4"
FIRST, SECOND, LAST = (
    {"clip": f"long_{start:06.0f}", "source": FILM, "seconds": 30.0, "piece": (start, end)}
    for start, end in ((0.0, 30.0), (30.0, 60.0), (60.0, 0.0))
)
ROWS = [
    Seen(start=20.0, end=41.0, **FIRST),
    Seen(start=45.0, end=46.0, **SECOND),
    Seen(start=50.0, end=51.0, who=2, person="Bo", verdict="maybe", **SECOND),
    Seen(start=80.0, end=85.0, **LAST),
    Seen("other", 1.0, 2.0, source=OTHER, seconds=10.0),
]


@pytest.fixture
def table(tmp_path: Path) -> str:
    return write_table(tmp_path / "table", ROWS)


def test_the_films_of_a_table(table):
    films = Films.of(StageReader(table, ("appearances",)))
    assert films.lengths == {FILM: 90.0} and films.count == 2
    assert (films.film("long_000030"), films.film("other")) == (FILM, "other")


def test_a_film_is_one_on_the_page(table):
    reader = StageReader(table, ("appearances",))
    found = read_appearances(reader, 9)
    assert (found.all_clips, found.looked_at) == (2, 2)
    assert found.people[10].words == "2 yes" and found.people[2].words == "1 maybe"
    first = next(one for one in found.people[10].of("yes") if one.source == FILM)
    assert first.times == "0:20-0:41, 0:45-0:46, 1:20-1:25"
    assert [[one.who for one in clip.sightings] for clip in found.clips] == [[10, 2], [10]]
    videos = read_videos(reader, {"long_000060", "other"})
    assert {name: seconds for name, (seconds, _) in videos.items()} == {"long_000060": 90.0, "other": 10.0}


def test_a_timeline_has_the_whole_film_behind_each_cut(table, tmp_path):
    write_file(table, f"{tmp_path}/who.fcpxml", ALL)
    assets = ElementTree.parse(tmp_path / "who.fcpxml").iter("asset")
    assert {asset.get("name"): asset.get("duration") for asset in assets} == {"long.mkv": "90s", "other.mp4": "10s"}
    write_file(table, f"{tmp_path}/who.otio", ALL)
    for file in tmp_path.rglob("*.otio"):
        for clip in otio.adapters.read_from_file(str(file)).find_clips():
            seconds = clip.media_reference.available_range.duration.to_seconds()
            assert seconds == (90 if "long" in clip.media_reference.target_url else 10)
