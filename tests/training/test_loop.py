"""What all trainings share: periods, going on, steps of bounded length, rates."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from rcnn.errors import InputError
from rcnn.training.loop import Course, Sums, apply_gradients, learn, total
from rcnn.training.rates import held_then_falling, held_then_linear, stepped
from rcnn.training.snapshot import Snapshot


def make() -> tuple[nn.Linear, torch.optim.Optimizer]:
    torch.manual_seed(0)
    layer = nn.Linear(2, 1)
    return layer, torch.optim.Adam(layer.parameters(), 0.1)


class Training:
    """Lines of a curve, each from a step; what is done is noted."""

    def __init__(self, path: Path, **run: object) -> None:
        self.layer, self.optimizer = make()
        self.done: list[str] = []
        self.snapshot = Snapshot(str(path), {"layer": self.layer}, self.optimizer, run)
        self.course = Course[dict](
            "trains", json.dumps, self.save, self.snapshot, agree=lambda: self.done.append("agree")
        )

    def save(self, curve: list[dict]) -> None:
        self.done.append(f"model {len(curve)}")

    def line(self, number: int) -> dict:
        loss = self.layer(torch.tensor([[1.0, number]])).square().mean()
        return learn({"loss": loss}, self.optimizer, self.layer.parameters(), 0.1)

    def run(self, periods: int) -> None:
        self.course.resume(lambda record: (record["curve"], f"round {len(record['curve'])}"))
        self.course.run(self.line(number) for number in range(len(self.course.curve), periods))


def test_a_course_that_was_stopped_goes_on_to_the_same_end(tmp_path, capsys):
    whole = Training(tmp_path / "whole.params")
    whole.run(4)
    Training(tmp_path / "run.params").run(3)
    second = Training(tmp_path / "run.params")
    second.run(4)
    assert f"trains: resumes after round 3 of {tmp_path / 'run.params'}\n" in capsys.readouterr().out
    assert second.course.curve == whole.course.curve and len(whole.course.curve) == 4
    assert torch.equal(second.layer.weight, whole.layer.weight)


def test_the_model_is_saved_before_the_snapshot_and_all_agree_on_both(tmp_path, monkeypatch):
    training = Training(tmp_path / "run.params")
    monkeypatch.setattr(training.snapshot, "save", lambda curve: training.done.append(f"snapshot {len(curve)}"))
    training.run(2)
    assert training.done == ["model 1", "agree", "snapshot 1", "agree", "model 2", "agree", "snapshot 2", "agree"]


def test_another_run_is_named_before_another_shape(tmp_path):
    Training(tmp_path / "run.params", width=2, seed=0).run(1)
    other = Training(tmp_path / "run.params", width=3, seed=1)
    other.snapshot.modules = {"layer": nn.Linear(3, 1)}
    with pytest.raises(
        InputError, match=r"run\.params: contains a run with another seed, another width; give the same, or"
    ):
        other.run(2)


@pytest.mark.parametrize("error", [KeyError("order"), ValueError("no"), TypeError(), IndexError(), RuntimeError("x")])
def test_a_record_that_can_not_be_taken_over_is_an_input_error(error, tmp_path):
    Training(tmp_path / "run.params").run(1)

    def fail(record: dict) -> tuple[list[dict], str]:
        raise error

    with pytest.raises(InputError, match=r"run\.params: is not a snapshot of this training \(.*\); remove it"):
        Training(tmp_path / "run.params").course.resume(fail)


def test_a_process_that_does_not_write_leaves_no_file(tmp_path):
    layer, optimizer = make()
    snapshot = Snapshot(str(tmp_path / "run.params"), {"layer": layer}, optimizer, {}, writes=False)
    snapshot.save([{"loss": 1.0}])
    assert snapshot.load() is None and not list(tmp_path.iterdir())


def test_sums_give_means_and_refuse_what_is_not_finite():
    sums = Sums()
    sums.add({"a": 1.0, "b": torch.tensor(2)})
    sums.add({"a": 3.0, "b": torch.tensor(5)})
    assert sums.means(2, "epoch 1") == {"a": 2.0, "b": 3.5}
    sums.add({"a": math.nan})
    with pytest.raises(InputError, match="epoch 1: the loss is not finite, training diverged; give a smaller --lr"):
        sums.means(3, "epoch 1")


@pytest.mark.parametrize(("longest", "length"), [(None, 5.0), (10.0, 5.0), (0.5, 0.5)])
def test_a_step_is_no_longer_than_it_may_be(longest, length):
    layer = nn.Linear(2, 1, bias=False)
    before = layer.weight.detach().clone()
    layer.weight.grad = torch.tensor([[3.0, 4.0]])
    optimizer = torch.optim.SGD([{"params": list(layer.parameters()), "share": 0.5}], 1.0)
    apply_gradients(optimizer, layer.parameters(), 0.2, longest)
    assert float((before - layer.weight).norm()) == pytest.approx(0.2 * 0.5 * length, rel=1e-4)
    assert layer.weight.grad is None


def test_total_is_the_sum():
    assert float(total(torch.tensor(float(n)) for n in range(4))) == 6


def test_rates_fall_in_steps_and_on_a_line():
    assert [stepped(0.2, epoch, (2, 3)) for epoch in range(4)] == pytest.approx([0.2, 0.2, 0.02, 0.002])
    rates = [held_then_falling(1.0, period, 10, 0.5, 0.3) for period in range(10)]
    assert rates == pytest.approx([1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.3])


def test_a_rate_rises_is_held_and_falls_and_more_rounds_change_nothing_before_the_fall():
    rates = [held_then_linear(2.0, step, 100, 10, 0.25) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    assert rates[10:76] == pytest.approx([2.0] * 66)
    assert rates[75:] == pytest.approx([2 * left / 25 for left in range(25, 0, -1)])
    assert [held_then_linear(2.0, step, 200, 10, 0.25) for step in range(75)] == rates[:75]
