"""A loop of another library as a contender."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timing.measure import Usage, run
from timing.setup import last_json

from .agreement import FoundFaces
from .contenders import Contender, Group
from .work import Work

LOOPS = Path(__file__).parent / "loops"
DETECTOR_SIZE, ENLARGED = (640, 640), (888, 480)  # width and height for scaling frames: InsightFace's, and ours
PACK = "peers"  # name of the networks for the insightface package


@dataclass(frozen=True)
class Looped:
    """Usage, output and faces of a loop.

    said : looks, faces, search_seconds, answers
    """

    usage: Usage
    said: dict[str, Any]
    faces: FoundFaces


def raw_path(embedding: str) -> str:
    """Path of the network for values of 0 to 255, see `with_mean`."""
    return f"{embedding}.raw"


def with_mean(embedding: str, mean: float) -> None:
    """Write the network with the normalisation (x - mean) / mean as its first step, for loops without normalisation.

    Parameters
    ----------
    embedding : ONNX file
    """
    import onnx
    from onnx import helper

    model = onnx.load(embedding)
    graph = model.graph
    name, inner = graph.input[0].name, "normalised"
    for node in graph.node:
        node.input[:] = [inner if each == name else each for each in node.input]
    value = helper.make_tensor("mean", onnx.TensorProto.FLOAT, [1], [mean])
    graph.initializer.append(value)
    graph.node.insert(0, helper.make_node("Sub", [name, "mean"], ["centred"]))
    graph.node.insert(1, helper.make_node("Div", ["centred", "mean"], [inner]))
    onnx.save(model, raw_path(embedding))


def run_loop(contender: Contender, interpreter: str, group: Group, work: Work, folder: Path) -> Looped:
    """Run a loop on the work, with the Python of its environment."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "faces.npz"
    output.unlink(missing_ok=True)
    job = {
        "clips": work.clips,
        "gallery": work.gallery,
        "detector": os.path.abspath(group.detector),
        "embedding": os.path.abspath(group.embedding),
        "raw_embedding": os.path.abspath(raw_path(group.embedding)),
        "nms": group.nms,
        "detector_size": ENLARGED if contender.enlarge else DETECTOR_SIZE,
        "enlarge": contender.enlarge,
        "root": str(folder.resolve()),
        "pack": PACK,
        "output": str(output.resolve()),
    }
    if contender.name == "insightface":  # which takes a folder of networks
        pack = folder / "models" / PACK
        pack.mkdir(parents=True, exist_ok=True)
        for path in (group.detector, group.embedding):
            shutil.copyfile(path, pack / Path(path).name)
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    usage = run([interpreter, LOOPS / contender.loop, (folder / "job.json").resolve()])
    return Looped(usage, last_json(usage.output), FoundFaces.read(output))
