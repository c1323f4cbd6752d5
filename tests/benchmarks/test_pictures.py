"""benchmarks/pictures.py: plots show their numbers, and the same numbers give the same file."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed (requirements-dev.txt)")
from benchmarks.pictures import IMAGES, STYLE, bars, lines, rankings, slow_machines, write  # noqa: E402
from benchmarks.ranking.methods import SHOWN  # noqa: E402


@pytest.fixture(autouse=True)
def style():
    with matplotlib.rc_context(STYLE):
        yield


def test_bars_and_lines_have_the_values_that_they_are_given():
    (axes,) = bars({"one": [(10, 1), (20, 2)], "two": [(30, 0), (40, 0)]}, ["a", "b"], 50).axes
    assert [bar.get_height() for bar in axes.patches] == [10, 30, 20, 40]
    assert [label.get_text() for label in axes.texts] == ["10", "30", "20", "40"]
    (axes,) = lines(["1", "2"], {"a": [1, 2], "b": [3, 4]}, 5, "%").axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[1, 2], [3, 4]]


def test_rankings_are_drawn_from_what_the_benchmark_leaves(tmp_path):
    results = tmp_path / "results/end/published"
    results.mkdir(parents=True)
    for draw in range(5):
        found = {method.name: {"main": 10 * place + draw} for place, method in enumerate(SHOWN, 1)}
        for level in ("as-is", "240-lines", "dark", "tiny"):
            (results / f"{draw}-{level}.json").write_text(json.dumps(found))
    (axes,) = rankings(tmp_path).axes
    assert [bar.get_height() for bar in axes.patches] == [12] * 4 + [22] * 4 + [32] * 4 + [42] * 4


def texts(path: Path) -> list[str]:
    return [text.text for text in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_the_picture_of_the_documentation_is_what_the_simulation_gives(tmp_path):
    for name in ("a.svg", "b.svg"):
        write(slow_machines(), tmp_path / name, "Seconds of a run with slow workers")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert texts(tmp_path / "a.svg") == texts(IMAGES / "scale-slow.svg")
    assert {"2057", "1120", "679"} <= set(texts(tmp_path / "a.svg"))  # the table of docs/scale-details.md
