"""Writes the card of an embedding, X.toml beside X.onnx: how it is fed, found by measurement on photographs."""

from ..stages.settings.cards import CardSettings
from .arguments import read_settings

EXAMPLE = "python -m rcnn card ./model/mobilefacenet.onnx --faces ./people"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, CardSettings)

    from ..stages.card import card

    card(settings)
