"""Stage 1: finds faces in the clips of a data set, aligns them and rates their quality."""

from rcnn.commands.arguments import (
    FILES,
    METHOD,
    RUN,
    Parser,
    add_model,
    add_overwrite,
    add_precision,
    add_recipe,
    add_split,
    add_workers,
    number,
    pair,
    positive,
)
from rcnn.errors import run_script
from rcnn.files import on_disk
from rcnn.networks.zoo.roles import DETECTOR, QUALITY, find_model

QUALITY_THRESHOLDS = {"norm": 10.0, "score": 0.5}  # by --quality


def main() -> None:
    parser = Parser(
        __doc__,
        "python detect.py --dataset ./data/iqiyi_vid --output ./output/det_test --stage test --gpu -1",
    )
    add_model(parser, QUALITY, "quality model", "--quality-model")
    add_model(parser, DETECTOR, "face detector")
    add = parser.group(FILES)
    add("--dataset", default="./data/iqiyi_vid", metavar="DIR", help="data set in the iQIYI-VID layout")
    add("--output", metavar="DIR", help="where the faces go; left out: ./output/det_STAGE")
    add(
        "--preview", metavar="DIR", help="draw what was seen in some clips, on a contact sheet each: DIR/STATE/CLIP.jpg"
    )
    add_recipe(parser, "detect")
    add = parser.group(METHOD)
    add("--stage", default="trainval", choices=("trainval", "test"), help="which clips")
    add(
        "--faces",
        default="central",
        choices=("central", "all"),
        help="which faces of a frame: the one that is large and near its centre, or all, followed through the clip",
    )
    add("--sampling", default=3, type=positive, metavar="N", help="look at frames N, 2N, 3N, ...")
    add(
        "--quality",
        default="norm",
        choices=("norm", "score"),
        help="what a face's quality is: the norm of the quality model's embedding, or the detector's score",
    )
    add(
        "--quality-threshold",
        type=number,
        metavar="Q",
        help="smallest quality of a face that is kept; left out: 10 with --quality norm, 0.5 with score",
    )
    add("--image-size", default="112,112", type=pair, metavar="H,W", help="crop in pixels: 112,112 or 112,96")
    add = parser.group(RUN)
    add_split(parser)
    add("--max-bad", default=5.0, type=number, metavar="PERCENT", help="fail if more of the clips can't be read")
    add("--preview-every", default=50, type=positive, metavar="K", help="of every K-th clip of each state")
    add_workers(parser, decoders=True)
    add_precision(parser)
    add_overwrite(parser)
    args = vars(parser.parse_args())
    args["output"] = args["output"] or f"./output/det_{args['stage']}"
    if args["quality_threshold"] is None:
        args["quality_threshold"] = QUALITY_THRESHOLDS[args["quality"]]
    if args["quality"] == "score" and args["model"]:
        parser.error("--quality score is the detector's, and no --quality-model takes part; leave one of them out")
    if args["quality"] == "norm":
        args["model"] = find_model(args["model"], QUALITY)
    args["detector"] = find_model(args["detector"], DETECTOR)

    sheets, every = args.pop("preview"), args.pop("preview_every")
    if sheets is not None:
        sheets = on_disk(sheets, "--preview")

    from rcnn.stages.detect import DetectSettings, detect

    detect(DetectSettings(**args))
    if sheets is not None:
        from rcnn.stages.preview import PreviewSettings, preview

        device = args["gpu"][0] if isinstance(args["gpu"], tuple) else args["gpu"]
        preview(PreviewSettings(args["output"], sheets, every, device))


if __name__ == "__main__":
    run_script(main, resumes=True)
