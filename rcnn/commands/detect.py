"""Stage 1: finds faces in the clips of a data set, aligns them and rates their quality."""

from ..stages.settings import DetectSettings, SheetSettings
from .arguments import read_settings

EXAMPLE = "python detect.py --dataset ./data/iqiyi_vid --output ./output/det_test --stage test --gpu -1"


def main() -> None:
    settings, wanted = read_settings(__doc__, EXAMPLE, DetectSettings, SheetSettings)

    from ..stages.detect import detect

    detect(settings)
    sheets = wanted.of(settings)
    if sheets is not None:
        from ..stages.preview import preview

        preview(sheets)
