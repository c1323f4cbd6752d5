"""The trainer of the embedding: its losses, what it learns, and how it goes on."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from drawn_people import portrait, write_album
from torch.nn import functional

from rcnn.errors import InputError
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise, norms
from rcnn.networks import checkpoint
from rcnn.networks.checkpoint import Graph, load_checkpoint, read_arrays
from rcnn.networks.engine import CPU
from rcnn.settings.kinds import layer_pairs
from rcnn.training import embedding
from rcnn.training.crop_cache import read_kept
from rcnn.training.crops import NOBODY, plain_crops
from rcnn.training.embedding import EmbeddingSettings, EmbeddingTrainer, arcface
from rcnn.training.people import held_out, list_photographs
from rcnn.training.pool import EMPTY_NORM, shortened
from rcnn.training.snapshot import Snapshot

HINTS = (("stage2", "stage2_block1_sum"), ("stage3", "stage3"))


def directions(*degrees: float) -> torch.Tensor:
    """(n, 2) unit vectors."""
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees])


def test_without_margin_it_is_softmax_cross_entropy_of_cosines():
    generator = torch.Generator().manual_seed(0)
    vectors, people = torch.randn(7, 5, generator=generator), torch.randn(4, 5, generator=generator)
    labels = torch.tensor([0, 1, 2, 3, 0, 1, 2])
    cosines = functional.normalize(vectors) @ functional.normalize(people).T
    expected = functional.cross_entropy(16 * cosines, labels)
    torch.testing.assert_close(arcface(vectors, people, labels, 0.0, 16.0), expected)


def test_the_margin_widens_the_angle_to_the_right_person():
    people = directions(0, 90)
    vector = 3 * directions(30)  # its length doesn't count
    right, wrong = math.cos(math.radians(30) + 0.5), math.cos(math.radians(60))
    expected = -math.log(math.exp(8 * right) / (math.exp(8 * right) + math.exp(8 * wrong)))
    assert float(arcface(vector, people, torch.tensor([0]), 0.5, 8.0)) == pytest.approx(expected, rel=1e-4)


def test_the_loss_grows_with_the_angle_all_round_and_its_gradient_is_finite():
    people = directions(0, 90)
    losses = []
    for degrees in range(0, -181, -5):
        vector = directions(degrees).requires_grad_()
        loss = arcface(vector, people, torch.tensor([0]), 0.5, 1.0)
        loss.backward()
        assert torch.isfinite(vector.grad).all()
        # the wrong person's part, which changes too, is taken away
        wrong = math.cos(math.radians(90 - degrees))
        losses.append(wrong - math.log(math.expm1(float(loss.detach()))))
    assert all(later < earlier for earlier, later in pairwise(losses[1:]))


def test_crops_of_two_people_do_not_count():
    people = directions(0, 90)
    vectors = directions(10, 50, 80)
    some = arcface(vectors, people, torch.tensor([0, -1, 1]), 0.5, 8.0)
    torch.testing.assert_close(some, arcface(vectors[[0, 2]], people, torch.tensor([0, 1]), 0.5, 8.0))
    assert float(arcface(vectors, people, torch.tensor([-1, -1, -1]), 0.5, 8.0)) == 0


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    """Four portraits each of five people that training sees and of two that it doesn't."""
    folder = write_album(tmp_path_factory.mktemp("faces"), [4] * 6 + [0] * 3 + [4])
    assert Counter(map(held_out, list_photographs(str(folder)))) == {False: 5, True: 2}
    return folder


@pytest.fixture(scope="module")
def kept(faces, models, tmp_path_factory) -> Path:
    """A folder with the crops of these portraits, as a trainer with the prefix `net` keeps them."""
    folder = tmp_path_factory.mktemp("kept") / "model"
    detector = load_detector(models["detector"], CPU)
    people = list_photographs(str(faces))
    for kind, unseen in (("seen", False), ("unseen", True)):
        some = {person: paths for person, paths in people.items() if held_out(person) == unseen}
        read_kept(str(folder / f"net-{kind}.npz"), some, detector, models["detector"])
    return folder


@pytest.fixture
def base(faces, kept, models, tmp_path) -> EmbeddingSettings:
    """The portraits need not be read again."""
    shutil.copytree(kept, tmp_path / "model")
    return EmbeddingSettings(
        str(faces), str(tmp_path / "model/net"), models["detector"], rounds=2, pool=64, passes=1, batch=16,
        threads=1, seed=1,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A network of the same kind that trains in no time."""
    for name, value in {"STEM": 8, "STAGES": ((24, 1), (32, 2), (48, 2)), "HEAD": 96}.items():
        monkeypatch.setattr(f"rcnn.networks.graphs.resnet.{name}", value)


@pytest.fixture(autouse=True)
def threads():
    """Trainers set the number of threads of the whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def curve(settings: EmbeddingSettings) -> list[dict]:
    return [json.loads(line) for line in Path(f"{settings.prefix}-training.jsonl").read_text().splitlines()]


def test_it_overfits_a_handful_from_labels_alone(base, monkeypatch):
    for name in ("MIXED", "SPOILT"):
        monkeypatch.setattr(f"rcnn.training.crops.{name}", 0.0)
    settings = replace(base, arcface=1.0, rounds=2, pool=160, passes=3, lr=2e-2)
    trainer = EmbeddingTrainer(settings)
    trainer.run()
    losses = [line["arcface"] for line in curve(settings)]
    assert losses[-1] < losses[0] / 2
    vectors = normalise(load_embedder(f"{settings.prefix},0").embed(plain_crops(trainer.wide)))
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1)
    assert (trainer.labels[alike.argmax(1)] == trainer.labels).mean() > 0.9


def test_it_learns_from_a_teacher_and_scales_the_norm(base, models):
    settings = replace(base, teacher=models["model"], hints=HINTS, rounds=2, pool=192, passes=4)
    trainer = EmbeddingTrainer(settings)
    trainer.run()
    lines = curve(settings)
    assert [line["round"] for line in lines] == [1, 2]
    for name in ("cosine", "distance", "hints"):
        assert lines[-1][name] < lines[0][name]
    assert lines[-1]["norm"] < settings.norm_weight * math.log(1.5)  # within that factor of the teacher's
    assert lines[-1]["cosine"] < 1.5  # 2 without any likeness
    assert lines[-1]["norm"] < settings.norm_weight * math.log(
        1.4
    )  # drawn faces are nearly alike in length from the start
    assert {"accuracy", "auc", "cosine_to_teacher"} <= lines[-1].keys()
    lengths = norms(load_embedder(f"{settings.prefix},0").embed(plain_crops(trainer.wide)))
    assert np.quantile(lengths, settings.quality_share) == pytest.approx(settings.quality, rel=1e-3)


def test_the_seed_draws_the_adapters_too(base, models):
    settings = replace(base, teacher=models["model"], hints=HINTS)
    first, second, other = (EmbeddingTrainer(replace(settings, seed=seed)).student.adapters for seed in (1, 1, 2))
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(first, second, strict=True))
    assert not any(torch.equal(a.weight, b.weight) for a, b in zip(first, other, strict=True))


def test_a_run_that_was_stopped_ends_with_the_same_weights(base, monkeypatch, capsys):
    base = replace(base, arcface=1.0, pool=32)
    whole = replace(base, prefix=f"{base.prefix}-whole")
    EmbeddingTrainer(whole).run()
    stopped = base

    class Stopped(Exception):
        pass

    real = Snapshot.save

    def save(snapshot: Snapshot, *arguments) -> None:
        real(snapshot, *arguments)
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Snapshot, "save", save)
        EmbeddingTrainer(stopped).run()
    EmbeddingTrainer(stopped).run()
    assert f"resumes after round 1 of {stopped.prefix}-training.params" in capsys.readouterr().out
    first, second = (read_arrays(f"{settings.prefix}-0000.params") for settings in (whole, stopped))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert [line["arcface"] for line in curve(whole)] == [line["arcface"] for line in curve(stopped)]
    load_checkpoint(f"{stopped.prefix},0")


def test_what_it_writes_is_named_for_its_prefix(base, monkeypatch):
    sources = []
    real = checkpoint.write_symbol

    def write_symbol(path: str, graph: Graph) -> None:
        sources.append(graph.source)
        real(path, graph)

    monkeypatch.setattr(checkpoint, "write_symbol", write_symbol)
    EmbeddingTrainer(replace(base, arcface=1.0, rounds=1, pool=16)).run()
    assert sources == [f"{base.prefix},0"]


def test_a_snapshot_made_with_other_settings_is_refused(base):
    settings = replace(base, arcface=1.0, rounds=1, pool=16)
    EmbeddingTrainer(settings).run()
    with pytest.raises(InputError, match=r"net-training\.params: contains a run with another lr; give the same"):
        EmbeddingTrainer(replace(settings, lr=0.5)).run()


def test_the_learning_rate_rises_and_falls_in_the_last_rounds(base):
    trainer = EmbeddingTrainer(replace(base, arcface=1.0, rounds=300, pool=160, fall=0.5))
    rates = [trainer.learning_rate(step) for step in range(3000)]
    assert rates[0] == pytest.approx(base.lr / embedding.WARM_UP)
    assert rates[embedding.WARM_UP : 1500] == [base.lr] * (1500 - embedding.WARM_UP)
    assert rates[1500:] == sorted(rates[1500:], reverse=True)
    assert rates[-1] < 0.001 * base.lr


def test_faces_without_names_and_careless_finds_are_learnt_from(base, models, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("rcnn.training.nonfaces.PICTURES", 6)
    unnamed = tmp_path / "unnamed"
    unnamed.mkdir()
    for number in range(2):
        cv2.imwrite(str(unnamed / f"{number}.jpg"), portrait(40 + number))
    cv2.imwrite(str(unnamed / "empty.jpg"), np.full((90, 90, 3), 128, np.uint8))
    settings = replace(
        base, prefix=str(tmp_path / "model/other"), unnamed=str(unnamed), careless=models["detector"],
        teacher=models["model"], rounds=1, bf16=True,
    )  # fmt: skip
    trainer = EmbeddingTrainer(settings)
    assert f"2 faces of {unnamed}, 1 without" in capsys.readouterr().out
    assert (trainer.labels == NOBODY).sum() == 2 and len(trainer.wide) == 22
    pool = trainer.make_pool(np.random.default_rng(0))
    assert len(pool.targets[0]) == len(pool.crops) == 64
    trainer.run()
    for kind in ("seen", "unseen", "unnamed"):
        assert Path(f"{settings.prefix}-{kind}.npz").exists()
    with pytest.raises(InputError, match="--unnamed: only a teacher can tell anything of people without names"):
        EmbeddingTrainer(replace(settings, teacher=None, arcface=1.0))


def test_embeddings_without_a_face_are_shortened():
    embeddings = np.diag([10.0, 12.0, 9.0, 1.0]).astype(np.float32)
    result = shortened(embeddings, np.array([False, False, True, True]))
    median = np.median([10, 12, 9, 1])
    assert np.diag(result) == pytest.approx([10, 12, EMPTY_NORM * median, 1])
    assert result.dtype == np.float32


def test_weights_are_written_as_halves_and_statistics_are_not(base):
    settings = replace(base, arcface=1.0, rounds=1, pool=16)
    trainer = EmbeddingTrainer(settings)
    trainer.run()
    arrays = read_arrays(f"{settings.prefix}-0000.params")
    assert {array.dtype for array in arrays.values() if array.ndim > 1} == {np.dtype("float16")}
    assert {array.dtype for array in arrays.values() if array.ndim == 1} == {np.dtype("float32")}
    crops = plain_crops(trainer.wide)
    written = load_embedder(f"{settings.prefix},0").embed(crops)
    exact = trainer.embed(crops)  # but for the scale of the norm
    assert (normalise(written) * normalise(exact)).sum(1).min() > 0.999


def test_divergence_is_an_error(base, monkeypatch):
    monkeypatch.setattr(embedding, "arcface", lambda vectors, *rest: vectors.sum() * math.nan)
    with pytest.raises(InputError, match=r"round 1: the loss is not finite.*smaller --lr"):
        EmbeddingTrainer(replace(base, arcface=1.0)).run()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "nothing to learn from: give --teacher"),
        ({"arcface": 1.0, "hints": HINTS}, "--hints compares with a teacher's maps: give --teacher"),
        ({"arcface": 1.0, "faces": "nowhere"}, "nowhere: contains no photographs"),
        ({"arcface": 1.0, "detector": "nowhere/net,0"}, "nowhere/net-symbol.json"),
    ],
)
def test_what_is_missing_is_said(changes, reason, base):
    with pytest.raises(InputError, match=reason):
        EmbeddingTrainer(replace(base, **changes))


def test_hints_are_pairs():
    assert layer_pairs("stage2=stage2_block1_sum,stage3=stage3") == HINTS
    for text in ("stage2", "stage2=", "=a", "a=b=c", ""):
        with pytest.raises(Exception, match="OURS=THEIRS"):
            layer_pairs(text)
