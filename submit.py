"""Stage 6: ranks the clips of each label, and scores the ranking where the truth is given."""

from rcnn.commands.arguments import FILES, METHOD, Parser, add_recipe, numbers, paths, positive
from rcnn.errors import run_script


def main() -> None:
    parser = Parser(__doc__, "python submit.py --gt ./data/mine/gt_v2/test_v2.txt")
    add = parser.group(FILES)
    add("--inputs", default="./output/pred_test", type=paths, metavar="A[,B...]", help="what predict.py wrote")
    add("--output", default="./output/submission.txt", metavar="FILE", help="the submission, written anew each time")
    add("--gt", metavar="FILE", help="the truth, LABEL NAME NAME ... a line: prints MAP@100")
    add(
        "--names", metavar="FILE", help="LABEL NAME a line; left out: gt_v2/names.txt of the data set, where it has one"
    )
    add("--report", metavar="FILE", help="an HTML page of the ranking with the faces, to look at in a browser")
    add_recipe(parser, "submit", "any")
    add = parser.group(METHOD)
    add("--weights", default="1.0", type=numbers, metavar="W[,W...]", help="factor of each input in the sum")
    add("--report-people", default=200, type=positive, metavar="N", help="people on that page, at most")
    args = parser.parse_args()

    from rcnn.stages.submit import SubmitSettings, submit

    submit(SubmitSettings(**vars(args)))


if __name__ == "__main__":
    run_script(main, resumes=True)
