"""Stage 4: trains the classifier and saves it as an MXNet checkpoint."""

from ..stages.settings import TrainSettings
from .arguments import read_settings

EXAMPLE = "python train_mlp.py --data ./output/trainval --prefix ./model/iqiyi --per-batch-size 1024"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, TrainSettings)

    from ..stages.train import train_mlp

    train_mlp(settings)
