"""Stage 4: trains the classifier and saves it as an MXNet checkpoint."""

from rcnn.commands.arguments import (
    FILES,
    METHOD,
    MODELS,
    RUN,
    Parser,
    add_gpu,
    add_overwrite,
    add_recipe,
    epochs,
    number,
    positive,
    whole,
)
from rcnn.errors import run_script


def main() -> None:
    parser = Parser(
        __doc__, "python train_mlp.py --data ./output/trainval --prefix ./model/iqiyi --per-batch-size 1024"
    )
    add = parser.group(FILES)
    add("--data", default="./output/trainval", metavar="DIR", help="what genfeat.py wrote")
    add("--prefix", default="./model/iqiyi", metavar="PREFIX", help="saved as PREFIX-symbol.json, PREFIX-EEEE.params")
    add = parser.group(MODELS)
    add("--pretrained", metavar="PREFIX,EPOCH", help="classifier to start from")
    add_recipe(parser, "train_mlp")
    add = parser.group(METHOD)
    add("--network", default="r50", metavar="NAME", help="initial weights, r*, y*: by fan-out; i*, x*: by fan-in")
    add(
        "--num-classes",
        type=positive,
        metavar="N",
        help="people, and class 0 for nobody known (4935: the challenge's); left out: as many as the training set has",
    )
    add("--num-filter", default=1024, type=positive, metavar="N", help="width of the hidden layers")
    add(
        "--head",
        default="mlp",
        choices=("mlp", "cosine"),
        help="mlp: three fully connected layers; cosine: the cosine to one direction a person, learnt with a margin",
    )
    add("--margin", default=0.4, type=number, metavar="M", help="of --head cosine, in cosine")
    add("--scale", default=16.0, type=number, metavar="S", help="of --head cosine: its scores are S times the cosine")
    add("--fbn", action="store_true", help="a BatchNorm on the features, before the first layer")
    add("--lr", default=0.2, type=number, metavar="RATE", help="learning rate")
    add("--lr-step", default="30,35,40", type=epochs, metavar="E,E,...", help="epochs at which the rate falls tenfold")
    add("--per-batch-size", type=positive, metavar="N", help="clips a step; left out: up to 1024, 16 steps an epoch")
    add("--wd", default=0.0005, type=number, metavar="W", help="weight decay")
    add("--mom", default=0.9, type=number, metavar="M", help="momentum")
    add(
        "--split",
        default=1,
        type=int,
        choices=(1, 0, -1, -2),
        help="1: train on train and val; 0: hold out 1%%; -1: validate on val; -2: all but class 0 (as -1)",
    )
    add("--begin-epoch", default=0, type=whole, metavar="E", help="epochs that are done already")
    add("--end-epoch", type=positive, metavar="E", help="last epoch; left out: the last of --lr-step")
    add("--seed", default=0, type=whole, metavar="N", help="of the initial weights and of the order")
    add = parser.group(RUN)
    add("--ckpt", default=1, type=int, choices=(0, 1, 2), help="save 0: nothing; 1: at the end; 2: every epoch")
    add("--verbose", default=0, type=whole, metavar="N", help="print the loss every N steps; 0: never")
    add("--max-steps", default=0, type=whole, metavar="N", help="stop after N steps; 0: no limit")
    add("--ce-loss", action="store_true", help="print the cross-entropy of each epoch")
    add("--shard-classes", action="store_true", help="with torchrun: each process holds a part of the last layer")
    add_gpu(parser)
    add_overwrite(parser)
    args = parser.parse_args()

    from rcnn.stages.train import TrainSettings, train_mlp

    train_mlp(TrainSettings(**vars(args)))


if __name__ == "__main__":
    run_script(main, resumes=True)
