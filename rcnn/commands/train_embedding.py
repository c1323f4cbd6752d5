"""Trains an embedding on a folder of people, PERSON/*.jpg, one in five of whom is held out."""

from .arguments import Parser, add_gpu, layer_pairs, number, positive


def main() -> None:
    parser = Parser(
        __doc__,
        "python -m rcnn train-embedding --faces ../shared/faces --teacher ./model/mobilefacenet/model,0 "
        "--hints stage2=_plus9,stage3=_plus11",
    )
    add = parser.add_argument
    add("--faces", required=True, metavar="DIR", help="folder of PERSON/*.jpg")
    add("--prefix", default="./model/face-m", help="of the checkpoint, its curve and its snapshot")
    add("--detector", default="./model/essh-m25,0", metavar="PREFIX,EPOCH", help="face detector")
    add("--teacher", metavar="PREFIX,EPOCH", help="embedding to learn from")
    add(
        "--hints",
        default=(),
        type=layer_pairs,
        metavar="OURS=THEIRS,...",
        help="layers of the teacher to learn from, too",
    )
    add("--hint-weight", default=0.5, type=number, metavar="W", help="of each hint in the loss")
    add("--norm-weight", default=0.3, type=number, metavar="W", help="of the logarithm of the norm's ratio, likewise")
    add("--arcface", default=0.0, type=number, metavar="W", help="weight of the angular margin loss over people")
    add("--margin", default=0.5, type=number, metavar="RADIANS", help="of the angular margin loss")
    add("--scale", default=32.0, type=number, metavar="S", help="of the angular margin loss")
    add("--start", metavar="PREFIX,EPOCH", help="weights to begin with; left out: random ones")
    add("--rounds", default=20, type=positive, metavar="N", help="pools of distorted crops, one after the other")
    add("--pool", default=16384, type=positive, metavar="N", help="crops a pool; 0.1 MB each with two hints")
    add("--passes", default=2, type=positive, metavar="N", help="over a pool")
    add("--batch", default=64, type=positive, metavar="N", help="crops a step")
    add("--lr", default=2e-3, type=number, help="learning rate")
    add("--quality", default=10.0, type=number, metavar="Q", help="norm under which a crop counts as bad")
    add("--quality-share", default=0.02, type=number, metavar="P", help="share of the training crops under it")
    add("--seed", default=0, type=int, metavar="N", help="of weights and distortions")
    add("--threads", default=0, type=int, metavar="N", help="of PyTorch; 0: as many as there are cores")
    add("--bf16", action="store_true", help="multiply in bfloat16; 1.6 times as fast where the processor knows it")
    add_gpu(parser)
    args = vars(parser.parse_args())

    from ..networks.engine import choose_device
    from ..training.embedding import EmbeddingSettings, EmbeddingTrainer

    args["gpu"] = choose_device(args["gpu"])
    EmbeddingTrainer(EmbeddingSettings(**args)).run()
