"""Trains a detector on scenes composed for each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from ..config import config
from ..errors import InputError
from ..faces.detection_quality import false_positives, landmark_errors, match_faces, recall, threshold_for
from ..faces.detectors.essh import EsshDetector
from ..networks.checkpoint import Graph
from ..networks.engine import load_network
from ..networks.graphs.essh import build_essh_m25
from .averaging import running_mean
from .detection_loss import detection_losses
from .graph_module import GraphModule, load_start
from .labels import LabelledPhotograph
from .loop import learn, total
from .mining import mistakes
from .rates import held_then_linear
from .rounds import RoundTrainer, channels_last
from .scenes import Scene, make_scene
from .settings import DetectionSettings
from .sources import load_photographs
from .targets import image_anchors, match_anchors
from .teacher import Hints, adapters, load_teacher

WARM_UP = 300  # steps of learning rate warm-up
WEIGHT_DECAY = 5e-4
LONGEST_GRADIENT = 10.0
PREDICTIONS = "face_"  # name prefix of the last layers
ADAPTER_GAIN = 0.3
MINED_AFTER = 4  # rounds; earlier, almost everything is a false positive
MINED_PICTURES = 64  # of each kind, searched before a round
UNSEEN_SCENES = 48  # from held-out photographs, evaluated after each round
LEAST_SCORE = 0.02  # of their detections
IMAGES_A_MISTAKE = 10.0
STRIDES = [stride for stride, _ in config.ESSH.STRIDES]
LOGITS = [f"face_{part}_stride{stride}_output" for stride in STRIDES for part in ("score", "box", "landmark")]


class DetectionStudent(nn.Module):
    """The network in training, the running mean of its weights over the steps, and the 1x1 convolutions that map its
    feature maps to the teacher's."""

    def __init__(self, graph: Graph, hints: Hints, teacher_widths: list[int], decay: float) -> None:
        super().__init__()
        self.network = GraphModule(graph.select([*LOGITS, *(f"{ours}_output" for ours, _ in hints)]))
        with torch.no_grad():
            maps = self.network.eval()(torch.zeros(1, 3, 64, 64))[len(LOGITS) :]
        layers = adapters(maps, teacher_widths)
        for layer in layers:
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
            nn.init.normal_(layer.weight, std=ADAPTER_GAIN / layer.in_channels**0.5)
        self.adapters = nn.ModuleList(layers)
        self.average = AveragedModel(self.network, multi_avg_fn=running_mean(decay), use_buffers=True)
        self.average.requires_grad_(False)

    def mean(self) -> GraphModule:
        """The network with the running mean of its weights."""
        network = self.average.module
        assert isinstance(network, GraphModule)
        return network

    def losses(
        self, images: Tensor, targets: list[Tensor], hints: list[Tensor], settings: DetectionSettings
    ) -> dict[str, Tensor]:
        """Loss terms of a batch; `targets` as in `detection_losses`, `hints` are the teacher's feature maps."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.bf16):
            outputs = [output.float() for output in self.network(images)]
        losses = detection_losses(outputs[: len(LOGITS)], *targets)
        distances = []
        for adapter, ours, theirs in zip(self.adapters, outputs[len(LOGITS) :], hints, strict=True):
            # standardised by channel, so that predicting only the mean costs 1
            standard = functional.batch_norm(theirs, None, None, training=True)
            distances.append(settings.hint_weight * (adapter(ours) - standard).square().mean())
        return losses | ({"hints": total(distances)} if distances else {})


class DetectionTrainer(RoundTrainer[DetectionSettings]):
    """A training run in rounds of a fixed number of scenes.

    Parameters
    ----------
    settings : see `DetectionSettings`
    photographs : those for training and the held-out ones; None to load what the settings name
    """

    command = "train_detector"
    items = "scenes"

    def __init__(
        self,
        settings: DetectionSettings,
        photographs: tuple[list[LabelledPhotograph], list[LabelledPhotograph]] | None = None,
    ) -> None:
        super().__init__(settings)
        if settings.threads:
            cv2.setNumThreads(settings.threads)
        if settings.side % max(STRIDES):
            raise InputError(f"--side {settings.side}: is not a multiple of {max(STRIDES)}, the largest stride")
        self.teacher = load_teacher(settings.teacher, [], settings.hints, self.gpu)
        self.seen, self.unseen = photographs or load_photographs(settings, self.gpu)
        self.frames = [photo for photo in self.seen if photo.is_frame]
        if not any(len(photo.boxes) for photo in self.seen):
            raise InputError("no face is labelled in any photograph; give other photographs or another labeller")
        widths = []
        if self.teacher:
            widths = [m.shape[1] for m in self.teacher(np.zeros((1, settings.side, settings.side, 3), np.uint8))]
        torch.manual_seed(settings.seed)
        self.graph = build_essh_m25(settings.seed)
        self.student = DetectionStudent(self.graph, settings.hints, widths, settings.average).to(self.device)
        if settings.start:
            load_start(self.student.network, settings.start)
            load_start(self.student.mean(), settings.start)
        self.module = channels_last(self.student)
        self.optimizer = torch.optim.AdamW(self._groups(), settings.lr, weight_decay=WEIGHT_DECAY)
        self.steps_a_round = max(1, settings.scenes // settings.batch)

    def _groups(self) -> list[dict[str, Any]]:
        """Parameter groups with their share of the learning rate.

        Adam moves each weight by the whole rate in every step. A prediction sums up to 576 of them, all moved in one
        direction where activations are similar: at 1e-3, landmarks jitter by more than their acceptable error.
        """
        predicting: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in self.student.named_parameters():
            if not parameter.requires_grad:  # of the running mean
                continue
            (predicting if name.startswith(f"network.{PREDICTIONS}") else others).append(parameter)
        return [{"params": others, "share": 1.0}, {"params": predicting, "share": self.settings.last_rate}]

    def _round(self, number: int) -> dict[str, float]:
        self.student.train(not self.settings.freeze_norm)
        return self._learn_all(number, self._batches(number), self.step)

    def _batches(self, number: int) -> Iterator[list[Scene]]:
        mistaken = self._mistakes(number)
        for step in range(self.steps_a_round):
            rng = np.random.default_rng((self.settings.seed, number, step))
            yield [
                make_scene(self.seen, self.settings.side, rng, self.frames, mistaken)
                for _ in range(self.settings.batch)
            ]

    def _mistakes(self, number: int) -> list[np.ndarray]:
        """False positives of the current detector in a sample of the training pictures."""
        if number < MINED_AFTER:
            return []
        rng = np.random.default_rng((self.settings.seed, number))
        sources = [self.seen, self.frames] if self.frames else [self.seen]
        photos = [source[int(rng.integers(len(source)))] for source in sources for _ in range(MINED_PICTURES)]
        return mistakes(self.detector(), photos)

    def step(self, scenes: list[Scene], rate: float) -> dict[str, float]:
        """One optimizer step on some scenes at learning rate `rate`; returns the loss terms."""
        losses = learn(self._losses(scenes), self.optimizer, self.student.parameters(), rate, LONGEST_GRADIENT)
        self.student.average.update_parameters(self.student.network)
        return losses

    def _losses(self, scenes: list[Scene]) -> dict[str, Tensor]:
        pictures = np.stack([scene.picture for scene in scenes])
        hints = [torch.from_numpy(m).to(self.device) for m in self.teacher(pictures)] if self.teacher else []
        return self.student.losses(self.images(pictures), self._targets(scenes), hints, self.settings)

    def _targets(self, scenes: list[Scene]) -> list[Tensor]:
        anchors = image_anchors(self.settings.side, self.settings.side)
        targets = [match_anchors(anchors, s.boxes, s.landmarks, s.ignored) for s in scenes]
        columns = zip(*((t.classes, t.boxes, t.landmarks) for t in targets), strict=True)
        return [torch.from_numpy(np.stack(column)).to(self.device) for column in columns]

    def learning_rate(self, step: int) -> float:
        """Learning rate of a step of the whole run; see `held_then_linear`."""
        total_steps = self.settings.rounds * self.steps_a_round
        return held_then_linear(self.settings.lr, step, total_steps, WARM_UP, self.settings.fall)

    def trained_graph(self) -> Graph:
        """The current detector, without the layers that only training needs."""
        graph = self.student.mean().trained_graph().select(LOGITS)
        return Graph(self.graph.nodes, self.graph.outputs, graph.params, self.model)

    def detector(self) -> EsshDetector:
        """The current detector on the engine used for inference."""
        return EsshDetector(load_network(self.trained_graph(), device=self.gpu, images=True))

    def evaluate(self) -> dict[str, float]:
        """Recall and false positives on scenes of held-out photographs; the scenes are the same every time."""
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
