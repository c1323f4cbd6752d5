"""Trains a detector on scenes that are put together anew for every step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config import config
from ..errors import InputError
from ..faces.detection_quality import false_positives, landmark_errors, match_faces, recall, threshold_for
from ..faces.detectors.essh import EsshDetector
from ..networks.checkpoint import Graph, checkpoint_files, load_checkpoint, save_checkpoint
from ..networks.engine import CPU, Network, load_network
from ..networks.graphs.essh import build_essh_m25
from .detection_loss import detection_losses
from .graph_module import GraphModule, load_start
from .labels import Photograph
from .rounds import FREE, Losses, run_rounds, seconds_since, warm_cosine, write_curve
from .scenes import Scene, make_scene
from .sources import load_photographs
from .targets import Targets, image_anchors, match_anchors

WARM_UP = 0.03  # share of the steps in which the learning rate rises
WEIGHT_DECAY = 5e-4
GRADIENT_NORM = 10.0
PREDICTIONS = "face_"  # begins the names of the last layers
ADAPTER_GAIN = 0.3
UNSEEN_SCENES = 48  # of photographs that training never sees, looked at after each round
LEAST_SCORE = 0.02  # of detections in them
IMAGES_A_MISTAKE = 10.0
STRIDES = [stride for stride, _ in config.ESSH.STRIDES]
LOGITS = [f"face_{part}_stride{stride}_output" for stride in STRIDES for part in ("score", "box", "landmark")]


@dataclass(frozen=True)
class DetectionSettings:
    """What `python -m rcnn train-detector` takes; see its help."""

    prefix: str
    faces: str | None = None
    labeller: str | None = None
    wider: str | None = None
    labels: str | None = None
    teacher: str | None = None
    hints: tuple[tuple[str, str], ...] = ()
    hint_weight: float = 0.3
    start: str | None = None
    freeze_norm: bool = False
    gpu: int = CPU
    rounds: int = 20
    scenes: int = 1024
    side: int = 320
    batch: int = 8
    lr: float = 3e-3
    last_rate: float = 1.0
    threads: int = 0
    bf16: bool = False
    seed: int = 0


class Student(nn.Module):
    """The network in training, with 1x1 convolutions that make its maps comparable with the teacher's."""

    def __init__(self, graph: Graph, hints: tuple[tuple[str, str], ...], teacher_widths: list[int]) -> None:
        super().__init__()
        self.network = GraphModule(graph.select([*LOGITS, *(f"{ours}_output" for ours, _ in hints)]))
        with torch.no_grad():
            maps = self.network.eval()(torch.zeros(1, 3, 64, 64))[len(LOGITS) :]
        self.adapters = nn.ModuleList(
            nn.Conv2d(ours.shape[1], theirs, 1) for ours, theirs in zip(maps, teacher_widths, strict=True)
        )
        for adapter in self.adapters:
            nn.init.zeros_(adapter.bias)
            nn.init.normal_(adapter.weight, std=ADAPTER_GAIN / adapter.in_channels**0.5)

    def losses(self, images: Tensor, targets: list[Tensor], hints: list[Tensor], settings: DetectionSettings) -> dict:
        """Terms of the loss of a batch; `targets` as `detection_losses` takes them, `hints` the teacher's maps."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.bf16):
            outputs = [output.float() for output in self.network(images)]
        losses = detection_losses(outputs[: len(LOGITS)], *targets)
        for adapter, ours, theirs in zip(self.adapters, outputs[len(LOGITS) :], hints, strict=True):
            # standardised by channel, so that predicting nothing but the mean costs 1
            standard = functional.batch_norm(theirs, None, None, training=True)
            distance = (adapter(ours) - standard).square().mean()
            losses["hints"] = losses.get("hints", 0) + settings.hint_weight * distance
        return losses


class DetectionTrainer:
    """A run of training, in rounds of so many scenes.

    Parameters
    ----------
    settings : see there
    photographs : those to learn from and those that are never seen; None to load what the settings name
    """

    def __init__(
        self, settings: DetectionSettings, photographs: tuple[list[Photograph], list[Photograph]] | None = None
    ) -> None:
        self.settings = settings
        if settings.hints and not settings.teacher:
            raise InputError("--hints compares with a teacher's maps: give --teacher PREFIX,EPOCH")
        if settings.side % max(STRIDES):
            raise InputError(f"--side {settings.side}: is no multiple of {max(STRIDES)}, the largest stride")
        self.device = torch.device("cpu") if settings.gpu == CPU else torch.device("cuda", settings.gpu)
        self.seen, self.unseen = photographs or load_photographs(settings)
        if not any(len(photo.boxes) for photo in self.seen):
            raise InputError("no face is labelled in any photograph; give other photographs or another labeller")
        self.teacher = self._load_teacher()
        widths = []
        if self.teacher:
            widths = [m.shape[1] for m in self.teacher(np.zeros((1, settings.side, settings.side, 3), np.uint8))]
        torch.manual_seed(settings.seed)
        self.graph = build_essh_m25(settings.seed)
        self.student = Student(self.graph, settings.hints, widths).to(self.device)
        if settings.start:
            load_start(self.student.network, settings.start)
        self.student.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self._groups(), settings.lr, weight_decay=WEIGHT_DECAY)
        self.steps_a_round = max(1, settings.scenes // settings.batch)
        self.snapshot = f"{settings.prefix}-snapshot.params"

    def _groups(self) -> list[dict[str, Any]]:
        """The parameters with their share of the learning rate.

        Adam moves each weight by the whole rate in every step. A prediction sums up to 576 of them, all moved in one
        direction where the activations are alike: at 1e-3 landmarks tremble by more than they are to be wrong.
        """
        predicting, others = [], []
        for name, parameter in self.student.named_parameters():
            (predicting if name.startswith(f"network.{PREDICTIONS}") else others).append(parameter)
        return [{"params": others, "rate": 1.0}, {"params": predicting, "rate": self.settings.last_rate}]

    def _load_teacher(self) -> Network | None:
        if not self.settings.hints:
            return None
        graph = load_checkpoint(self.settings.teacher)
        layers = [f"{theirs}_output" for _, theirs in self.settings.hints]
        return load_network(graph, layers, device=self.settings.gpu, images=True)

    def run(self) -> None:
        """Train what is left to train, and write the checkpoint."""
        settings = self.settings
        if settings.threads:
            torch.set_num_threads(settings.threads)
            cv2.setNumThreads(settings.threads)
        free = (*FREE, "prefix")
        run_rounds(settings, self.snapshot, ("student", self.student), self.optimizer, self._line, self.save, free)
        print(f"train_detector: {settings.rounds} rounds -> {checkpoint_files(f'{settings.prefix},0')[1]}")

    def _line(self, number: int) -> dict[str, float]:
        started = time.monotonic()
        losses = self._round(number)
        speed = self.steps_a_round * self.settings.batch / (time.monotonic() - started)
        line = {**losses, "seconds": seconds_since(started), "scenes_per_second": round(speed, 2)}
        return line | self.evaluate()

    def _round(self, number: int) -> dict[str, float]:
        self.student.train(not self.settings.freeze_norm)
        sums = Losses()
        for step in range(self.steps_a_round):
            rng = np.random.default_rng((self.settings.seed, number, step))
            scenes = [make_scene(self.seen, self.settings.side, rng) for _ in range(self.settings.batch)]
            sums.add(self.step(scenes, self.learning_rate(number * self.steps_a_round + step)))
        return sums.means(number, self.steps_a_round)

    def step(self, scenes: list[Scene], lr: float) -> dict[str, float]:
        """Learn from some scenes at a learning rate; returns the terms of the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group["rate"]
        losses = self._losses(scenes)
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), GRADIENT_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {name: float(value.detach()) for name, value in losses.items()}

    def _losses(self, scenes: list[Scene]) -> dict[str, Tensor]:
        pictures = np.stack([scene.picture for scene in scenes])
        hints = [torch.from_numpy(m).to(self.device) for m in self.teacher(pictures)] if self.teacher else []
        images = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).flip(1)
        images = images.float().contiguous(memory_format=torch.channels_last)
        return self.student.losses(images, self._targets(scenes), hints, self.settings)

    def _targets(self, scenes: list[Scene]) -> list[Tensor]:
        anchors = image_anchors(self.settings.side, self.settings.side)
        targets: list[Targets] = [match_anchors(anchors, s.boxes, s.landmarks, s.ignored) for s in scenes]
        columns = zip(*((t.classes, t.boxes, t.landmarks) for t in targets), strict=True)
        return [torch.from_numpy(np.stack(column)).to(self.device) for column in columns]

    def learning_rate(self, step: int) -> float:
        """Of a step of the whole run; see `warm_cosine`."""
        return warm_cosine(self.settings.lr, step, self.settings.rounds * self.steps_a_round, WARM_UP)

    def trained_graph(self) -> Graph:
        """The detector as it is now, without what only training needs."""
        graph = self.student.network.trained_graph().select(LOGITS)
        return Graph(self.graph.nodes, self.graph.outputs, graph.params, self.graph.source)

    def detector(self) -> EsshDetector:
        """The detector as it is now, on the engine that users run."""
        return EsshDetector(load_network(self.trained_graph(), device=self.settings.gpu, images=True))

    def evaluate(self) -> dict[str, float]:
        """Recall and false positives on scenes of photographs that training never sees, the same every time."""
        if not any(len(photo.boxes) for photo in self.unseen):
            return {}
        rngs = [np.random.default_rng((1, n)) for n in range(UNSEEN_SCENES)]
        scenes = [make_scene(self.unseen, self.settings.side, rng) for rng in rngs]
        found = self.detector().detect([scene.picture for scene in scenes], LEAST_SCORE)
        matches = [match_faces(faces, s.boxes, s.ignored) for faces, s in zip(found, scenes, strict=True)]
        wanted = [np.ones(len(scene.boxes), bool) for scene in scenes]
        result = {
            "recall": recall(found, matches, wanted, config.ESSH.THRESHOLD),
            "false_positives_per_scene": false_positives(found, matches, config.ESSH.THRESHOLD) / len(scenes),
            "recall_at_0.1": recall(found, matches, wanted, threshold_for(found, matches, IMAGES_A_MISTAKE)),
        }
        labels = [(scene.boxes, scene.landmarks) for scene in scenes]
        errors = landmark_errors(found, matches, labels, config.ESSH.THRESHOLD)
        if len(errors):
            result["landmark_error"] = float(errors.mean())
        return {name: round(value, 4) for name, value in result.items()}

    def save(self, curve: list[dict]) -> None:
        """Write the checkpoint and the curve."""
        save_checkpoint(f"{self.settings.prefix},0", self.trained_graph())
        write_curve(self.settings.prefix, curve)
