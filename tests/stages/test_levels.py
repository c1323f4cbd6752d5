"""A folder of people given one level too high or too low is refused, and the folder to give is named. No model runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from drawn_people import portrait

from rcnn.clips.folder import scan
from rcnn.clips.levels import folders_inside, notes
from rcnn.errors import InputError
from rcnn.stages.card import _crops
from rcnn.stages.enrolment import place_photographs
from rcnn.stages.gendata import _check_level, generate
from rcnn.stages.settings import GendataSettings
from rcnn.training.people import list_photographs


@pytest.fixture(scope="module")
def photograph(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("photograph") / "a.png"
    cv2.imwrite(str(path), portrait(0))
    return path


@pytest.fixture
def put(photograph, tmp_path, monkeypatch) -> Callable[..., None]:
    """Lays a photograph out under some names, below a folder in which the test goes on."""
    monkeypatch.chdir(tmp_path)

    def lay(*names: str) -> None:
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(photograph, name)

    return lay


def by_trainer(folder: str) -> None:
    list_photographs(folder)


def by_card(folder: str) -> None:
    _crops(Path(folder), None, 1000)  # refused before a detector is needed


def by_gendata(folder: str) -> None:
    generate(GendataSettings(Path(folder), Path("out"), min_items=2, workers=1))


FACES = [by_trainer, by_card]


@pytest.mark.parametrize("read", [*FACES, by_gendata])
def test_a_folder_that_contains_the_folder_of_people_is_refused(read, put):
    put("faces/my team/Ada/1.png", "faces/my team/Bo/1.png", "faces/my team/Bo/2.png")
    with pytest.raises(InputError, match=r"one folder, my team, .*; if each .* give --\w+ '.*faces/my team'$"):
        read("faces")


@pytest.mark.parametrize("read", FACES)
def test_several_teams_are_not_taken_for_people(read, put):
    put(*(f"faces/{team}/{name}/{take}.png" for team in ("x", "y", "z") for name in "ab" for take in (1, 2)))
    with pytest.raises(InputError, match=r"contains 3 folders, x, y, \.\.\., .* give --faces faces/x, or move all"):
        read("faces")


def test_a_photograph_of_the_whole_team_does_not_make_it_a_person(put):
    put("faces/team/all.jpg", "faces/team/Ada/1.png", "faces/team/Bo/1.png")
    with pytest.raises(InputError, match=r"give --faces faces/team$"):
        by_trainer("faces")


@pytest.mark.parametrize("read", [*FACES, by_gendata])
@pytest.mark.parametrize("below", [".", "faces"])
def test_the_folder_of_one_person_is_refused(read, below, put, monkeypatch):
    put("faces/Ada/1.png", "faces/Ada/2.png")
    monkeypatch.chdir(below)
    given = Path("Ada") if below == "faces" else Path("faces/Ada")
    with pytest.raises(InputError, match="if it is the folder of one person, give the one above: --") as error:
        read(str(given))
    above = Path(str(error.value).rsplit(" ", 1)[1])
    assert above.samefile(given.parent)


def test_here_is_below_the_folder_above(put, monkeypatch):
    put("faces/Ada/1.png")
    monkeypatch.chdir("faces/Ada")
    with pytest.raises(InputError, match=r"give the one above: --faces \.\.$"):
        by_trainer(".")


def test_people_with_folders_of_their_own_stay_people(put, capsys):
    put("faces/Ada/1.png", "faces/Ada/2019/2.png", "faces/Bo/1.png", "faces/Bo/old/2.png")
    assert {name: len(found) for name, found in list_photographs("faces").items()} == {"Ada": 1, "Bo": 1}
    assert capsys.readouterr().out == ""
    put("faces/team/Cy/1.png", "faces/team/Di/1.png")
    assert sorted(list_photographs("faces")) == ["Ada", "Bo"]
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "photographs in 2 folders inside team are not read" in said


def test_a_card_says_which_person_may_be_several(put, capsys):
    put("faces/Ada/1.png", "faces/team/Cy/1.png", "faces/team/Di/1.png")
    with pytest.raises(InputError, match="pairs of faces of one person are too few"):
        _crops(Path("faces"), lambda *_: pytest.fail("no photograph may be read"), 0)
    assert "card: team is one person, with photographs in 2 folders; if each" in capsys.readouterr().out


def test_gendata_takes_a_folder_for_each_year_and_says_so(put, capsys):
    put(*(f"faces/{name}/{year}/1.png" for name in ("Ada", "Bo") for year in (2019, 2020)))
    _check_level(scan(Path("faces"))[0], Path("faces"))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("gendata.py: Ada is one person, with photographs in 2 folders") and "Bo is" in second


def test_a_thousand_such_people_are_three_lines():
    inside = {str(number): 2 for number in range(1000)}
    said = notes({**inside, "Ada": 0}, "--input", {person: Path(person) for person in inside})
    assert len(said) == 3 and said[-1].startswith("998 more")


@pytest.mark.parametrize(
    ("names", "given", "words"),
    [
        (["faces/Ada/1.png"], "faces/Ada", "is a folder; give photographs of one person: faces/Ada/*.png"),
        (["faces/A b/1.png"], "faces", "is a folder of folders; give photographs of one person, like 'faces/A b'/*"),
        (["faces/x/Ada/1.png"], "faces", "is a folder without photographs; give photographs of one person"),
    ],
)
def test_people_add_takes_photographs_and_no_folder(names, given, words, put):
    put(*names)
    with pytest.raises(InputError, match=f"^{given}: {re.escape(words)}"):
        place_photographs(None, [Path(given)], link=False)


@pytest.mark.parametrize(
    ("names", "folders"),
    [([], 0), (["1.png"], 0), (["a/1.png", "a/2.png"], 0), (["a/1.png", "b/c/2.png"], 2), (["a/1", "b/1", "c"], 0)],
)
def test_folders_are_people_only_where_nothing_else_is(names, folders):
    assert folders_inside(names) == folders
