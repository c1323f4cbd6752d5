"""Makes vectors of clips from the features of faces that iQIYI-VID-2019 shipped as pickles."""

from ..stages.settings import ImportSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn import-features ./face_train_v2.pickle ./face_val_v2.pickle --output ./output/feat_trainval"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, ImportSettings)

    from ..stages.import_features import import_features

    import_features(settings)
