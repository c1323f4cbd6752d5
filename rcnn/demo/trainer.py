"""Trains the model that draws people who do not exist: a face space, then the refiner that sharpens its faces."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from ..faces.load import load_detector
from ..files import make_dir
from ..networks.checkpoint import Graph
from ..training.people import held_out, list_photographs
from ..training.rates import held_then_falling
from ..training.rounds import RoundTrainer, channels_last
from .face_space import FaceSpace, load_face_space, save_face_space
from .files import face_space_file, refiner_model
from .portraits import Portraits, read_portraits
from .refiner import RefinerTraining
from .settings import PeopleSettings
from .space_fit import coefficients, face_vectors, fit_face_space

DECAY_FROM = 0.7  # share of the rounds after which the learning rate falls
LAST_RATE = 0.1  # share of the learning rate that is left at the end


class PeopleTrainer(RoundTrainer[PeopleSettings]):
    """A run of training, in rounds of steps.

    Parameters
    ----------
    settings : see there
    portraits : to learn from; None for those among the photographs that the settings name
    """

    command = "train_people"
    items = "photographs"

    def __init__(self, settings: PeopleSettings, portraits: Portraits | None = None) -> None:
        super().__init__(settings)
        self.portraits = portraits if portraits is not None else self._read()
        make_dir(os.path.dirname(settings.prefix))
        self.space = self._face_space()
        self.coefficients = coefficients(self.space, face_vectors(self.portraits))
        self.training = RefinerTraining(self.space, settings.seed)
        self.module = channels_last(self.training.to(self.device))
        self.optimizer = self.training.optimizer(settings.lr)
        self.steps_a_round = settings.steps

    def _read(self) -> Portraits:
        people = list_photographs(self.settings.faces)
        seen = {person: paths for person, paths in people.items() if not held_out(person)}
        return read_portraits(seen, load_detector(self.settings.detector, self.gpu))

    def _face_space(self) -> FaceSpace:
        """As it is written, so that the refiner learns from the rounded numbers that it will be given."""
        path = face_space_file(self.settings.prefix)
        if not os.path.exists(self.snapshot):
            save_face_space(path, fit_face_space(self.portraits, self.settings.seed))
        return load_face_space(path)

    @property
    def result(self) -> str:
        """The path of the model, in words."""
        return f"{face_space_file(self.settings.prefix)} and the refiner next to it"

    @property
    def model(self) -> str:
        """`PREFIX,EPOCH` of the refiner."""
        return refiner_model(self.settings.prefix)

    def _round(self, number: int) -> dict[str, float]:
        rng = np.random.default_rng((self.settings.seed, number))

        def step(batch: tuple[np.ndarray, np.ndarray, np.ndarray], rate: float) -> dict[str, float]:
            return self.training.step(self.optimizer, rate, *batch, self.settings.bf16)

        return self._learn_all(number, (self._batch(rng) for _ in range(self.settings.steps)), step)

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

    def learning_rate(self, step: int) -> float:
        """Of a step of the whole run, the same in all of a round; see `held_then_falling`."""
        return held_then_falling(
            self.settings.lr, step // self.steps_a_round, self.settings.rounds, DECAY_FROM, LAST_RATE
        )

    def trained_graph(self) -> Graph:
        """The refiner's moving average in float16."""
        graph = self.training.average.trained_graph()
        return replace(graph, params={name: array.astype(np.float16) for name, array in graph.params.items()})
