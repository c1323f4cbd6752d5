"""Stage 5: gives each clip its probability for every class."""

from ..stages.settings import PredictSettings
from .arguments import read_settings

EXAMPLE = "python predict.py --model ./model/iqiyi,40 --inputs ./output/feat_test --gpu -1"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, PredictSettings)

    from ..stages.predict import predict

    predict(settings)
