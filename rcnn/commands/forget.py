"""Removes a person from a run and its data set: lists, faces, vectors, pages; says what can't be removed."""

from ..stages.settings.people import ForgetSettings
from .arguments import read_settings

EXAMPLE = 'python -m rcnn forget "Ada Lovelace" --run ./found'


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, ForgetSettings)

    from ..stages.forget import forget

    forget(settings)
