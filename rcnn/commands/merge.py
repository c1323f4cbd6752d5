"""Joins what the jobs of an array made of their parts of the clips (--split I,N) into one stage directory."""

from .arguments import FILES, Parser, add_overwrite, paths


def main() -> None:
    parser = Parser(__doc__, "python -m rcnn merge --inputs ./output/det_0,./output/det_1 --output ./output/det_test")
    add = parser.group(FILES)
    add("--inputs", required=True, type=paths, metavar="A,B[,...]", help="what detect, feature or predict wrote")
    add("--output", required=True, metavar="DIR", help="where the whole goes")
    add("--dataset", metavar="DIR", help="data set whose clips must all be there; left out: the one of detect.py")
    add_overwrite(parser)
    args = parser.parse_args()

    from ..stages.merge import MergeSettings, merge

    merge(MergeSettings(**vars(args)))
