"""Opens a local page on which you say who is who; the run learns from each answer immediately."""

from ..review.settings import ReviewSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn review ./found"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, ReviewSettings)

    from ..review.serving import serve

    serve(settings)
