"""Draws contact sheets of what detect.py saw: box, landmarks, score, quality, and the chosen face."""

from .arguments import FILES, METHOD, Parser, add_gpu, positive


def main() -> None:
    parser = Parser(__doc__, "python -m rcnn preview --input ./output/det_test --output ./output/preview --every 10")
    add = parser.group(FILES)
    add("--input", default="./output/det_test", metavar="DIR", help="what detect.py wrote")
    add("--output", default="./output/preview", metavar="DIR", help="where the sheets go: STATE/CLIP.jpg")
    add("--dataset", metavar="DIR", help="data set of the clips; left out: the one that detect.py read")
    add(
        "--names", metavar="FILE", help="LABEL NAME a line; left out: gt_v2/names.txt of the data set, where it has one"
    )
    add = parser.group(METHOD)
    add(
        "--every", default=50, type=positive, metavar="K", help="every K-th clip of each state: ok, no face, unreadable"
    )
    add_gpu(parser)
    args = parser.parse_args()

    from ..stages.preview import PreviewSettings, preview

    preview(PreviewSettings(**vars(args)))
