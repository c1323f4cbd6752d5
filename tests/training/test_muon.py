"""Muon: orthogonal steps, and a memory that a snapshot keeps."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rcnn.training.muon import ADAM_RMS, Muon, orthogonal
from rcnn.training.snapshot import load_snapshot, save_snapshot


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 24), st.integers(1, 24), st.floats(1e-4, 1e4), st.integers(0, 99))
def test_singular_values_become_about_one_and_directions_stay(rows, columns, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    left, _ = torch.linalg.qr(torch.randn(rows, rows, generator=generator))
    right, _ = torch.linalg.qr(torch.randn(columns, columns, generator=generator))
    rank = min(rows, columns)
    values = scale * torch.linspace(1, 0.3, rank)  # bfloat16 loses what is far smaller than the largest
    result = orthogonal(left[:, :rank] @ torch.diag(values) @ right[:, :rank].T)
    assert result.shape == (rows, columns)
    inside = left[:, :rank].T @ result @ right[:, :rank]
    assert torch.allclose(torch.diag(inside), torch.ones(rank), atol=0.4)
    assert (inside - torch.diag(torch.diag(inside))).abs().max() < 0.15


@pytest.mark.parametrize("shape", [(3, 5), (8, 4, 3, 3)])
def test_a_step_of_a_matrix_is_as_large_as_one_of_adamw(shape):
    parameter = nn.Parameter(torch.zeros(shape))
    parameter.grad = 1000 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    Muon([parameter], lr=0.5).step()
    root_mean_square = float(parameter.detach().square().mean().sqrt())
    assert root_mean_square == pytest.approx(0.5 * ADAM_RMS, rel=0.3)


def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(6, 4)


def train(network: nn.Linear, optimizer: Muon, steps: int) -> float:
    inputs = torch.randn(32, 6, generator=torch.Generator().manual_seed(1))
    wanted = inputs[:, :4] @ torch.diag(torch.arange(1.0, 5.0)) + 1
    for _ in range(steps):
        loss = (network(inputs) - wanted).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return float(loss.detach())


def test_it_learns_weights_and_biases():
    network = layer()
    optimizer = Muon(network.parameters(), lr=0.05)
    first = train(network, optimizer, 1)
    assert train(network, optimizer, 200) < first / 50


def test_weights_decay_and_biases_do_not():
    network = layer()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    Muon(network.parameters(), lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(network.weight.detach(), 0.95 * before["weight"])
    torch.testing.assert_close(network.bias.detach(), before["bias"])


def test_a_snapshot_keeps_its_memory(tmp_path):
    whole, stopped, resumed = layer(), layer(), layer()
    train(whole, Muon(whole.parameters(), lr=0.05), 6)
    first = Muon(stopped.parameters(), lr=0.05)
    train(stopped, first, 3)
    path = str(tmp_path / "run.params")
    save_snapshot(path, {"layer": stopped}, first, {})
    second = Muon(resumed.parameters(), lr=0.05)
    load_snapshot(path, {"layer": resumed}, second)
    train(resumed, second, 3)
    for expected, value in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(expected, value)
