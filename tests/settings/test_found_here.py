"""Commands without paths, beside a finished run of find, name the command for it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from rcnn.commands import appearances
from rcnn.errors import InputError
from rcnn.stages.settings import SearchSettings
from rcnn.stages.settings.groups import GroupsSettings
from rcnn.stages.settings.ranking import IndexSettings

BOTH = "--features found/feat_trainval,found/feat_test"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder to work in, with a finished run of find."""
    monkeypatch.chdir(tmp_path)
    for name in ("feat_trainval", "feat_test", "appearances"):
        (tmp_path / "found" / name).mkdir(parents=True)
        (tmp_path / "found" / name / "manifest.json").touch()
    return tmp_path


def export(*words: str) -> None:
    sys.argv[1:] = words
    appearances.main()


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (lambda: GroupsSettings(), "groups --run ./found"),
        (lambda: SearchSettings(("my photo.jpg",)), f"search --image 'my photo.jpg' {BOTH}"),
        (lambda: IndexSettings(), f"index {BOTH}"),
        (lambda: export(), "appearances --table found/appearances --output who.csv"),
        (lambda: export("--output", "x.edl"), "appearances --table found/appearances --output x.edl"),
    ],
)
def test_the_command_for_the_run_is_named(here, monkeypatch, call, command):
    monkeypatch.setattr(sys, "argv", ["appearances"])
    with pytest.raises(InputError, match=f"./found is a run of find, so give: python -m rcnn {re.escape(command)}$"):
        call()
    (here / "found/appearances/manifest.json").unlink()
    try:
        call()  # the run is not finished: nothing is said about it
    except InputError as error:
        assert "found" not in str(error)


def test_what_is_there_or_given_is_used(here):
    assert GroupsSettings(run="./found").inputs is None
    assert GroupsSettings(inputs=("x",)).inputs == ("x",)
    (here / "output/feat_test").mkdir(parents=True)
    assert GroupsSettings().inputs == ("./output/feat_test",)
    assert SearchSettings(("a.jpg",)).features == ("./output/feat_test",)
