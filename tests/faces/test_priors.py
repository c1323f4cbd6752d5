"""A RetinaFace whose priors are others than its shapes let one think is told by what it finds on a known picture."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx_kinds as kinds
import pytest
from onnx import helper, numpy_helper

from rcnn.errors import InputError
from rcnn.faces.detectors.priors import measured
from rcnn.faces.load import load_detector

SIDE, STRIDES = 640, (8, 16, 32)
USUAL = ((16, 32), (64, 128), (256, 512))


def with_priors(source: str, path: Path, sizes: tuple[tuple[int, ...], ...]) -> str:
    """A file that gives the same faces, as one that was trained with other priors would."""
    model = onnx.load(source)
    ratios = np.concatenate(
        [
            np.tile(np.array(mine, np.float32) / theirs, (SIDE // stride) ** 2)
            for stride, mine, theirs in zip(STRIDES, USUAL, sizes, strict=True)
        ]
    )[None, :, None]
    for output in model.graph.output:
        width = output.type.tensor_type.shape.dim[-1].dim_value
        if width == 2:
            continue
        inner = f"{output.name}_usual"
        for node in model.graph.node:
            node.output[:] = [inner if name == output.name else name for name in node.output]
            node.input[:] = [inner if name == output.name else name for name in node.input]
        factor = np.repeat(ratios, width, 2)
        added = np.zeros_like(factor)
        if width == 4:
            factor[..., 2:], added[..., 2:] = 1, np.log(ratios) / 0.2
        for name, values in (("factor", factor), ("added", added)):
            model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), f"{inner}_{name}"))
        model.graph.node.append(helper.make_node("Mul", [inner, f"{inner}_factor"], [f"{inner}_more"]))
        model.graph.node.append(helper.make_node("Add", [f"{inner}_more", f"{inner}_added"], [output.name]))
    onnx.save(model, path)
    return str(path)


@pytest.mark.parametrize("sizes", [((10, 20), (32, 64), (128, 256)), ((16, 32), (48, 96), (256, 512))])
def test_other_priors_are_refused_until_a_card_has_them(sizes, shared, tmp_path):
    usual = f"{shared}/models/retinaface_mnet_640.onnx"
    path = with_priors(usual, tmp_path / "x.onnx", sizes)
    with pytest.raises(InputError, match=r"trained with other priors; write min_sizes .* into \S+x\.toml") as error:
        load_detector(path)
    guessed = [float(side) for side in re.findall(r"\d+", str(error.value).partition("min_sizes = ")[2])]
    np.testing.assert_allclose(guessed[1:], [*sizes[0], *sizes[1], *sizes[2]][1:], rtol=0.1)
    card = tmp_path / "x.toml"
    card.write_text(f"min_sizes = {[list(sides) for sides in sizes]}")
    detector = load_detector(path)
    assert all(0.9 < factor < 1.1 for factor in measured(detector).values())
    image = cv2.imread(str(shared / "images/t1.jpg"))
    (wanted,), (found,) = load_detector(usual).detect([image]), detector.detect([image])
    np.testing.assert_allclose(found.boxes, wanted.boxes, atol=0.1)
    np.testing.assert_allclose(found.landmarks, wanted.landmarks, atol=0.1)
    card.write_text("min_sizes = [[16, 32], [100, 200], [256, 512]]")  # a card is not believed either
    with pytest.raises(InputError, match="trained with other priors"):
        load_detector(path)


def test_who_sees_nothing_on_the_picture_is_not_judged(tmp_path):
    assert not measured(load_detector(kinds.retinaface(tmp_path / "x.onnx")))
