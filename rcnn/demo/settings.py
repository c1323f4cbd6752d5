"""Settings of the demo, of which its command line is made; nothing heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..settings import kinds, shared
from ..settings.fields import FILES, MODELS, Settings, setting
from .files import PREFIX

MOST = 100_000  # people, strangers, or clips of nobody
CLIPS = (2, 1000)  # of a known person; at least one to train, one to test
SEEDS = (0, 2**32 - 1)


@dataclass(frozen=True)
class DemoOptions(Settings):
    """What `python -m rcnn demo` takes; see its help."""

    output: Path = setting(Path("./data/demo"), "where the data set goes", kinds.folder, "DIR", FILES)
    model: str = setting(PREFIX, "what draws the people, see rcnn train-people", kinds.text, "PREFIX", MODELS)
    seed: int = shared.seed("another seed: other people and clips", kinds.between(*SEEDS))
    people: int = setting(30, "known people", kinds.between(1, MOST), "N")
    clips: int = setting(8, "of each; half to train, a quarter each for val and test", kinds.between(*CLIPS), "N")
    strangers: int = setting(20, "unknown people, with a clip in val and one in test", kinds.between(0, MOST), "N")
    nobody: int = setting(20, "clips that show nobody, half in val, half in test", kinds.between(0, MOST), "N")
    overwrite: bool = shared.overwrite()
    workers: int = shared.processes()
