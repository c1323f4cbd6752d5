"""Lists the known models, or fetches one; without a network it says what to get and where to put it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..networks.zoo.words import COMMERCIAL
from ..settings import kinds, shared
from ..settings.fields import FILES, MODELS, Settings, setting
from .arguments import read_settings

EXAMPLE = "python -m rcnn zoo yunet"


@dataclass(frozen=True)
class ZooSettings(Settings):
    """What the command takes; see its help."""

    name: str | None = setting(
        None, "of the model to fetch; left out: all are listed", kinds.text, "NAME", MODELS, positional=True
    )
    to: str = setting("./model", "folder for its files", kinds.text, "DIR", FILES)
    licence: str = shared.licence()


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, ZooSettings)

    from ..networks.zoo.fetch import fetch, listing
    from ..networks.zoo.registry import known_models

    models = known_models()
    if settings.licence == COMMERCIAL:
        if settings.name in models and not models[settings.name].commercial:
            raise InputError(
                f"{settings.name}: licence {models[settings.name].licence}, not one for commercial use; python -m rcnn "
                f"zoo --licence {COMMERCIAL} lists those that are"
            )
        models = {name: model for name, model in models.items() if model.commercial}
    if settings.name is None:
        print(listing(list(models.values())))
        return
    if settings.name not in models:
        raise InputError(f"there is no model {settings.name} in model/zoo.toml; there are {', '.join(models)}")
    fetch(models[settings.name], settings.to)
