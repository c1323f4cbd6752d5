"""Stage 2: turns the faces that detect.py found into one vector a clip."""

from rcnn.commands.arguments import (
    FILES,
    METHOD,
    Parser,
    add_model,
    add_overwrite,
    add_precision,
    add_recipe,
    add_split,
    add_workers,
    positive,
)
from rcnn.errors import run_script
from rcnn.networks.zoo.roles import EMBEDDING, find_model


def main() -> None:
    parser = Parser(__doc__, "python feature.py --input ./output/det_test --output ./output/feat_test --gpu -1")
    add_model(parser, EMBEDDING, "embedding model")
    add = parser.group(FILES)
    add("--input", default="./output/det_trainval", metavar="DIR", help="what detect.py wrote")
    add("--output", default="./output/feat_trainval", metavar="DIR", help="where the vectors go")
    add_recipe(parser, "feature")
    add = parser.group(METHOD)
    add(
        "--aug",
        default=0,
        type=int,
        choices=(0, 1, 2),
        help="0: the crop; 1: and its mirror image; 2: and brightness, contrast, saturation at -0.1 and +0.1",
    )
    add("--sampling", default=3, type=positive, metavar="N", help="use the faces of frames N, 2N, 3N, ...")
    add_split(parser)
    add_workers(parser)
    add_precision(parser)
    add_overwrite(parser)
    args = vars(parser.parse_args())
    args["model"] = find_model(args["model"], EMBEDDING)

    from rcnn.stages.feature import FeatureSettings, feature

    feature(FeatureSettings(**args))


if __name__ == "__main__":
    run_script(main, resumes=True)
