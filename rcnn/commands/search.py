"""Says who is on a photograph, trained or not, and which clips show them."""

import os

from ..errors import InputError
from .arguments import FILES, METHOD, MODELS, Parser, add_gpu, paths, positive

FEATURES = ("./output/feat_trainval", "./output/feat_test")  # what is searched when nothing is named


def main() -> None:
    parser = Parser(
        __doc__, "python -m rcnn search --image photo.jpg --features ./output/feat_trainval,./output/feat_test"
    )
    add = parser.group(FILES)
    add(
        "--image",
        nargs="+",
        required=True,
        metavar="FILE",
        help="photographs of one person; several are better than one",
    )
    add("--features", type=paths, metavar="A[,B...]", help=f"what feature.py wrote; left out: {' and '.join(FEATURES)}")
    add(
        "--names", metavar="FILE", help="LABEL NAME a line; left out: gt_v2/names.txt of the data set, where it has one"
    )
    add("--report", metavar="FILE", help="an HTML page of the clips with the faces, to look at in a browser")
    add = parser.group(MODELS)
    add("--model", metavar="PREFIX,EPOCH", help="embedding model; left out: the one that made the features")
    add("--detector", metavar="PREFIX,EPOCH", help="face detector; left out: the one that found the clips' faces")
    add = parser.group(METHOD)
    add("--count", default=20, type=positive, metavar="N", help="clips to name")
    add("--face", type=positive, metavar="N", help="N-th face from the left; left out: the large one near the middle")
    add_gpu(parser)
    args = vars(parser.parse_args())
    args["image"] = tuple(args["image"])
    if args["features"] is None:
        args["features"] = tuple(path for path in FEATURES if os.path.isdir(path))
        if not args["features"]:
            raise InputError(
                f"--features: not given, and neither {' nor '.join(FEATURES)} is there; run feature.py first"
            )

    from ..stages.search import SearchSettings, search

    search(SearchSettings(**args))
