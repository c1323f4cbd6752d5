"""Settings of the demo and of what trains its people; nothing heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..networks.zoo.roles import shipped_model
from ..settings import kinds, shared
from ..settings.fields import FILES, MODELS, REQUIRED, Settings, setting
from ..training.settings import (
    bf16_setting,
    count_setting,
    detector_setting,
    prefix_setting,
    rate_setting,
    threads_setting,
)
from .files import NAME, PREFIX

MOST = 100_000  # people, strangers, or clips of nobody
CLIPS = (2, 1000)  # of a known person; at least one to train, one to test
SEEDS = (0, 2**32 - 1)


@dataclass(frozen=True)
class DemoOptions(Settings):
    """Options of `python -m rcnn demo`; see its help."""

    output: Path = setting(Path("./data/demo"), "where the data set goes", kinds.folder, "DIR", FILES)
    model: str = setting(
        shipped_model(NAME),
        "model that draws the people, see python -m rcnn train-people",
        kinds.text,
        "PREFIX",
        MODELS,
    )
    seed: int = shared.seed("another seed gives other people and clips", kinds.between(*SEEDS))
    people: int = setting(30, "known people", kinds.between(1, MOST), "N")
    clips: int = setting(8, "of each; half to train, a quarter each for val and test", kinds.between(*CLIPS), "N")
    strangers: int = setting(20, "unknown people, with a clip in val and one in test", kinds.between(0, MOST), "N")
    nobody: int = setting(20, "clips that show nobody, half in val, half in test", kinds.between(0, MOST), "N")
    overwrite: bool = shared.overwrite()
    workers: int = shared.processes()


@dataclass(frozen=True)
class PeopleSettings(Settings):
    """Options of `python -m rcnn train-people`; see its help."""

    faces: str = setting(REQUIRED, "folder of PERSON/*.jpg", kinds.text, "DIR", FILES)
    prefix: str = prefix_setting(PREFIX, "of the face space, the refiner, their curve and their snapshot")
    detector: str = detector_setting()
    rounds: int = count_setting(34, "with a snapshot after each")
    steps: int = count_setting(100, "a round")
    batch: int = count_setting(8, "photographs per step, and as many random draws")
    lr: float = rate_setting(4e-4)
    seed: int = shared.seed("of weights, draws and order")
    threads: int = threads_setting()
    bf16: bool = bf16_setting("twice as fast")
    gpu: int | None = shared.gpu()
