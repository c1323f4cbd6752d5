"""Stage 2: turns the faces that detect.py found into one vector a clip."""

from rcnn.commands.arguments import read_settings
from rcnn.errors import run_script
from rcnn.stages.settings import FeatureSettings

EXAMPLE = "python feature.py --input ./output/det_test --output ./output/feat_test --gpu -1"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, FeatureSettings)

    from rcnn.stages.feature import feature

    feature(settings)


if __name__ == "__main__":
    run_script(main, resumes=True)
