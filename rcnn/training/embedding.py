"""Trains an embedding with an additive angular margin (ArcFace), by distillation from a teacher, or both."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from ..errors import InputError
from ..faces.embedding import OUTPUT, Embedder
from ..faces.load import load_detector
from ..faces.vectors import normalise, norms
from ..networks.checkpoint import Graph
from ..networks.engine import CPU, load_network
from ..networks.graphs.resnet import build_resnet
from ..networks.precision import BF16, FP32
from ..scores.verification import different_pairs, same_pairs, similarities, verify
from .averaging import running_mean
from .crop_cache import read_kept
from .crops import NOBODY, ReadCrops, distorted_crops, plain_crops
from .eigenfaces import Eigenfaces
from .graph_module import GraphModule, load_start
from .loop import learn, total
from .muon import Muon
from .nonfaces import NonFaces
from .people import held_out, list_photographs, list_unnamed
from .pool import CropPool, mirrored_pool, teacher_outputs
from .rates import held_then_linear
from .rounds import RoundTrainer, channels_last
from .settings import EmbeddingSettings
from .teacher import adapters, load_teacher

WARM_UP = 100  # steps of learning rate warm-up, at most a tenth of all steps
WEIGHT_DECAY = 0.01
AVERAGED = 0.995  # decay of the running mean of the weights
LONGEST_GRADIENT = 5.0
FOLDS = 10
MEASURED = 1000  # training crops used to set the scale of the norms


class EmbeddingStudent(nn.Module):
    """The network in training, with the class directions and the adapters to the teacher's maps.

    Parameters
    ----------
    graph : of the embedding, with the output OUTPUT
    settings : hints and margin are read from it
    classes : number of people
    teacher_widths : channels of the teacher's embedding and of each of its maps; empty without a teacher
    """

    def __init__(self, graph: Graph, settings: EmbeddingSettings, classes: int, teacher_widths: list[int]) -> None:
        super().__init__()
        self.settings = settings
        generator = torch.Generator().manual_seed(settings.seed)
        layers = [f"{ours}_output" for ours, _ in settings.hints]
        self.network = GraphModule(graph.select([OUTPUT, *layers]))
        with torch.no_grad():
            self.network.eval()
            embedding, *maps = self.network(torch.zeros(1, 3, 112, 112))
        self.adapters = nn.ModuleList(adapters(maps, teacher_widths[1:]))
        width = embedding.shape[1]
        self.people = nn.Parameter(torch.randn(classes, width, generator=generator)) if settings.arcface else None
        if teacher_widths and teacher_widths[0] != width:
            raise InputError(
                f"--teacher gives {teacher_widths[0]} values and the network {width}; give another teacher"
            )

    def losses(self, images: Tensor, labels: Tensor, targets: list[Tensor], weights: list[Tensor]) -> dict[str, Tensor]:
        """Loss terms of a batch; each of `weights` is 1 / mean square of its target."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.settings.bf16):
            embedding, *maps = (output.float() for output in self.network(images))
        losses: dict[str, Tensor] = {}
        if targets:
            losses["cosine"] = 2 * (1 - functional.cosine_similarity(embedding, targets[0])).mean()
            losses["distance"] = (embedding - targets[0]).square().mean() * weights[0]
            # the teacher's norm measures the quality of a crop; the distance alone would teach it last
            ours, theirs = embedding.norm(dim=1), targets[0].norm(dim=1)
            losses["norm"] = (
                self.settings.norm_weight * (ours / theirs.clamp(min=1e-6)).clamp(min=1e-3).log().abs().mean()
            )
        hints = [
            self.settings.hint_weight * ((adapter(ours) - theirs).square().mean() * weight)
            for adapter, ours, theirs, weight in zip(self.adapters, maps, targets[1:], weights[1:], strict=True)
        ]
        if hints:
            losses["hints"] = total(hints)
        if self.people is not None:
            losses["arcface"] = self.settings.arcface * arcface(
                embedding, self.people, labels, self.settings.margin, self.settings.scale
            )
        return losses


def arcface(embedding: Tensor, people: Tensor, labels: Tensor, margin: float, scale: float) -> Tensor:
    """Additive angular margin loss (Deng et al., arXiv:1801.07698, equation 3).

    Parameters
    ----------
    embedding : (n, D)
    people : (classes, D), one direction per person
    labels : (n,) int64; those below 0 are ignored
    margin : radians added to the angle to the right person
    scale : of the cosines
    """
    cosines = functional.linear(functional.normalize(embedding), functional.normalize(people))
    known = labels >= 0
    if not known.any():
        return cosines.sum() * 0
    cosines, labels = cosines[known], labels[known]
    right = cosines.gather(1, labels[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
    # beyond pi - margin the cosine would rise again
    moved = torch.where(
        right > math.cos(math.pi - margin), torch.cos(torch.acos(right) + margin), right - margin * math.sin(margin)
    )
    return functional.cross_entropy(scale * cosines.scatter(1, labels[:, None], moved), labels)


class EmbeddingTrainer(RoundTrainer[EmbeddingSettings]):
    """A training run in rounds: each builds a pool of augmented crops and makes several passes over it."""

    command = "train_embedding"
    items = "crops"

    def __init__(self, settings: EmbeddingSettings) -> None:
        super().__init__(settings)
        if not settings.teacher and not settings.arcface:
            raise InputError("nothing to learn from: give --teacher PREFIX,EPOCH, --arcface WEIGHT or both")
        if settings.unnamed and not settings.teacher:
            raise InputError("--unnamed: only a teacher can tell anything of people without names; give --teacher")
        precision = BF16 if settings.bf16 and self.gpu == CPU else FP32
        self.teacher = load_teacher(settings.teacher, [OUTPUT], settings.hints, self.gpu, precision)
        people = list_photographs(settings.faces)
        detector = load_detector(settings.detector, self.gpu)
        seen = {person: paths for person, paths in people.items() if not held_out(person)}
        unseen = {person: paths for person, paths in people.items() if held_out(person)}

        def read_faces(kind: str, paths: Mapping[str, Sequence[Path]]) -> ReadCrops:
            return read_kept(f"{settings.prefix}-{kind}.npz", paths, detector, settings.detector)

        read = read_faces("seen", seen)
        self.wide, self.labels = read.wide, read.labels
        print(f"{self.command}: {len(self.wide)} faces of {len(seen)} people, {read.missed} photographs without")
        if settings.unnamed:
            unnamed = read_faces("unnamed", {"": list_unnamed(settings.unnamed)})
            self.wide = np.concatenate([self.wide, unnamed.wide])
            self.labels = np.concatenate([self.labels, np.full(len(unnamed.wide), NOBODY)])
            print(f"{self.command}: {len(unnamed.wide)} faces of {settings.unnamed}, {unnamed.missed} without")
        # synthetic people have no label, so they are useful only with a teacher
        self.space = Eigenfaces(self.wide, settings.seed) if self.teacher else None
        self.empty = None
        if self.teacher:
            careless = load_detector(settings.careless, self.gpu) if settings.careless else None
            self.empty = NonFaces(read.photographs, careless, settings.seed)
        self.unseen = None
        if unseen:
            others = read_faces("unseen", unseen)
            self.unseen = plain_crops(others.wide), others.labels
        widths = [a.shape[1] for a in self.teacher(plain_crops(self.wide[:1]))] if self.teacher else []
        torch.manual_seed(settings.seed)  # for the adapters
        self.student = EmbeddingStudent(build_resnet(seed=settings.seed), settings, len(seen), widths)
        if settings.start:
            load_start(self.student.network, settings.start)
        self.module = channels_last(self.student.to(self.device))
        self.averaged = AveragedModel(self.student.network, multi_avg_fn=running_mean(AVERAGED), use_buffers=True)
        self.optimizer = Muon(self.student.parameters(), settings.lr, weight_decay=WEIGHT_DECAY)
        self.steps_a_round = settings.passes * (settings.pool // settings.batch)

    def make_pool(self, rng: np.random.Generator) -> CropPool:
        """Augmented crops, different for each `rng`, with the teacher's outputs."""
        crops, labels = distorted_crops(self.wide, self.labels, self.settings.pool // 2, rng, self.space, self.empty)
        return mirrored_pool(crops, labels, self.teacher)

    def _round(self, number: int) -> dict[str, float]:
        rng = np.random.default_rng((self.settings.seed, number))
        pool = self.make_pool(rng)
        weights = [torch.tensor(1 / float(np.square(target[:256], dtype=np.float32).mean())) for target in pool.targets]

        def step(rows: np.ndarray, rate: float) -> dict[str, float]:
            targets = [torch.from_numpy(target[rows]).to(self.device).float() for target in pool.targets]
            labels = torch.from_numpy(pool.labels[rows]).to(self.device)
            losses = self.student.losses(self.images(pool.crops[rows]), labels, targets, weights)
            terms = learn(losses, self.optimizer, self.student.parameters(), rate, LONGEST_GRADIENT)
            self.averaged.update_parameters(self.student.network)
            return terms

        self.student.train()
        return self._learn_all(number, self._batches(rng), step)

    def _batches(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        size = self.settings.batch
        for _ in range(self.settings.passes):
            order = rng.permutation(self.settings.pool // 2 * 2)
            for start in range(0, len(order) - size + 1, size):
                yield order[start : start + size]

    def learning_rate(self, step: int) -> float:
        """Learning rate of a step of the whole run; see `held_then_linear`."""
        total = self.settings.rounds * self.steps_a_round
        return held_then_linear(self.settings.lr, step, total, max(1, min(WARM_UP, total // 10)), self.settings.fall)

    def modules(self) -> dict[str, nn.Module]:
        """Modules saved in a snapshot, by name."""
        return {**super().modules(), "averaged": self.averaged}

    def averaged_graph(self) -> Graph:
        """The network with the running mean of its weights (Polyak), as evaluated and exported."""
        network = self.averaged.module
        assert isinstance(network, GraphModule)
        return network.trained_graph()

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Embeddings (n, D) of crops by the current averaged network, on the engine used for inference."""
        graph = self.averaged_graph()
        return Embedder(load_network(graph, [OUTPUT], device=self.gpu, images=True)).embed(crops)

    def evaluate(self) -> dict[str, float]:
        """Verification accuracy and cosine to the teacher on the held-out people."""
        if self.unseen is None:
            return {}
        crops, labels = self.unseen
        vectors = normalise(self.embed(crops))
        result: dict[str, float] = {}
        if self.teacher:
            result["cosine_to_teacher"] = float(
                (vectors * normalise(teacher_outputs(self.teacher, crops)[0])).sum(1).mean()
            )
        same = same_pairs(labels)
        if len(same) >= FOLDS:
            rng = np.random.default_rng(0)
            different = different_pairs(labels, len(same), rng)
            verified = verify(similarities(vectors, same), similarities(vectors, different), FOLDS, rng)
            result |= {"accuracy": float(verified.accuracy.mean()), "auc": verified.auc}
        return {name: round(value, 5) for name, value in result.items()}

    def trained_graph(self) -> Graph:
        """The embedding alone, scaled so that `quality_share` of the training crops have a norm below `quality`.

        Weights are float16, which halves the file; BatchNorm's arrays stay float32.
        """
        settings = self.settings
        graph = self.averaged_graph().select([OUTPUT])
        named = self.wide[self.labels != NOBODY]
        lengths = norms(self.embed(plain_crops(named[:: max(1, len(named) // MEASURED)])))
        factor = settings.quality / float(np.quantile(lengths, settings.quality_share))
        params = dict(graph.params)
        for name in ("fc1_gamma", "fc1_beta"):
            params[name] = params[name] * np.float32(factor)
        halves = {name: array.astype(np.float16) if array.ndim > 1 else array for name, array in params.items()}
        return replace(graph, params=halves, source=self.model)
