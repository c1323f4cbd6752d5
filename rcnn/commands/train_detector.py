"""Trains a face detector on photographs that another detector labels, on WIDER FACE, or on both."""

from ..training.settings import DetectionSettings
from .arguments import read_settings

EXAMPLE = (
    "python -m rcnn train-detector --faces ../shared/faces --labeller ../shared/checkpoints/retinaface-mnet25/mnet.25,0"
)


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, DetectionSettings)

    from ..training.detection import DetectionTrainer

    DetectionTrainer(settings).run()
