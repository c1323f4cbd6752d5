"""Training that was stopped goes on from the file that it left."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rcnn.errors import InputError
from rcnn.training.momentum import Momentum
from rcnn.training.snapshot import load_snapshot, save_snapshot


def make(width: int = 4) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 1))
    return module, torch.optim.AdamW(module.parameters(), 0.01)


def step(module: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> None:
    inputs = torch.arange(15.0).reshape(5, 3)
    for _ in range(count):
        module(inputs).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def test_going_on_gives_the_same_weights_as_not_stopping(tmp_path):
    whole, whole_optimizer = make()
    step(whole, whole_optimizer, 6)

    first, first_optimizer = make()
    step(first, first_optimizer, 4)
    save_snapshot(str(tmp_path / "a/run.params"), {"net": first}, first_optimizer, {"done": 4, "curve": [0.5]})
    second, second_optimizer = make()
    record = load_snapshot(str(tmp_path / "a/run.params"), {"net": second}, second_optimizer)
    assert record == {"done": 4, "curve": [0.5]}
    step(second, second_optimizer, 2)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_a_snapshot_of_another_network_is_refused(tmp_path):
    path = str(tmp_path / "run.params")
    save_snapshot(path, {"net": make()[0]}, make()[1], {})
    module, optimizer = make(width=5)
    with pytest.raises(InputError, match=r"run\.params: is not a snapshot of this training .*remove it"):
        load_snapshot(path, {"net": module}, optimizer)
    with pytest.raises(InputError, match="is not a snapshot"):
        load_snapshot(path, {"other": make()[0]}, make()[1])


@pytest.mark.parametrize("change", [{}, {"velocity": torch.zeros(3)}])
def test_a_snapshot_without_all_velocities_is_refused(change, tmp_path):
    path = str(tmp_path / "run.params")
    layer = nn.Linear(3, 1, bias=False)
    optimizer = Momentum([("x_weight", layer.weight)], 0.9, 0.0)
    state = optimizer.state_dict()

    class Changed:
        def state_dict(self) -> dict:
            return {**state, "state": {0: change}}

    save_snapshot(path, {"net": layer}, Changed(), {})
    with pytest.raises(
        InputError, match=r"is not a snapshot of this training .*velocity 0 is missing or has another shape"
    ):
        load_snapshot(path, {"net": layer}, optimizer)


@pytest.mark.parametrize("keep", [0, 10, 300])
def test_a_damaged_file_is_refused(keep, tmp_path):
    path = tmp_path / "run.params"
    save_snapshot(str(path), {"net": make()[0]}, make()[1], {"done": 1})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"run\.params"):
        load_snapshot(str(path), {"net": make()[0]}, make()[1])


def test_a_write_that_fails_leaves_the_old_snapshot(tmp_path, monkeypatch):
    path = tmp_path / "run.params"
    module, optimizer = make()
    save_snapshot(str(path), {"net": module}, optimizer, {"done": 1})

    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("rcnn.networks.checkpoint.arrays.os.fsync", fail)
    with pytest.raises(InputError, match="disk full"):
        save_snapshot(str(path), {"net": module}, optimizer, {"done": 2})
    monkeypatch.undo()
    assert load_snapshot(str(path), {"net": module}, optimizer) == {"done": 1}
