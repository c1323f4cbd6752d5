"""Stage 2: turns the faces that detect.py found into one vector a clip."""

from ..stages.settings import FeatureSettings
from .arguments import read_settings

EXAMPLE = "python feature.py --input ./output/det_test --output ./output/feat_test --gpu -1"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, FeatureSettings)

    from ..stages.feature import feature

    feature(settings)
