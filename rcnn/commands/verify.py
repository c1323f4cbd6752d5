"""Checks stage directories: every part is there and has the bytes that were written."""

from ..errors import InputError
from ..tables.whole import faults
from .arguments import Parser


def main() -> None:
    parser = Parser(__doc__, "python -m rcnn verify ./output/det_trainval ./output/feat_trainval")
    parser.add_argument("directories", nargs="+", metavar="DIR", help="what a stage wrote")
    wrong = 0
    for path in parser.parse_args().directories:
        lines = faults(path)
        print(f"{path}: {len(lines)} faults" if lines else f"{path}: whole")
        for line in lines:
            print(f"  {line}")
        wrong += bool(lines)
    if wrong:
        raise InputError(f"{wrong} directories are damaged; run their stages again with --overwrite")
