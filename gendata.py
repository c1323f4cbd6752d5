"""Photographs and videos of people -> a data set in the iQIYI-VID layout, to try the pipeline on.

Reads   INPUT/PERSON/*.jpg, *.png, *.mp4, ... (deeper folders are ignored)
Writes  OUTPUT/gt_v2/*.txt and the clips, for `detect.py --dataset OUTPUT`
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NoReturn

from rcnn.errors import InputError, run_script
from rcnn.generate import Options, generate


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; --help lists the arguments")


def size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(side) for side in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTH,HEIGHT") from None
    return width, height


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--input", type=Path, required=True, help="folder that holds a folder of photographs for each person")
    add("--output", type=Path, default=Path("./data/mine"))
    add("--seed", type=int, default=0, help="another seed: other people, splits and camera moves")
    add("--min-items", type=int, default=6, help="people with fewer items are strangers, without a label")
    add("--people", type=int, metavar="N", help="use N known people; -1, the default, uses all")
    add("--strangers", type=int, metavar="N", help="use N strangers; -1, the default, uses all")
    add("--val-share", type=float, default=0.25, help="share of a person's items for validation")
    add("--test-share", type=float, default=0.25, help="share of a person's items for the test; one at least")
    add("--size", type=size, default=(640, 360), metavar="W,H", help="of the clips made from photographs")
    add("--copy", action="store_true", help="copy videos, in place of links to them")
    add("--overwrite", action="store_true", help="replace the data set that an earlier run made there")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    given = vars(parser.parse_args())
    print(generate(given.pop("input"), given.pop("output"), Options(**given)))


if __name__ == "__main__":
    run_script(main)
