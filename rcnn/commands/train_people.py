"""Trains what draws the people of the demo on a folder of people, PERSON/*.jpg, one in five of whom is held out."""

from ..demo.files import PREFIX
from .arguments import Parser, add_gpu, number, positive


def main() -> None:
    parser = Parser(__doc__, "python -m rcnn train-people --faces ../shared/faces --bf16")
    add = parser.add_argument
    add("--faces", required=True, metavar="DIR", help="folder of PERSON/*.jpg")
    add("--prefix", default=PREFIX, help="of the face space, the refiner, their curve and their snapshot")
    add("--detector", default="./model/essh-m25,0", metavar="PREFIX,EPOCH", help="face detector")
    add("--rounds", default=34, type=positive, metavar="N", help="with a snapshot after each")
    add("--steps", default=100, type=positive, metavar="N", help="a round")
    add("--batch", default=8, type=positive, metavar="N", help="photographs a step, and as many random draws")
    add("--lr", default=4e-4, type=number, help="learning rate")
    add("--seed", default=0, type=int, metavar="N", help="of weights, draws and order")
    add("--threads", default=0, type=int, metavar="N", help="of PyTorch; 0: as many as there are cores")
    add("--bf16", action="store_true", help="multiply in bfloat16; twice as fast where the processor knows it")
    add_gpu(parser)
    args = vars(parser.parse_args())

    from ..demo.trainer import PeopleSettings, PeopleTrainer
    from ..networks.engine import choose_device

    args["gpu"] = choose_device(args["gpu"])
    PeopleTrainer(PeopleSettings(**args)).run()
