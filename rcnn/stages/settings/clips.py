"""Settings of what makes clips and of what looks at them: gendata.py, detect.py and its contact sheets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import is_url, on_disk
from ...networks.zoo.roles import DETECTOR, QUALITY, find_model
from ...settings import kinds, shared
from ...settings.fields import FILES, REQUIRED, RUN, Settings, setting
from ..recipes import options_of_recipe, recipe_setting
from .places import DATASET, DETECTED, TEST, TRAINVAL

CENTRAL, ALL = "central", "all"  # --faces
NORM, SCORE = "norm", "score"  # --quality
OFF, ON = "off", "on"  # --vectors, and --means and --not-this-one of genfeat.py
LEAST_SCORE = 0.5  # of a face, with --quality score
SIDES = (64, 4096)  # pixels of a clip made from photographs; H.264 with halved colour needs even ones
SAMPLING = 3  # of every so many frames one is looked at
EVERY = 50  # of so many clips of each state one has a contact sheet


def quality_setting() -> Any:
    """A field of settings, `str`: what is a face's quality."""
    text = "what a face's quality is: the norm of the quality model's embedding, or the detector's score"
    return setting(NORM, text, kinds.choice(NORM, SCORE))


def quality_threshold_setting() -> Any:
    """A field of settings, `float`: the least quality."""
    text = (
        f"smallest quality of a face that is kept; left out: the quality model's own, of its card, and "
        f"{shared.LEAST_NORM:g} without one; {LEAST_SCORE:g} with --quality score"
    )
    return setting(None, text, kinds.number, "Q")


def usual_quality(model: str | None) -> float:
    """The least quality where none is given: that of the model's card; the challenge's quality model has 10.

    Parameters
    ----------
    model : the quality model; None where the quality is the detector's score

    Raises
    ------
    InputError
        If the model's card is damaged.
    """
    if model is None:
        return LEAST_SCORE
    from ...faces.quality import quality_card  # hashes the model's files, which --help need not wait for

    return quality_card(model).usual


def find_quality_model(given: str | None, quality: str) -> str | None:
    """The model whose norm is the quality; None where that is the detector's score.

    Raises
    ------
    InputError
        If it is not there, or one is given that takes no part.
    """
    if quality == NORM:
        return find_model(given, QUALITY)
    if given is not None:
        raise InputError("--quality score is the detector's, and no --quality-model takes part; leave one of them out")
    return None


@dataclass(frozen=True)
class DetectSettings(Settings):
    """What `detect.py` takes; see its help.

    `model` is None exactly where the quality is the detector's score.
    """

    model: str | None = shared.model(QUALITY, "quality model", "--quality-model")
    detector: str = shared.model(DETECTOR, "face detector")
    output: str = setting(None, f"where the faces go; left out: {DETECTED}STAGE", kinds.text, "DIR", FILES)
    dataset: str = setting(DATASET, "data set in the iQIYI-VID layout", kinds.text, "DIR", FILES)
    stage: str = setting(TRAINVAL, "which clips", kinds.choice(TRAINVAL, TEST))
    gpu: int | tuple[int, ...] | None = shared.gpus()
    workers: int | None = shared.workers()
    ray: str | None = shared.ray()
    decoders: int = setting(0, "actors of Ray that decode clips for the workers", kinds.whole, "N", RUN)
    precision: str = shared.precision()
    licence: str = shared.licence()
    sampling: int | None = setting(
        None, f"look at frames N, 2N, 3N, ...; left out: {SAMPLING}, unless there is a --rate", kinds.positive, "N"
    )
    rate: float | None = setting(
        None, "looks a second, whatever the frame rate, in place of --sampling", kinds.more_than_none, "R"
    )
    split: tuple[int, int] = shared.split()
    quality_threshold: float = quality_threshold_setting()
    image_size: tuple[int, int] = setting((112, 112), "crop in pixels: 112,112 or 112,96", kinds.pair, "H,W")
    quality: str = quality_setting()
    max_bad: float = setting(5.0, "fail if more of the clips can't be read", kinds.number, "PERCENT", RUN)
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()
    recipe: str = recipe_setting("detect")
    faces: str = setting(
        None,
        "which faces of a frame: the one that is large and near its centre, or all, followed through the clip",
        kinds.choice(CENTRAL, ALL),
        usual=CENTRAL,
    )
    vectors: str = setting(
        ON,
        "on: keep the quality model's vectors beside the faces, which spares feature.py with the same --model its "
        "network; off: no vectors, for another embedding model",
        kinds.choice(ON, OFF),
        None,
        RUN,
    )

    def _complete(self) -> None:
        if self.sampling is not None and self.rate is not None:
            raise InputError("--sampling and --rate: both say which frames are looked at; give one of them")
        options = options_of_recipe("detect", self.recipe)
        if self.sampling is not None:
            options.pop("rate", None)
        self._fill(output=f"{DETECTED}{self.stage}", **options)
        if self.rate is None:
            self._fill(sampling=SAMPLING)
        self._put(model=find_quality_model(self.model, self.quality))
        if self.quality_threshold is None:
            self._put(quality_threshold=usual_quality(self.model))
        self._put(detector=find_model(self.detector, DETECTOR))


@dataclass(frozen=True)
class PreviewSettings(Settings):
    """What `python -m rcnn preview` takes; see its help.

    input : a complete detect directory; its manifest names the data set, the models and the thresholds
    """

    input: str = setting(f"{DETECTED}{TEST}", "what detect.py wrote", kinds.text, "DIR", FILES)
    output: str = setting("./output/preview", "where the sheets go: STATE/CLIP.jpg", kinds.text, "DIR", FILES)
    every: int = setting(EVERY, "every K-th clip of each state: ok, no face, unreadable", kinds.positive, "K")
    gpu: int | None = shared.gpu()
    names: str | None = shared.names()
    dataset: str | None = setting(
        None, "data set of the clips; left out: the one that detect.py read", kinds.text, "DIR", FILES
    )
    sources: str | None = shared.sources()


@dataclass(frozen=True)
class SheetSettings(Settings):
    """What `detect.py` takes for its contact sheets."""

    preview: str | None = setting(
        None,
        "draw what was seen in some clips, on a contact sheet each: DIR/STATE/CLIP.jpg",
        kinds.text,
        "DIR",
        FILES,
    )
    preview_every: int = setting(EVERY, "of every K-th clip of each state", kinds.positive, "K", RUN)

    def _complete(self) -> None:
        if self.preview is not None:
            self._put(preview=on_disk(self.preview, "--preview"))

    def of(self, run: DetectSettings) -> PreviewSettings | None:
        """What draws the sheets of a run, on its first device; None where none are wanted."""
        if self.preview is None:
            return None
        device = run.gpu[0] if isinstance(run.gpu, tuple) else run.gpu
        # what the manifest names is opened in a store only where the command names it
        dataset = run.dataset if is_url(run.dataset) else None
        return PreviewSettings(run.output, self.preview, self.preview_every, device, dataset=dataset)


@dataclass(frozen=True)
class GendataSettings(Settings):
    """What `gendata.py` takes; see its help."""

    input: Path = setting(REQUIRED, "holds PERSON/*.jpg, *.png, *.mp4, ...", kinds.folder, "DIR", FILES)
    output: Path = setting(Path("./data/mine"), "where the data set goes", kinds.folder, "DIR", FILES)
    copy: bool = setting(False, "copy videos, in place of links to them", kinds.flag, None, FILES)
    seed: int = shared.seed("another seed: other people, splits and camera moves", kinds.integer)
    min_items: int = setting(
        6,
        "people with fewer items are strangers, without a label",
        kinds.at_least(2, "one to train, one to test"),
        "N",
    )
    people: int | None = setting(None, "use N known people; left out or -1: all", kinds.at_most_or_all(1), "N")
    strangers: int | None = setting(None, "use N strangers; left out or -1: all", kinds.at_most_or_all(0), "N")
    val_share: float = setting(0.25, "share of a person's items for validation", kinds.share(low_included=True), "S")
    test_share: float = setting(0.25, "share for the test", kinds.share(low_included=False), "S")
    size: tuple[int, int] = setting(
        (640, 360), "pixels of the clips made from photographs", kinds.even_pair(*SIDES, "640,360"), "W,H"
    )
    workers: int = shared.processes()
    overwrite: bool = shared.overwrite("the data set that an earlier run made there")

    def _complete(self) -> None:
        shares = self.val_share + self.test_share
        if shares >= 1:
            raise InputError(
                f"--val-share and --test-share together {shares}: must be less than 1: training needs some"
            )
