"""Settings of the trainers, of which their command lines are made; nothing heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..networks.zoo.roles import DETECTOR, EMBEDDING, shipped_model
from ..settings import kinds, shared
from ..settings.fields import FILES, MODELS, REQUIRED, RUN, Settings, setting

MODEL_FOLDER = "./model"
CHECKPOINT = "PREFIX,EPOCH"
HINTS = "OURS=THEIRS,..."


def detector_setting() -> Any:
    """`str`: what finds the faces of the photographs."""
    return setting(shipped_model(DETECTOR.shipped), "face detector", kinds.text, CHECKPOINT, MODELS)


def prefix_setting(default: str, of: str) -> Any:
    """`str`: how the names of what is written begin."""
    return setting(default, of, kinds.text, "PREFIX", FILES)


def _prefix_of(shipped: str) -> str:
    """Of a checkpoint of the project's own, `NAME,EPOCH`."""
    return f"{MODEL_FOLDER}/{shipped.partition(',')[0]}"


def _start() -> Any:
    return setting(None, "weights to begin with; left out: random ones", kinds.text, CHECKPOINT, MODELS)


def count_setting(default: int, of: str, unit: str = "N") -> Any:
    """`int`, 1 or more."""
    return setting(default, of, kinds.positive, unit)


def _weight(default: float, of: str, unit: str = "W") -> Any:
    return setting(default, of, kinds.number, unit)


def rate_setting(default: float) -> Any:
    """`float`: the learning rate."""
    return setting(default, "learning rate", kinds.number, "RATE")


def threads_setting() -> Any:
    """`int`: threads of a training on the CPU."""
    return setting(0, "of PyTorch; 0: as many as there are cores", kinds.whole, "N", RUN)


def bf16_setting(speed: str) -> Any:
    """`bool`: whether the training multiplies in bfloat16; `speed` says what that brings."""
    text = f"multiply in bfloat16; {speed} where the processor knows it"
    return setting(False, text, kinds.flag, None, RUN)


@dataclass(frozen=True)
class DetectionSettings(Settings):
    """What `python -m rcnn train-detector` takes; see its help."""

    prefix: str = prefix_setting(
        _prefix_of(DETECTOR.shipped), "of the checkpoint, its curve, its labels and its snapshot"
    )
    faces: str | None = setting(
        None, "folder of PERSON/*.jpg; one person in five is held out", kinds.text, "DIR", FILES
    )
    wider: str | None = setting(None, "folder of WIDER FACE's pictures, WIDER_train/images", kinds.text, "DIR", FILES)
    labels: str | None = setting(
        None, "the faces of --wider: wider_face_train_bbx_gt.txt, or RetinaFace's label.txt", kinds.text, "FILE", FILES
    )
    labeller: str | None = setting(
        None,
        "detector whose faces in the photographs of --faces, --more and --videos are the labels",
        kinds.text,
        CHECKPOINT,
        MODELS,
    )
    second: str | None = setting(
        None,
        "another detector that has to see a face, too; what only one of them sees is neither face nor background",
        kinds.text,
        CHECKPOINT,
        MODELS,
    )
    more: tuple[str, ...] | None = setting(
        None, "folders of further pictures to learn from, people without names", kinds.paths, "DIR,...", FILES
    )
    videos: tuple[str, ...] | None = setting(
        None,
        "folders of videos to learn from, a frame a second: motion blur, compression, real backgrounds",
        kinds.paths,
        "DIR,...",
        FILES,
    )
    teacher: str | None = setting(None, "detector whose maps are to be learned, too", kinds.text, CHECKPOINT, MODELS)
    start: str | None = _start()
    hints: tuple[tuple[str, str], ...] = setting(
        (), "which of the teacher's maps, by the layers' names", kinds.layer_pairs, HINTS
    )
    hint_weight: float = _weight(0.3, "of each hint in the loss")
    freeze_norm: bool = setting(
        False,
        "keep BatchNorm's statistics as --start has them: less noise for boxes and landmarks at the end",
        kinds.flag,
    )
    rounds: int = count_setting(
        20, "after each a snapshot is written; may be raised as long as the learning rate does not fall"
    )
    fall: float = setting(
        0.25, "of the rounds, the last ones, in which the learning rate falls to 0", kinds.share(True), "SHARE"
    )
    average: float = setting(
        0.999,
        "of the running mean of the weights that is kept in each step; the mean is what is evaluated and written",
        kinds.share(True),
        "SHARE",
    )
    scenes: int = count_setting(1024, "a round")
    side: int = count_setting(320, "of a scene, a multiple of 32", "PIXELS")
    batch: int = count_setting(8, "scenes a step")
    lr: float = rate_setting(3e-3)
    last_rate: float = _weight(
        1.0,
        "of the learning rate for the last layers; 0.1 steadies landmarks once a detector finds faces",
        "SHARE",
    )
    seed: int = shared.seed("of weights and scenes")
    threads: int = threads_setting()
    bf16: bool = bf16_setting("faster")
    gpu: int | None = shared.gpu()


@dataclass(frozen=True)
class EmbeddingSettings(Settings):
    """What `python -m rcnn train-embedding` takes; see its help."""

    faces: str = setting(REQUIRED, "folder of PERSON/*.jpg", kinds.text, "DIR", FILES)
    prefix: str = prefix_setting(_prefix_of(EMBEDDING.shipped), "of the checkpoint, its curve and its snapshot")
    detector: str = detector_setting()
    unnamed: str | None = setting(
        None, "folder of *.jpg, a face each, of people without names; for --teacher", kinds.text, "DIR", FILES
    )
    careless: str | None = setting(
        None, "detector; what it finds where there is no face gets a small norm", kinds.text, CHECKPOINT, MODELS
    )
    teacher: str | None = setting(None, "embedding to learn from", kinds.text, CHECKPOINT, MODELS)
    start: str | None = _start()
    hints: tuple[tuple[str, str], ...] = setting(
        (), "layers of the teacher to learn from, too", kinds.layer_pairs, HINTS
    )
    hint_weight: float = _weight(0.5, "of each hint in the loss")
    norm_weight: float = _weight(0.3, "of the logarithm of the norm's ratio in the loss")
    arcface: float = _weight(0.0, "weight of the angular margin loss over people")
    margin: float = _weight(0.5, "of the angular margin loss", "RADIANS")
    scale: float = _weight(32.0, "of the angular margin loss", "S")
    rounds: int = count_setting(20, "pools of distorted crops, one after the other")
    pool: int = count_setting(16384, "crops a pool; 0.1 MB each with two hints")
    passes: int = count_setting(2, "over a pool")
    batch: int = count_setting(64, "crops a step")
    lr: float = rate_setting(4e-3)
    fall: float = _weight(0.25, "share of the rounds, the last ones, in which the learning rate falls", "SHARE")
    quality: float = _weight(shared.LEAST_NORM, "norm under which a crop counts as bad", "Q")
    quality_share: float = _weight(0.02, "share of the training crops under --quality", "P")
    seed: int = shared.seed("of weights and distortions")
    threads: int = threads_setting()
    bf16: bool = bf16_setting("1.6 times as fast")
    gpu: int | None = shared.gpu()
