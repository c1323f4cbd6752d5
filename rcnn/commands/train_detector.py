"""Trains a face detector on photographs that another detector labels, on WIDER FACE, or on both."""

from .arguments import Parser, add_gpu, layer_pairs, number, positive


def main() -> None:
    parser = Parser(
        __doc__,
        "python -m rcnn train-detector --faces ../shared/faces "
        "--labeller ../shared/checkpoints/retinaface-mnet25/mnet.25,0",
    )
    add = parser.add_argument
    add("--faces", metavar="DIR", help="folder of PERSON/*.jpg; one person in five is held out")
    add("--labeller", metavar="PREFIX,EPOCH", help="detector whose faces in those photographs are the labels")
    add("--wider", metavar="DIR", help="folder of WIDER FACE's pictures, WIDER_train/images")
    add("--labels", metavar="FILE", help="their faces: wider_face_train_bbx_gt.txt, or RetinaFace's label.txt")
    add("--prefix", default="./model/essh-m25", help="of the checkpoint, its curve, its labels and its snapshot")
    add("--teacher", metavar="PREFIX,EPOCH", help="detector whose maps are to be learned, too")
    add("--hints", default=(), type=layer_pairs, metavar="OURS=THEIRS,...", help="which of them, by the layers' names")
    add("--hint-weight", default=0.3, type=number, metavar="W", help="of each hint in the loss")
    add("--start", metavar="PREFIX,EPOCH", help="weights to begin with; left out: random ones")
    add(
        "--freeze-norm",
        action="store_true",
        help="keep BatchNorm's statistics as --start has them: less noise for boxes and landmarks at the end",
    )
    add("--rounds", default=20, type=positive, metavar="N", help="after each a snapshot is written")
    add("--scenes", default=1024, type=positive, metavar="N", help="a round")
    add("--side", default=320, type=positive, metavar="PIXELS", help="of a scene, a multiple of 32")
    add("--batch", default=8, type=positive, metavar="N", help="scenes a step")
    add("--lr", default=3e-3, type=number, help="learning rate")
    add(
        "--last-rate",
        default=1.0,
        type=number,
        metavar="SHARE",
        help="of the learning rate for the last layers; 0.1 steadies landmarks once a detector finds faces",
    )
    add("--seed", default=0, type=int, metavar="N", help="of weights and scenes")
    add("--threads", default=0, type=int, metavar="N", help="of PyTorch; 0: as many as there are cores")
    add("--bf16", action="store_true", help="multiply in bfloat16; faster where the processor knows it")
    add_gpu(parser)
    args = vars(parser.parse_args())

    from ..networks.engine import choose_device
    from ..training.detection import DetectionSettings, DetectionTrainer

    args["gpu"] = choose_device(args["gpu"])
    DetectionTrainer(DetectionSettings(**args)).run()
