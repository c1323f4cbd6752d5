"""Settings of `python -m rcnn import-features`, which reads the features that iQIYI-VID-2019 shipped."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ...files import on_disk
from ...settings import kinds, shared
from ...settings.fields import FILES, REQUIRED, Settings, setting
from ..recipes import BEST, SEED
from .clips import ALL, CENTRAL
from .places import TEST, TRAINVAL

EQUAL, QUALITY = "equal", "quality"  # --weights
# Published solutions of 2019 left out faces of a quality under 25 to 60; most of them under 40
LEAST_QUALITY = 40.0


@dataclass(frozen=True)
class ImportSettings(Settings):
    """Options of `python -m rcnn import-features`; see its help."""

    inputs: tuple[str, ...] = setting(
        REQUIRED, "pickles like face_train_v2.pickle", kinds.paths, "FILE", FILES, positional=True, many=True
    )
    output: str = setting(REQUIRED, "where the vectors go, as written by feature.py", kinds.text, "DIR", FILES)
    dataset: str | None = setting(
        None,
        "directory with train_gt.txt and val_gt.txt, or with gt_v2: which clips are of train and of val, and who is in "
        "them; left out: the split is taken from the names of clips and pickles",
        kinds.text,
        "DIR",
        FILES,
    )
    stage: str = setting(TRAINVAL, "which clips; test: all clips are of test", kinds.choice(TRAINVAL, TEST))
    split: tuple[int, int] = shared.split()
    quality_threshold: float = setting(
        LEAST_QUALITY,
        "smallest quality of a used face; if a clip has none, all of its faces are used",
        kinds.number,
        "Q",
    )
    faces: str = setting(
        None,
        "which faces of a frame: the largest, or all, tracked through the clip by position and similarity",
        kinds.choice(CENTRAL, ALL),
        usual=CENTRAL,
    )
    weights: str = setting(
        EQUAL, "weights of a clip's faces: equal, or quality times score", kinds.choice(EQUAL, QUALITY)
    )
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()
    recipe: str = setting(
        SEED,
        f"{SEED}: the defaults shown here; {BEST}: --faces {ALL}. Later stages need the same recipe",
        kinds.choice(SEED, BEST),
    )

    def _complete(self) -> None:
        if self.recipe == BEST:
            self._fill(faces=ALL)
        self._put(inputs=tuple(on_disk(path, "FILE") for path in self.inputs))
        if len(set(self.inputs)) < len(self.inputs):
            raise InputError(f"{' '.join(self.inputs)}: names a file twice; give each once")
