"""Trains an embedding on a folder of people, PERSON/*.jpg, one in five of whom is held out."""

from ..training.settings import EmbeddingSettings
from .arguments import read_settings

EXAMPLE = (
    "python -m rcnn train-embedding --faces ../shared/faces --teacher ./model/mobilefacenet/model,0 "
    "--hints stage2=_plus9,stage3=_plus11"
)


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, EmbeddingSettings)

    from ..training.embedding import EmbeddingTrainer
    from ..workers.pipeline import limit_cores

    if settings.threads:
        limit_cores(settings.threads)  # those of the teacher and the detector, too
    EmbeddingTrainer(settings).run()
