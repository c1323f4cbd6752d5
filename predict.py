"""Stage 5: gives each clip its probability for every class."""

from rcnn.commands.arguments import FILES, MODELS, Parser, add_overwrite, add_recipe, add_split, add_workers, paths
from rcnn.errors import run_script


def main() -> None:
    parser = Parser(__doc__, "python predict.py --model ./model/iqiyi,40 --inputs ./output/feat_test --gpu -1")
    add = parser.group(FILES)
    add("--inputs", default="./output/feat_test", type=paths, metavar="A[,B...]", help="what feature.py wrote")
    add("--output", default="./output/pred_test", metavar="DIR", help="where the probabilities go")
    add = parser.group(MODELS)
    add("--model", default="./model/iqiyi,40", metavar="PREFIX,EPOCH", help="what train_mlp.py saved")
    add_split(parser)
    add_recipe(parser, "predict")
    add_workers(parser)
    add_overwrite(parser)
    args = parser.parse_args()

    from rcnn.stages.predict import PredictSettings, predict

    predict(PredictSettings(**vars(args)))


if __name__ == "__main__":
    run_script(main, resumes=True)
