"""Settings of the trainers, from which their command lines are built; imports nothing heavy."""

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
    """`str`: the detector for the photographs."""
    return setting(shipped_model(DETECTOR.shipped), "face detector", kinds.text, CHECKPOINT, MODELS)


def prefix_setting(default: str, of: str) -> Any:
    """`str`: the name prefix of the output files."""
    return setting(default, of, kinds.text, "PREFIX", FILES)


def _prefix_of(shipped: str) -> str:
    """The default prefix for a shipped checkpoint, `NAME,EPOCH`."""
    return f"{MODEL_FOLDER}/{shipped.partition(',')[0]}"


def _start() -> Any:
    return setting(None, "initial weights; default: random", kinds.text, CHECKPOINT, MODELS)


def count_setting(default: int, of: str, unit: str = "N") -> Any:
    """`int`, 1 or more."""
    return setting(default, of, kinds.positive, unit)


def _weight(default: float, of: str, unit: str = "W") -> Any:
    return setting(default, of, kinds.number, unit)


def rate_setting(default: float) -> Any:
    """`float`: the learning rate."""
    return setting(default, "learning rate", kinds.number, "RATE")


def threads_setting() -> Any:
    """`int`: threads for training on the CPU."""
    return setting(0, "threads of PyTorch; 0: one per core", kinds.whole, "N", RUN)


def bf16_setting(speed: str) -> Any:
    """`bool`: whether training multiplies in bfloat16; `speed` describes the benefit."""
    text = f"multiply in bfloat16; {speed} if the processor supports it"
    return setting(False, text, kinds.flag, None, RUN)


@dataclass(frozen=True)
class DetectionSettings(Settings):
    """Settings of `python -m rcnn train-detector`; see its help."""

    prefix: str = prefix_setting(
        _prefix_of(DETECTOR.shipped), "prefix of the checkpoint, its curve, its labels and its snapshot"
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
        "detector that labels the faces in the photographs of --faces, --more and --videos",
        kinds.text,
        CHECKPOINT,
        MODELS,
    )
    second: str | None = setting(
        None,
        "second detector that must confirm each face; what only one detects is neither face nor background",
        kinds.text,
        CHECKPOINT,
        MODELS,
    )
    more: tuple[str, ...] | None = setting(
        None, "folders of additional pictures of unnamed people", kinds.paths, "DIR,...", FILES
    )
    videos: tuple[str, ...] | None = setting(
        None,
        "folders of training videos, one frame per second: motion blur, compression, real backgrounds",
        kinds.paths,
        "DIR,...",
        FILES,
    )
    teacher: str | None = setting(None, "detector for distillation of feature maps", kinds.text, CHECKPOINT, MODELS)
    start: str | None = _start()
    hints: tuple[tuple[str, str], ...] = setting(
        (), "the teacher's feature maps to match, by layer names", kinds.layer_pairs, HINTS
    )
    hint_weight: float = _weight(0.3, "weight of each hint in the loss")
    freeze_norm: bool = setting(
        False,
        "keep the BatchNorm statistics of --start: less noise in boxes and landmarks at the end",
        kinds.flag,
    )
    rounds: int = count_setting(
        20, "rounds, each followed by a snapshot; may be raised until the learning rate starts to fall"
    )
    fall: float = setting(
        0.25, "share of the rounds, at the end, in which the learning rate falls to 0", kinds.share(True), "SHARE"
    )
    average: float = setting(
        0.999,
        "decay of the running mean of the weights, which is evaluated and written",
        kinds.share(True),
        "SHARE",
    )
    scenes: int = count_setting(1024, "scenes per round")
    side: int = count_setting(320, "side of a scene, a multiple of 32", "PIXELS")
    batch: int = count_setting(8, "scenes per step")
    lr: float = rate_setting(3e-3)
    last_rate: float = _weight(
        1.0,
        "share of the learning rate for the last layers; 0.1 stabilises landmarks once the detector finds faces",
        "SHARE",
    )
    seed: int = shared.seed("of weights and scenes")
    threads: int = threads_setting()
    bf16: bool = bf16_setting("faster")
    gpu: int | None = shared.gpu()


@dataclass(frozen=True)
class EmbeddingSettings(Settings):
    """Settings of `python -m rcnn train-embedding`; see its help."""

    faces: str = setting(REQUIRED, "folder of PERSON/*.jpg", kinds.text, "DIR", FILES)
    prefix: str = prefix_setting(_prefix_of(EMBEDDING.shipped), "prefix of the checkpoint, its curve and its snapshot")
    detector: str = detector_setting()
    unnamed: str | None = setting(
        None, "folder of *.jpg with one face each, of unnamed people; requires --teacher", kinds.text, "DIR", FILES
    )
    careless: str | None = setting(
        None, "detector; its false positives are trained to a small norm", kinds.text, CHECKPOINT, MODELS
    )
    teacher: str | None = setting(None, "embedding for distillation", kinds.text, CHECKPOINT, MODELS)
    start: str | None = _start()
    hints: tuple[tuple[str, str], ...] = setting((), "the teacher's layers to match", kinds.layer_pairs, HINTS)
    hint_weight: float = _weight(0.5, "weight of each hint in the loss")
    norm_weight: float = _weight(0.3, "weight of the log ratio of the norms in the loss")
    arcface: float = _weight(0.0, "weight of the angular margin loss over people")
    margin: float = _weight(0.5, "margin of the angular margin loss", "RADIANS")
    scale: float = _weight(32.0, "scale of the angular margin loss", "S")
    rounds: int = count_setting(20, "rounds, each with a new pool of augmented crops")
    pool: int = count_setting(16384, "crops per pool; 0.1 MB each with two hints")
    passes: int = count_setting(2, "passes over a pool")
    batch: int = count_setting(64, "crops per step")
    lr: float = rate_setting(4e-3)
    fall: float = _weight(0.25, "share of the rounds, at the end, in which the learning rate falls", "SHARE")
    quality: float = _weight(shared.LEAST_NORM, "norm below which a crop counts as bad", "Q")
    quality_share: float = _weight(0.02, "share of the training crops below --quality", "P")
    seed: int = shared.seed("of weights and distortions")
    threads: int = threads_setting()
    bf16: bool = bf16_setting("1.6 times as fast")
    gpu: int | None = shared.gpu()
