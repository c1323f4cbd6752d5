"""Draws contact sheets of what detect.py found: box, landmarks, score, quality, and the chosen face."""

from ..stages.settings import PreviewSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn preview --input ./output/det_test --output ./output/preview --every 10"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, PreviewSettings)

    from ..stages.preview import preview

    preview(settings)
