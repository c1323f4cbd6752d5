"""Converts an MXNet checkpoint to ONNX and checks that both agree; or converts an ONNX file to float16 or 8 bits."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..faces.alignment import SIZES
from ..faces.card import RGB, Card, card_path, read_thresholds, write_card
from ..faces.detectors.mtcnn import SIDES
from ..faces.embedding import OUTPUT as EMBEDDING_OUTPUT
from ..faces.quality import quality_card
from ..files import make_dir, sha256, write_whole
from ..files.text import check_utf8
from ..installation import how_to_install
from ..networks.checkpoint import Graph, load_checkpoint
from ..networks.checkpoint.cascade import NAME, STAGES, cascade_checkpoints, is_cascade
from ..networks.engine import Network, load_network
from ..networks.engine.onnx_graph import OnnxGraph, is_onnx
from ..networks.graphs.classifier import OUTPUT as CLASSIFIER_OUTPUT
from ..networks.zoo.roles import model_files
from .comparison import largest_difference

BATCH, HEIGHT, WIDTH = "batch", "height", "width"  # names of the dynamic dimensions
TOLERANCE = 1e-4  # of the largest value of an output
MOST_LOST = 0.03  # share of the faces; above it, a warning is printed
TRIALS = (  # values of the dynamic dimensions for the comparison; the second is not divisible by any stride
    {BATCH: 1, HEIGHT: 128, WIDTH: 192},
    {BATCH: 3, HEIGHT: 120, WIDTH: 184},
)

CROPS = (*SIZES, *((side, side) for side in SIDES))  # for embeddings, and MTCNN's second and third network

Size = int | str


def default_outputs(graph: Graph) -> tuple[str, ...]:
    """The output that the stages use, if it exists; else the outputs of the graph."""
    inner = (name for name in (EMBEDDING_OUTPUT, CLASSIFIER_OUTPUT) if name in graph.internal_names)
    first = next(inner, None)
    return graph.output_names if first is None else (first,)


def input_shape(graph: Graph, network: Network) -> tuple[Size, ...]:
    """Input shape of the network, with names for dynamic dimensions.

    Height and width are dynamic unless a fully connected layer fixes them; then they are those of the matching crop.

    Parameters
    ----------
    graph : a result of `Graph.select`
    network : the same graph, ready to run

    Raises
    ------
    InputError
        If no layer determines the input, or no known crop size fits.
    """
    first = next((node for node in graph.nodes if node.op in ("Convolution", "FullyConnected")), None)
    if first is None:
        raise InputError(f"{graph.source}: has neither Convolution nor FullyConnected, so its input is not known")
    width = graph.params[graph.nodes[first.inputs[1]].name].shape[1]
    if first.op == "FullyConnected":
        return BATCH, width
    if not any(node.op == "FullyConnected" for node in graph.nodes):
        return BATCH, width, HEIGHT, WIDTH
    for size in CROPS:
        try:
            network(np.zeros((1, width, *size), np.float32))
        except InputError:
            continue
        return BATCH, width, *size
    sizes = ", ".join(f"{height} x {width}" for height, width in CROPS)
    raise InputError(f"{graph.source}: has a fully connected layer that takes no crop of a known size, {sizes}")


def trial_inputs(shape: Sequence[Size]) -> Iterator[np.ndarray]:
    """Random arrays of that shape, float32: pixels 0 to 255 for planes, normal numbers for vectors."""
    random = np.random.default_rng(0)
    for trial in TRIALS:
        sizes = [trial[size] if isinstance(size, str) else size for size in shape]
        planes = len(sizes) == 4
        yield (random.integers(0, 256, sizes) if planes else random.normal(size=sizes)).astype(np.float32)


def _packages() -> tuple[Any, Any]:
    """The ONNX writer and ONNX Runtime, imported lazily."""
    try:
        import onnxruntime

        from ..networks.checkpoint import onnx
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; {how_to_install('onnx')}") from None
    onnxruntime.set_default_logger_severity(3)  # errors
    return onnx, onnxruntime


def convert(model: str, output: str, outputs: Sequence[str] | None = None) -> float:
    """Write a checkpoint as ONNX and compare the two.

    Parameters
    ----------
    model : `PREFIX,EPOCH`
    output : the file to write; it appears after both have been found to agree
    outputs : names of the outputs to export (`fc1_output`); None for `default_outputs`

    Returns
    -------
    The largest difference on random input, relative to an output's largest value.

    Raises
    ------
    InputError
        If the checkpoint can't be read or converted, the file can't be written, or the two disagree.
    """
    check_utf8(model, "--model")
    check_utf8(output, "--output")
    onnx, onnxruntime = _packages()
    whole = load_checkpoint(model)
    graph = whole.select(outputs or default_outputs(whole))
    network = load_network(graph)
    shape = input_shape(graph, network)
    worst = 0.0

    def write(temporary: str) -> None:
        nonlocal worst
        Path(temporary).write_bytes(onnx.to_onnx(graph, shape).SerializeToString())
        session = onnxruntime.InferenceSession(temporary, providers=["CPUExecutionProvider"])
        worst = max(
            largest_difference(session.run(list(graph.output_names), {graph.input_names[0]: data}), network(data))
            for data in trial_inputs(shape)
        )
        if worst > TOLERANCE:
            raise InputError(
                f"{model}: ONNX Runtime and our engine differ by {worst:.1e} of the largest value, more than "
                f"{TOLERANCE:g}; {output} is not written"
            )

    try:
        make_dir(os.path.dirname(output))
        write_whole(output, write)
        _write_card(graph, model, output)
    except OSError as error:
        raise InputError(f"{output}: can't be written: {error.strerror or error}") from None
    sizes = " x ".join(str(size) for size in shape)
    print(f"convert: {model} -> {output}: {graph.input_names[0]} {sizes}, {len(graph.outputs)} outputs")
    return worst


def convert_cascade(model: str, folder: str) -> float:
    """Write MTCNN's three checkpoints as FOLDER/det1.onnx to det3.onnx, and compare each.

    Raises
    ------
    InputError
        See `convert`; if one can't be converted, files already written stay.
    """
    check_utf8(folder, "--output")
    checkpoints = cascade_checkpoints(model)
    return max(
        convert(checkpoint, os.path.join(folder, f"{NAME}{stage}.onnx"))
        for stage, checkpoint in zip(STAGES, checkpoints, strict=True)
    )


def _write_card(graph: Graph, model: str, output: str) -> None:
    """Write the card of an embedding: the checkpoint's measured values, and the input format, which the graph can't
    store (MXNet embeddings expect RGB, 0 to 255)."""
    if graph.output_names != (EMBEDDING_OUTPUT,):
        return
    thresholds = read_thresholds(model, {path: sha256(path) for path in model_files(model)})
    known = Card(thresholds=thresholds, quality=quality_card(model).threshold)
    fed = Card() if OnnxGraph(output).normalises else Card(RGB, (0.0,) * 3, (1.0,) * 3)
    if (card := fed.or_else(known)) != Card():
        write_card(card, output)


def convert_to(model: str, output: str, precision: str, calibration: str, detector: str) -> None:
    """Write a checkpoint or an ONNX file in float16 or with 8 bits, and print its difference from the exact one.

    Parameters
    ----------
    model : `PREFIX,EPOCH` or `X.onnx`, a detector or an embedding
    output, precision, calibration, detector : see `make_variant`

    Raises
    ------
    InputError
        See `convert` and `make_variant`.
    """
    check_utf8(model, "--model")
    check_utf8(output, "--output")
    _packages()
    from .variants import make_variant

    if not is_onnx(model) and is_cascade(model):
        raise InputError(f"--precision {precision}: --model {model} is MTCNN, which runs at many sizes; leave it out")
    source = model if is_onnx(model) else f"{output}.exact.onnx"
    try:
        if source != model:
            convert(model, source)
        found = make_variant(source, output, precision, calibration, detector)
    finally:
        if source != model:
            for path in (source, card_path(source)):
                if os.path.exists(path):
                    os.remove(path)
    cosine = "" if found.cosine is None else f", smallest cosine of embeddings {found.cosine:.5f}"
    print(f"convert: {model} -> {output}: {precision}, {os.path.getsize(output)} bytes")
    print(
        f"convert: largest difference to the exact one on {found.pictures} pictures {found.largest:.1e} of the largest "
        f"value{cosine}"
    )
    if found.faces is not None:
        print(f"convert: {found.faces}, against the exact one")
        if found.faces.lost > MOST_LOST * found.faces.wanted:
            print(
                f"convert: that is more than {MOST_LOST:.0%}; give more pictures to --calibration, like those it will "
                f"see, or use --precision fp16",
                file=sys.stderr,
            )
