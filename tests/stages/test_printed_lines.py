"""Lines that a search for people prints: numbers with their nouns, and people by the names they are shown with."""

from __future__ import annotations

from pathlib import Path

from appearance_tables import Seen, write_table

from rcnn.clips.gather import SourceFile
from rcnn.files.text import counted, counted_people, counted_photographs
from rcnn.stages.find_set import FilmSet
from rcnn.stages.find_summary import summary


def test_one_is_singular():
    assert [counted(count, "film") for count in range(3)] == ["0 films", "1 film", "2 films"]
    assert [counted_people(count) for count in (1, 2)] == ["1 person", "2 people"]
    assert [counted_photographs(count) for count in (1, 2)] == ["1 photograph or video", "2 photographs and videos"]


def test_a_set_of_one_person_and_one_film():
    film = SourceFile("a.mp4", 1, 1)
    found = FilmSet({"Ada": [SourceFile("/p/Ada.jpg", 1, 1)]}, {"Ada": 1}, [film], 1, 0, 0, (), Path("/p"))
    assert found.lines[0] == (
        "find: 1 person with 1 photograph or video; 1 film: 0 as before, 1 new, 0 changed; 0 gone"
    )


def test_who_is_not_found_has_the_name_that_is_shown(tmp_path):
    table = write_table(tmp_path / "table", [Seen("a.mp4", 1, 2, who=1, person="Ada")])
    labels = {"Ada": 1, "Tony": 2, "Anthony": 2, "Bo": 3}
    assert list(summary(table, labels, str(tmp_path), {1: "Ada", 2: "Tim"})) == [
        "  Ada: 1 yes, 0 maybe, in 1 film", "  not found: Tim, Bo"
    ]  # fmt: skip
