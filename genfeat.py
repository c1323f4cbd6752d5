"""Stage 3: makes the training set of the classifier from the vectors of one or several models."""

from rcnn.commands.arguments import FILES, METHOD, Parser, add_overwrite, add_recipe, paths
from rcnn.errors import run_script


def main() -> None:
    parser = Parser(__doc__, "python genfeat.py --inputs ./output/feat_trainval --output ./output/trainval")
    add = parser.group(FILES)
    add("--inputs", default="./output/feat_trainval", type=paths, metavar="A[,B...]", help="what feature.py wrote")
    add("--output", default="./output/trainval", metavar="DIR", help="where the training set goes")
    parser.group(METHOD)(
        "--tracks",
        default="main",
        choices=("main", "agree"),
        help="where detect.py --faces all found several people in a clip, which of them the label is taken to mean: "
        "the main one, or the one who is likest to the label's other clips",
    )
    add_overwrite(parser)
    add_recipe(parser, "genfeat")
    args = parser.parse_args()

    from rcnn.stages.genfeat import GenfeatSettings, genfeat

    genfeat(GenfeatSettings(**vars(args)))


if __name__ == "__main__":
    run_script(main, resumes=True)
