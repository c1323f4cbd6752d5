"""Settings are checked and complete once they are made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass

import pytest

from rcnn.commands.arguments import read_settings
from rcnn.errors import InputError
from rcnn.settings import kinds
from rcnn.settings.fields import REQUIRED, Settings, setting


@dataclass(frozen=True)
class Cake(Settings):
    name: str = setting(REQUIRED, "of the cake")
    layers: int = setting(2, "of sponge, 100% of them", kinds.positive, "N")
    glaze: str | None = setting(None, "over it; left out: none")
    minutes: float = setting(None, "in the oven; left out: 10 a layer", kinds.number, "MIN", aliases=("--time",))
    shape: str = setting(None, "of the tin", kinds.choice("round", "square"), usual="round")
    found: str = setting(None, "an oven; left out: the one that is there", found=lambda oven: f"{oven} is used")
    cool: bool = setting(False, "before it is cut", kinds.flag)

    def _complete(self) -> None:
        self._fill(minutes=10.0 * self.layers, found="the large one")
        if self.cool and self.glaze == "cream":
            raise InputError("--cool: cream does not wait")


def read(monkeypatch, *arguments: str) -> Cake:
    monkeypatch.setattr("sys.argv", ["cake.py", *arguments])
    return read_settings("Bakes.", "python cake.py --name plain", Cake)


def test_what_is_left_out_has_what_belongs_to_it():
    assert (Cake("a").minutes, Cake("a", 3).minutes, Cake("a", 3, minutes=5).minutes) == (20.0, 30.0, 5.0)
    assert Cake("a") == Cake("a", 2, None, 20.0, "round", "the large one", False)
    with pytest.raises(FrozenInstanceError):
        Cake("a").layers = 3


def test_the_command_line_makes_the_same(monkeypatch, capsys):
    assert read(monkeypatch, "--name", "a", "--layers", "3", "--cool") == Cake("a", 3, cool=True)
    assert capsys.readouterr().out == "--found: the large one is used\n"
    assert read(monkeypatch, "--name", "a", "--time", "1", "--found", "mine") == Cake("a", minutes=1, found="mine")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"layers": 0}, "--layers 0: must be a whole number of 1 or more"),
        ({"layers": None}, "--layers None: must be a whole number of 1 or more"),
        ({"shape": "oval"}, "--shape oval: must be round or square"),
        ({"name": 3}, "--name 3: must be text"),
        ({"cool": 1}, "--cool 1: must be True or False"),
        ({"shape": "x" * 500}, f"--shape {'x' * 80}: must be round or square"),
        ({"cool": True, "glaze": "cream"}, "--cool: cream does not wait"),
    ],
)
def test_a_wrong_value_is_named_by_its_flag(values, words):
    with pytest.raises(InputError) as caught:
        Cake(**{"name": "a"} | values)
    assert str(caught.value) == words


def test_the_command_line_says_what_it_wants(monkeypatch):
    for arguments, words in (
        ((), "the following arguments are required: --name; see --help"),
        (("--name", "a", "--layers", "0"), "argument --layers: '0' is not a whole number of 1 or more; see --help"),
        (("--name", "a", "--glase", "x"), "--glase is not known; did you mean --glaze?; see --help"),
    ):
        with pytest.raises(InputError) as caught:
            read(monkeypatch, *arguments)
        assert str(caught.value) == words


def test_the_help_has_units_defaults_and_the_example(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        read(monkeypatch, "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "--layers N of sponge, 100% of them (default: 2)" in text
    assert "--minutes MIN, --time MIN in the oven; left out: 10 a layer --shape {round,square} of the tin" in text
    assert "of the tin (default: round)" in text and "over it; left out: none --minutes" in text
    assert text.startswith("example: python cake.py --name plain usage: ") and text.endswith("--cool before it is cut")
