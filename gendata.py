"""Makes a data set in the iQIYI-VID layout of photographs and videos that lie in a folder for each person."""

import os
from pathlib import Path

from rcnn.commands.arguments import FILES, METHOD, RUN, Parser, integer, number, pair
from rcnn.errors import run_script
from rcnn.stages.gendata import Options, generate


def main() -> None:
    parser = Parser(__doc__, "python gendata.py --input ./photographs --output ./data/mine")
    add = parser.group(FILES)
    add("--input", type=Path, required=True, metavar="DIR", help="holds PERSON/*.jpg, *.png, *.mp4, ...")
    add("--output", type=Path, default=Path("./data/mine"), metavar="DIR", help="where the data set goes")
    add("--copy", action="store_true", help="copy videos, in place of links to them")
    add = parser.group(METHOD)
    add("--seed", type=integer, default=0, metavar="N", help="another seed: other people, splits and camera moves")
    add(
        "--min-items",
        type=integer,
        default=6,
        metavar="N",
        help="people with fewer items are strangers, without a label",
    )
    add("--people", type=integer, metavar="N", help="use N known people; left out or -1: all")
    add("--strangers", type=integer, metavar="N", help="use N strangers; left out or -1: all")
    add("--val-share", type=number, default=0.25, metavar="S", help="share of a person's items for validation")
    add(
        "--test-share",
        type=number,
        default=0.25,
        metavar="S",
        help="share for the test; one item at least",
    )
    add("--size", type=pair, default="640,360", metavar="W,H", help="pixels of the clips made from photographs")
    add = parser.group(RUN)
    add("--workers", type=integer, default=os.cpu_count() or 1, metavar="N", help="processes")
    add("--overwrite", action="store_true", help="replace the data set that an earlier run made there")
    given = vars(parser.parse_args())
    print(generate(given.pop("input"), given.pop("output"), Options(**given)))


if __name__ == "__main__":
    run_script(main)
