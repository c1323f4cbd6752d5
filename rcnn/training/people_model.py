"""Trains what draws people who do not exist: a face space, then the refiner that makes its faces sharp."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..demo.face_space import FaceSpace, load_face_space, save_face_space
from ..demo.files import face_space_file, refiner_model
from ..faces.load import load_detector
from ..files import make_dir
from ..networks.checkpoint import save_checkpoint
from ..networks.engine import CPU
from .faces import coefficients, face_vectors, fit_face_space
from .people import held_out, list_photographs
from .portraits import Portraits, read_portraits
from .refiner import RefinerTraining
from .rounds import FREE, Losses, run_rounds, seconds_since, write_curve

DECAY_FROM = 0.7  # share of the rounds after which the learning rate falls
LAST_RATE = 0.1  # share of the learning rate that is left at the end


@dataclass(frozen=True)
class PeopleSettings:
    """What `python -m rcnn train-people` takes; see its help."""

    faces: str
    prefix: str
    detector: str
    gpu: int = CPU
    rounds: int = 34
    steps: int = 100
    batch: int = 8
    lr: float = 4e-4
    threads: int = 0
    bf16: bool = False
    seed: int = 0


class PeopleTrainer:
    """A run of training, in rounds of steps; after each there is a snapshot and a model that can be used."""

    def __init__(self, settings: PeopleSettings, portraits: Portraits | None = None) -> None:
        self.settings = settings
        self.device = torch.device("cpu") if settings.gpu == CPU else torch.device("cuda", settings.gpu)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.portraits = portraits if portraits is not None else self._read()
        make_dir(os.path.dirname(settings.prefix))
        self.snapshot = f"{settings.prefix}-training.params"
        self.space = self._face_space()
        self.coefficients = coefficients(self.space, face_vectors(self.portraits))
        self.training = RefinerTraining(self.space, settings.seed)
        self.training.to(self.device, memory_format=torch.channels_last)
        self.optimizer = self.training.optimizer(settings.lr)

    def _read(self) -> Portraits:
        people = list_photographs(self.settings.faces)
        seen = {person: paths for person, paths in people.items() if not held_out(person)}
        return read_portraits(seen, load_detector(self.settings.detector, self.settings.gpu))

    def _face_space(self) -> FaceSpace:
        """As it is written, so that the refiner learns from the rounded numbers that it will be given."""
        path = face_space_file(self.settings.prefix)
        if not os.path.exists(self.snapshot):
            save_face_space(path, fit_face_space(self.portraits, self.settings.seed))
        return load_face_space(path)

    def run(self) -> None:
        """Train what is left to train, and write the model."""
        settings = self.settings
        free = (*FREE, "prefix")
        run_rounds(settings, self.snapshot, ("training", self.training), self.optimizer, self._line, self.save, free)
        print(f"train_people: {settings.rounds} rounds -> {face_space_file(settings.prefix)} and the refiner beside it")

    def _line(self, number: int) -> dict[str, float]:
        started = time.monotonic()
        return {**self._round(number), "seconds": seconds_since(started)}

    def _round(self, number: int) -> dict[str, float]:
        rng = np.random.default_rng((self.settings.seed, number))
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(number)
        sums = Losses()
        for _ in range(self.settings.steps):
            sums.add(self.training.step(self.optimizer, *self._batch(rng), self.settings.bf16))
        return sums.means(number, self.settings.steps)

    def _batch(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Photographs, some mirrored, their renderings, and random draws; see `RefinerTraining.step`."""
        chosen = rng.integers(len(self.portraits), size=self.settings.batch)
        photographs, known = self.portraits.planes[chosen], self.coefficients[chosen]
        flipped = rng.random(len(chosen)) < 0.5
        photographs[flipped] = photographs[flipped][..., ::-1]
        signs = np.where(np.arange(known.shape[1]) < self.space.symmetric[0], 1, -1)
        known[flipped] *= signs
        drawn = np.stack([self.space.draw(rng) for _ in chosen])
        return photographs, self.space.planes(known), self.space.planes(drawn)

    def learning_rate(self, number: int) -> float:
        """Of a round (0 and up): constant, then falling on a line."""
        left = (self.settings.rounds - number) / (self.settings.rounds * (1 - DECAY_FROM))
        return self.settings.lr * max(LAST_RATE, min(1.0, left))

    def save(self, curve: list[dict]) -> None:
        """Write the refiner's moving average in float16, and the curve."""
        graph = self.training.average.trained_graph()
        params = {name: array.astype(np.float16) for name, array in graph.params.items()}
        save_checkpoint(refiner_model(self.settings.prefix), replace(graph, params=params))
        write_curve(self.settings.prefix, curve)
