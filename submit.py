"""Stage 6: ranks the clips of each label, and scores the ranking where the truth is given."""

from rcnn.arguments import Parser, numbers, paths
from rcnn.errors import run_script


def main() -> None:
    parser = Parser(__doc__, "python submit.py --gt ./data/mine/gt_v2/test_v2.txt")
    add = parser.add_argument
    add("--inputs", default="./output/pred_test", type=paths, metavar="A[,B...]", help="what predict.py wrote")
    add("--weights", default="1.0", type=numbers, metavar="W[,W...]", help="factor of each input in the sum")
    add("--output", default="./output/submission.txt", metavar="FILE", help="the submission, written anew each time")
    add("--gt", metavar="FILE", help="the truth, LABEL NAME NAME ... a line: prints MAP@100")
    args = parser.parse_args()

    from rcnn.stages.submit import SubmitSettings, submit

    submit(SubmitSettings(**vars(args)))


if __name__ == "__main__":
    run_script(main, resumes=True)
