"""The package structure: the rooms (subpackages) of `rcnn`, their floors (layers), and their imports.

    .venv/bin/python benchmarks/house.py --picture docs/images/house.svg

Floors are those of the contract in pyproject.toml, which `make lint` checks. Prints a table; draws the picture of
docs/house.md.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import grimp
import matplotlib

from rcnn.commands.arguments import Parser

matplotlib.use("svg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
LOOSE = ("config", "errors", "installation", "api", "__main__")
WIDTH, FLOOR = 16.0, 1.0  # of the drawing, in plot units


def floors() -> list[list[str]]:
    """Rooms by floor, top floor first, from the contract."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    return [[room.strip().removeprefix("rcnn.") for room in layer.split("|")] for layer in contract["layers"]]


def room_of(module: str) -> str:
    """The room that a module is in; a loose module is its own."""
    return module.split(".")[1] if "." in module else module


def lines_of(room: str) -> int:
    """Lines of Python and Cython in a room."""
    path = ROOT / "rcnn" / room
    files = [path.with_suffix(".py")] if not path.is_dir() else [*path.rglob("*.py"), *path.rglob("*.pyx")]
    return sum(len(file.read_text().splitlines()) for file in files)


def ties(graph: grimp.ImportGraph) -> Counter[tuple[str, str]]:
    """Number of module imports between each two rooms."""
    found: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            if room_of(module) != room_of(other) and "rcnn" not in (module, other):
                found[room_of(module), room_of(other)] += 1
    return found


def first_line(room: str) -> str:
    """First line of the room's docstring."""
    path = ROOT / "rcnn" / room
    text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
    return text.lstrip('"').partition("\n")[0].rstrip('"')


def draw(path: Path, tied: Counter[tuple[str, str]]) -> None:
    """Draw rooms as boxes on their floors, with widths by the root of their lines, and an arrow per importing pair."""
    rows = floors()
    figure, axes = plt.subplots(figsize=(11, 8.5))
    places: dict[str, tuple[float, float, float]] = {}
    for number, row in enumerate(rows):
        sizes = [max(1.5, lines_of(room) ** 0.5 / 14) for room in row]
        left = (WIDTH - sum(sizes) - 0.6 * (len(row) - 1)) / 2
        for room, size in zip(row, sizes, strict=True):
            places[room] = (left, -number * FLOOR, size)
            left += size + 0.6
    for (upper, lower), count in tied.items():
        if upper in places and lower in places and lower not in LOOSE:
            start, end = places[upper], places[lower]
            axes.annotate(
                "",
                (end[0] + end[2] / 2, end[1] + 0.6),
                (start[0] + start[2] / 2, start[1]),
                arrowprops={"arrowstyle": "-|>", "color": "#8aa0b4", "lw": 0.5 + 0.06 * min(count, 25), "alpha": 0.55},
            )
    for room, (left, low, size) in places.items():
        axes.add_patch(plt.Rectangle((left, low), size, 0.6, facecolor="#e8eef4", edgecolor="#4a6076", zorder=2))
        axes.text(left + size / 2, low + 0.36, room, ha="center", va="center", fontsize=9, zorder=3, color="#1c2a38")
        axes.text(
            left + size / 2, low + 0.14, f"{lines_of(room)}", ha="center", va="center", fontsize=6.5, zorder=3,
            color="#4a6076",
        )  # fmt: skip
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(-len(rows) * FLOOR + 0.2, 1)
    axes.axis("off")
    figure.tight_layout(pad=0.2)
    plt.rcParams["svg.hashsalt"] = "house"
    figure.savefig(path, metadata={"Date": None}, transparent=True)


def main() -> None:
    parser = Parser(__doc__.partition("\n")[0], "python benchmarks/house.py --picture docs/images/house.svg")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw the picture")
    args = parser.parse_args()
    graph = grimp.build_graph("rcnn")
    tied = ties(graph)
    print("| floor | room | modules | lines | imports | what |\n|---|---|---|---|---|---|")
    rows = floors()
    for number, row in enumerate(rows):
        for room in row:
            modules = sum(room_of(module) == room for module in graph.modules)
            below = ", ".join(sorted(other for upper, other in tied if upper == room and other not in LOOSE))
            print(
                f"| {len(rows) - 1 - number} | {room} | {modules} | {lines_of(room)} | {below} | {first_line(room)} |"
            )
    loose = [path.name for path in (ROOT / "rcnn").glob("*.py")]
    print(f"\n{len(loose)} modules loose ({', '.join(sorted(loose))}), {len(tied)} ties between rooms")
    if args.picture:
        draw(args.picture, tied)


if __name__ == "__main__":
    main()
