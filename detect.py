"""Stage 1: finds faces in the clips of a data set, aligns them and rates their quality."""

from rcnn.commands.arguments import read_settings
from rcnn.errors import run_script
from rcnn.stages.settings import DetectSettings, SheetSettings

EXAMPLE = "python detect.py --dataset ./data/iqiyi_vid --output ./output/det_test --stage test --gpu -1"


def main() -> None:
    settings, wanted = read_settings(__doc__, EXAMPLE, DetectSettings, SheetSettings)

    from rcnn.stages.detect import detect

    detect(settings)
    sheets = wanted.of(settings)
    if sheets is not None:
        from rcnn.stages.preview import preview

        preview(sheets)


if __name__ == "__main__":
    run_script(main, resumes=True)
