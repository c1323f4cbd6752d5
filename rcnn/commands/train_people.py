"""Trains the model that draws the people of the demo on a folder of people, PERSON/*.jpg, one in five of whom is held
out."""

from ..demo.settings import PeopleSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn train-people --faces ../shared/faces --bf16"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, PeopleSettings)

    from ..demo.trainer import PeopleTrainer

    PeopleTrainer(settings).run()
