"""People who were forgotten do not come back with the files that still lie in the folder of people."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import cv2
import pytest
from drawn_people import portrait

from rcnn.clips.given import read_given
from rcnn.clips.roster import read_roster
from rcnn.clips.suppressed import SUPPRESSED_FILE, Suppressed, suppress
from rcnn.errors import InputError
from rcnn.stages.find_set import FilmSet, make_set
from rcnn.stages.gendata import generate
from rcnn.stages.settings import FindSettings, GendataSettings

ADA, BO = "Ada Löve", "Bo"


def put(path: Path, number: int, take: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), portrait(number, take))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    put(tmp_path / "people" / ADA / "0.png", 1)
    put(tmp_path / f"people/{BO}.png", 4)
    put(tmp_path / "films/street.png", 5)
    return tmp_path


def make(place: Path) -> FilmSet:
    settings = FindSettings(people=place / "people", clips=(str(place / "films"),), output=str(place / "found"))
    (place / "found").mkdir(exist_ok=True)
    return make_set(settings, str(place / "found/dataset"))


def forget(root: Path, name: str) -> None:
    """What `rcnn forget` does to the lists of a data set."""
    suppress(str(root), [name])
    roster = read_roster(str(root))
    roster.without(roster.find(name)).write(roster)


def test_a_forgotten_person_is_left_out_of_a_search_and_named(place):
    assert list(make(place).people) == [ADA, BO]
    forget(place / "found/dataset", ADA)
    for _ in range(2):  # also of the lists that were written since
        found = make(place)
        assert list(found.people) == list(found.labels) == [BO]
        assert f"forgotten: {ADA}; remove their files from --people {place}/people" in found.forgotten
        assert f"people add 'Ada Löve' PHOTOGRAPH --run {place}/found, then the same find" in found.forgotten
        assert ADA not in read_given(str(place / "found/dataset"))
    assert not any(ADA.encode() in path.read_bytes() for path in (place / "found").rglob("*") if path.is_file())


def test_whoever_gets_a_label_again_is_taken_back(place):
    make(place)
    forget(place / "found/dataset", ADA)
    roster = read_roster(str(place / "found/dataset"))
    roster.with_photographs(ADA, []).write(roster)
    found = make(place)
    assert list(found.people) == [ADA, BO] and not found.forgotten
    assert found.labels[ADA] == 3


def test_where_everybody_was_forgotten_one_line_says_so(place):
    make(place)
    forget(place / "found/dataset", ADA)
    (place / f"people/{BO}.png").unlink()
    with pytest.raises(InputError, match=f"forgotten: {ADA}; .*; nobody is left to search for"):
        make(place)


def test_a_forgotten_person_is_left_out_of_a_data_set(place, capsys):
    put(place / "people" / ADA / "1.png", 1, 1)
    for take in range(2):
        put(place / "people" / BO / f"{take}.png", 4, take)
    settings = GendataSettings(place / "people", place / "set", min_items=2, size=(128, 72), workers=1)
    summary = generate(settings)
    assert summary is not None and summary.people == 2
    forget(place / "set", ADA)
    assert generate(settings) is None  # the rest is there already
    assert f"gendata.py: left out, because they were forgotten: {ADA}" in capsys.readouterr().out
    put(place / "people" / BO / "2.png", 4, 2)
    for overwrite in (False, True):
        again = generate(GendataSettings(**{**vars(settings), "overwrite": overwrite}))
        assert again is not None and again.people == 1
        assert read_given(str(place / "set")) == {"": 1, BO: 2}
        assert Suppressed.read(str(place / "set")).has(ADA)


def test_a_name_is_recognised_and_can_not_be_read(tmp_path):
    for root in (tmp_path, tmp_path / "other"):
        (root / "gt_v2").mkdir(parents=True)
    suppress(str(tmp_path), [ADA])
    suppress(str(tmp_path), [BO, ADA])
    found = Suppressed.read(str(tmp_path))
    assert len(found.digests) == 2
    assert found.has(ADA) and found.has(unicodedata.normalize("NFD", ADA)) and not found.has("Ada")
    assert found.among([ADA, BO, "Cy"], [BO]) == [ADA]
    suppress(str(tmp_path / "other"), [ADA])
    assert not found.digests & Suppressed.read(str(tmp_path / "other")).digests  # nor compared


@pytest.mark.parametrize(
    "row", ["00,11", "x,y", f"{'0' * 32},{'1' * 62}", f"{'0' * 32},{'1' * 64}\n{'2' * 32},{'3' * 64}"]
)
def test_a_damaged_list_is_named(tmp_path, row):
    (tmp_path / SUPPRESSED_FILE).parent.mkdir()
    (tmp_path / SUPPRESSED_FILE).write_text(f"salt,digest\n{row}\n")
    with pytest.raises(InputError, match=r"suppressed\.csv: is damaged"):
        Suppressed.read(str(tmp_path))
