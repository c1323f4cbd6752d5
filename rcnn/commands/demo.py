"""Writes a small data set of clips of people who do not exist, in the iQIYI-VID layout."""

import os
from pathlib import Path

from ..demo.files import PREFIX
from .arguments import FILES, METHOD, MODELS, RUN, Parser, add_overwrite, positive, whole


def main() -> None:
    parser = Parser(__doc__, "python -m rcnn demo --output ./data/demo")
    add = parser.group(FILES)
    add("--output", type=Path, default=Path("./data/demo"), metavar="DIR", help="where the data set goes")
    add = parser.group(MODELS)
    add("--model", default=PREFIX, metavar="PREFIX", help="what draws the people, see rcnn train-people")
    add = parser.group(METHOD)
    add("--seed", type=whole, default=0, metavar="N", help="another seed: other people and clips")
    add("--people", type=positive, default=30, metavar="N", help="known people")
    add(
        "--clips", type=positive, default=8, metavar="N", help="of each; half to train, a quarter each for val and test"
    )
    add("--strangers", type=whole, default=20, metavar="N", help="unknown people, with a clip in val and one in test")
    add("--nobody", type=whole, default=20, metavar="N", help="clips that show nobody, half in val, half in test")
    add = parser.group(RUN)
    add("--workers", type=positive, default=os.cpu_count() or 1, metavar="N", help="processes")
    add_overwrite(parser)
    args = vars(parser.parse_args())

    from ..demo.demo_set import DemoOptions, write_demo

    print(write_demo(DemoOptions(**args)))
