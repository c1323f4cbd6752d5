"""Settings of gendata.py, detect.py and its contact sheets."""

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
SAMPLING = 3  # one of so many frames is sampled
DETECT_EVERY = (1, 16)  # of --detect-every; the frames in between are in memory
EVERY = 50  # one of so many clips of each state gets a contact sheet
DRAWN_WHOLE = 50  # clips of which each gets one
EVERY_LEFT_OUT = f"left out: every clip of up to {DRAWN_WHOLE}, else every {EVERY}th"


def quality_setting() -> Any:
    """A field of settings, `str`: the measure of a face's quality."""
    text = "measure of a face's quality: the norm of the quality model's embedding, or the detector's score"
    return setting(NORM, text, kinds.choice(NORM, SCORE))


def quality_threshold_setting() -> Any:
    """A field of settings, `float`: the smallest quality."""
    text = (
        f"smallest quality of a kept face; left out: the one in the quality model's card, "
        f"{shared.LEAST_NORM:g} without a card; {LEAST_SCORE:g} with --quality score"
    )
    return setting(None, text, kinds.number, "Q")


def usual_quality(model: str | None) -> float:
    """The default smallest quality: that of the model's card; the challenge's quality model has 10.

    Parameters
    ----------
    model : the quality model; None if the quality is the detector's score

    Raises
    ------
    InputError
        If the model's card is damaged.
    """
    if model is None:
        return LEAST_SCORE
    from ...faces.quality import quality_card  # hashes the model's files, which would slow down --help

    return quality_card(model).usual


def find_quality_model(given: str | None, quality: str) -> str | None:
    """The quality model; None if the quality is the detector's score.

    Raises
    ------
    InputError
        If it does not exist, or one is given and not used.
    """
    if quality == NORM:
        return find_model(given, QUALITY)
    if given is not None:
        raise InputError("--quality score is the detector's, so --quality-model is not used; leave one of them out")
    return None


@dataclass(frozen=True)
class DetectSettings(Settings):
    """Options of `detect.py`; see its help.

    `model` is None exactly if the quality is the detector's score.
    """

    model: str | None = shared.model(QUALITY, "quality model", "--quality-model")
    detector: str = shared.model(DETECTOR, "face detector")
    output: str = setting(None, f"where the faces go; left out: {DETECTED}STAGE", kinds.text, "DIR", FILES)
    dataset: str = setting(DATASET, "data set in the iQIYI-VID layout", kinds.text, "DIR", FILES)
    stage: str = setting(TRAINVAL, "which clips", kinds.choice(TRAINVAL, TEST))
    gpu: int | tuple[int, ...] | None = shared.gpus()
    workers: int | None = shared.workers()
    ray: str | None = shared.ray()
    decoders: int = setting(0, "Ray actors that decode clips for the workers", kinds.whole, "N", RUN)
    precision: str = shared.precision()
    licence: str = shared.licence()
    sampling: int | None = setting(
        None, f"sample frames N, 2N, 3N, ...; left out: {SAMPLING}, unless --rate is given", kinds.positive, "N"
    )
    rate: float | None = setting(
        None, "frames to sample per second of video, instead of --sampling", kinds.more_than_none, "R"
    )
    detect_every: int = setting(
        None,
        "run the detector on every K-th sampled frame, and on those between two of them that do not show the same "
        "faces; other faces move in a straight line from one to the next, and their embeddings must confirm them",
        kinds.between(*DETECT_EVERY),
        "K",
        usual=1,
    )
    split: tuple[int, int] = shared.split()
    quality_threshold: float = quality_threshold_setting()
    image_size: tuple[int, int] = setting((112, 112), "crop in pixels: 112,112 or 112,96", kinds.pair, "H,W")
    quality: str = quality_setting()
    max_bad: float = setting(5.0, "fail if more clips than this can't be read", kinds.number, "PERCENT", RUN)
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()
    recipe: str = recipe_setting("detect")
    faces: str = setting(
        None,
        "which faces of a frame: the large one near its centre, or all, tracked through the clip",
        kinds.choice(CENTRAL, ALL),
        usual=CENTRAL,
    )
    vectors: str = setting(
        ON,
        "on: store the quality model's vectors with the faces, so that feature.py with the same --model needs no "
        "network; off: no vectors, for another embedding model",
        kinds.choice(ON, OFF),
        None,
        RUN,
    )

    def _complete(self) -> None:
        if self.sampling is not None and self.rate is not None:
            raise InputError("--sampling and --rate: both set which frames are sampled; give one of them")
        options = options_of_recipe("detect", self.recipe)
        if self.sampling is not None:
            options.pop("rate", None)
        self._put(model=find_quality_model(self.model, self.quality))
        if self.model is None:
            options.pop("detect_every", None)  # a recipe's; given, it is refused below
        self._fill(output=f"{DETECTED}{self.stage}", **options)
        if self.rate is None:
            self._fill(sampling=SAMPLING)
        if self.detect_every is not None and self.detect_every > 1 and self.model is None:
            raise InputError(
                "--detect-every: needs the embeddings of a quality model, and --quality score has none; leave one out"
            )
        if self.quality_threshold is None:
            self._put(quality_threshold=usual_quality(self.model))
        self._put(detector=find_model(self.detector, DETECTOR))


@dataclass(frozen=True)
class PreviewSettings(Settings):
    """Options of `python -m rcnn preview`; see its help.

    input : a complete detect directory; its manifest names the data set, the models and the thresholds
    """

    input: str = setting(f"{DETECTED}{TEST}", "output of detect.py", kinds.text, "DIR", FILES)
    output: str = setting("./output/preview", "where the sheets go: STATE/CLIP.jpg", kinds.text, "DIR", FILES)
    every: int | None = setting(
        None, f"every K-th clip of each state: ok, no face, unreadable; {EVERY_LEFT_OUT}", kinds.positive, "K"
    )
    gpu: int | None = shared.gpu()
    names: str | None = shared.names()
    dataset: str | None = setting(
        None, "data set of the clips; left out: the one that detect.py read", kinds.text, "DIR", FILES
    )
    sources: str | None = shared.sources()


@dataclass(frozen=True)
class SheetSettings(Settings):
    """Options of `detect.py` for its contact sheets."""

    preview: str | None = setting(
        None,
        "draw the faces found in some clips, one contact sheet per clip: DIR/STATE/CLIP.jpg",
        kinds.text,
        "DIR",
        FILES,
    )
    preview_every: int | None = setting(
        None, f"of every K-th clip of each state; {EVERY_LEFT_OUT}", kinds.positive, "K", RUN
    )

    def _complete(self) -> None:
        if self.preview is not None:
            self._put(preview=on_disk(self.preview, "--preview"))

    def of(self, run: DetectSettings) -> PreviewSettings | None:
        """Settings for the sheets of a run, on its first device; None without --preview."""
        if self.preview is None:
            return None
        device = run.gpu[0] if isinstance(run.gpu, tuple) else run.gpu
        # a data set in a store is opened only if the command names it
        dataset = run.dataset if is_url(run.dataset) else None
        return PreviewSettings(run.output, self.preview, self.preview_every, device, dataset=dataset)


@dataclass(frozen=True)
class GendataSettings(Settings):
    """Options of `gendata.py`; see its help."""

    input: Path = setting(REQUIRED, "folder with PERSON/*.jpg, *.png, *.mp4, ...", kinds.folder, "DIR", FILES)
    output: Path = setting(Path("./data/mine"), "where the data set goes", kinds.folder, "DIR", FILES)
    copy: bool = setting(False, "copy videos instead of linking to them", kinds.flag, None, FILES)
    seed: int = shared.seed("another seed gives other people, splits and camera moves", kinds.integer)
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
    overwrite: bool = shared.overwrite("the data set of an earlier run")

    def _complete(self) -> None:
        shares = self.val_share + self.test_share
        if shares >= 1:
            raise InputError(
                f"--val-share and --test-share together {shares}: must be less than 1: training needs the rest"
            )
