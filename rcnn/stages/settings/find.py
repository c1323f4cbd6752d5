"""Settings of `python -m rcnn find`: from a folder of people and films to who is in view when."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...files import on_disk
from ...networks.zoo.roles import DETECTOR, EMBEDDING, QUALITY, find_model
from ...scores.verdicts import VERDICTS
from ...settings import kinds, shared
from ...settings.fields import FILES, REQUIRED, Settings, setting
from ..recipes import BEST, FAST, options_of_recipe
from .appearances import VERDICT_LIST
from .clips import find_quality_model, quality_setting, quality_threshold_setting, usual_quality
from .places import FOUND


@dataclass(frozen=True)
class FindSettings(Settings):
    """Options of `python -m rcnn find`; see its help.

    `quality_model` is None exactly if the quality is the detector's score.
    """

    people: Path = setting(
        REQUIRED, "folder with NAME.jpg, or NAME/*.jpg, *.mp4, ...: one photograph of a person is enough",
        kinds.folder, "DIR", FILES,
    )  # fmt: skip
    clips: tuple[str, ...] = setting(
        REQUIRED,
        "films and photographs, folders and globs of them, s3:// and gs:// prefixes, and text files with one path per "
        "line",
        kinds.paths,
        "PATH",
        FILES,
        many=True,
    )
    output: str = setting(FOUND, "where everything goes", kinds.text, "DIR", FILES)
    verdicts: tuple[str, ...] = setting(
        VERDICTS[:2], "the contents of who.csv and who.json: some of yes,maybe,no, or all", VERDICT_LIST, "V[,V...]"
    )
    false_hits: float = shared.false_hits('how many of 1,000 clips without a known person may get a "yes"')
    model: str = shared.model(EMBEDDING, "embedding model")
    detector: str = shared.model(DETECTOR, "face detector")
    quality_model: str | None = shared.model(QUALITY, "quality model")
    quality: str = quality_setting()
    quality_threshold: float = quality_threshold_setting()
    recipe: str = setting(
        BEST,
        f"best: {options_of_recipe('detect', BEST)['rate']:g} frames a second; fast: "
        f"{options_of_recipe('detect', FAST)['rate']:g} frames a second, and the detector runs on one of "
        f"{options_of_recipe('detect', FAST)['detect_every']}",
        kinds.choice(BEST, FAST),
    )
    rate: float = setting(
        None, "frames to sample per second of film; left out: the recipe's", kinds.more_than_none, "R"
    )
    gpu: int | tuple[int, ...] | None = shared.gpus()
    workers: int | None = shared.workers()
    precision: str = shared.precision()
    licence: str = shared.licence()
    overwrite: bool = shared.overwrite("everything of an earlier run, instead of adding what is new")

    def _complete(self) -> None:
        self._put(output=on_disk(self.output, "--output"), people=Path(on_disk(str(self.people), "--people")))
        self._put(
            quality_model=find_quality_model(self.quality_model, self.quality),
            model=find_model(self.model, EMBEDDING),
            detector=find_model(self.detector, DETECTOR),
        )
        self._fill(rate=options_of_recipe("detect", self.recipe)["rate"])
        if self.quality_threshold is None:
            self._put(quality_threshold=usual_quality(self.quality_model))

    @property
    def first_gpu(self) -> int | None:
        """The device of the steps that use only one."""
        return self.gpu[0] if isinstance(self.gpu, tuple) else self.gpu
