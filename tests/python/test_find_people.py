"""Who is in view in some files: people by name or as a folder, files that can't be read, what is left out."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from drawn_people import CLEAR, framed, portrait, put_clip

from rcnn import ArgumentError, FaceFinder, find_people

FRAMES = 10  # of 25 a second


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films, a photograph and what is neither; and a folder of people."""
    work = tmp_path_factory.mktemp("people")
    for number in (0, 1):
        put_clip(work / f"films/film{number}.mp4", [framed(portrait(number, CLEAR))] * FRAMES)
    (work / "films/broken.mp4").write_bytes(b"\0\0\0\x20ftypisom" + b"\0" * 50)
    cv2.imwrite(str(work / "films/photo.png"), framed(portrait(0, CLEAR + 1)))
    (work / "films/notes.txt").write_text("nothing to see\n")
    (work / "known/Ada").mkdir(parents=True)
    cv2.imwrite(str(work / "known/Ada/1.png"), portrait(0, CLEAR))
    cv2.imwrite(str(work / "known/Bo.png"), portrait(1, CLEAR))
    return work


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder(gpu=-1)


@pytest.mark.filterwarnings("ignore:paths .*notes.txt")
def test_people_of_a_folder_are_found_in_a_folder(place: Path, finder: FaceFinder):
    with pytest.warns(UserWarning, match=r"broken\.mp4: can't be read.*; it is left out"):
        found = list(find_people(place / "known", place / "films", finder=finder, min_quality=0))
    seen = {(Path(item.source).name, item.person) for item in found if item.verdict == "yes"}
    assert {("film0.mp4", "Ada"), ("film1.mp4", "Bo")} <= seen
    assert all(
        (name, person) in {("film0.mp4", "Ada"), ("film1.mp4", "Bo"), ("photo.png", "Ada")} for name, person in seen
    )
    film = next(item for item in found if item.source.endswith("film0.mp4"))
    assert film.start == 0 and film.end == pytest.approx(FRAMES / 25, abs=0.1) and film.box.shape == (4,)


def test_a_person_is_given_as_any_image(place: Path, finder: FaceFinder):
    path = place / "known/Ada/1.png"
    ways = {"path": path, "list": [str(path)], "bytes": path.read_bytes(), "array": portrait(0, CLEAR)}
    cosines = [
        next(find_people({name: image}, place / "films/film0.mp4", finder=finder, colour="bgr", min_quality=0)).cosine
        for name, image in ways.items()
    ]
    assert cosines == pytest.approx([cosines[0]] * len(ways), abs=1e-5)


def test_what_is_wrong_is_said_at_the_call(place: Path, finder: FaceFinder, tmp_path: Path):
    film = place / "films/film0.mp4"
    blank = tmp_path / "blank.png"
    cv2.imwrite(str(blank), portrait(0, CLEAR) * 0)
    (tmp_path / "nobody").mkdir()
    (tmp_path / "dark").mkdir()
    (tmp_path / "dark/Ada.png").hardlink_to(blank)
    wrong = [
        ({}, film, "^people: names nobody; give {'Ada'"),
        ({"Ada": []}, film, r"^people\['Ada'\]: has no photograph"),
        ({"": blank}, film, "^people: '' is not a name"),
        ({"Ada": blank}, film, r"^people\['Ada'\] .*blank\.png: no face was found in it"),
        ({"Ada": film}, film, r"^people\['Ada'\] .*film0\.mp4: is not a picture"),
        ({"Ada": "missing.jpg"}, film, r"^people\['Ada'\] missing\.jpg: No such file"),
        ({"Ada": portrait(0, CLEAR)}, film, "^colour: give the order"),
        (tmp_path / "nobody", film, "^people .*nobody: contains no photograph"),
        (tmp_path / "nowhere", film, "^people .*nowhere: no such folder"),
        (blank, film, r"^people .*blank\.png: is a file; give"),
        ({"Ada": place / "known/Bo.png"}, tmp_path / "nobody", "^paths .*nobody: no video and no photograph"),
    ]
    for people, paths, said in wrong:
        with pytest.raises(ArgumentError, match=said):
            find_people(people, paths, finder=finder)
    with (
        pytest.warns(UserWarning, match="no face was found"),
        pytest.raises(ArgumentError, match="no photograph there"),
    ):
        find_people(tmp_path / "dark", film, finder=finder)
    stream = find_people({"Bo": place / "known/Bo.png"}, place / "films/broken.mp4", finder=finder)
    with pytest.raises(ArgumentError, match=r"broken\.mp4: can't be read"):  # the only file
        next(stream)
