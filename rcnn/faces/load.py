"""Loads the detector or embedding that a flag names: an MXNet checkpoint, three of them, or an ONNX file."""

from __future__ import annotations

import shlex

from ..config import config
from ..errors import InputError
from ..files import sha256
from ..networks.checkpoint.cascade import is_cascade
from ..networks.engine import CPU, FP32
from ..networks.engine.images import ImageInput
from ..networks.engine.load_onnx import load_onnx_network
from ..networks.engine.onnx_graph import OnnxGraph, is_onnx
from ..networks.zoo.registry import by_sha256
from . import embedding
from .alignment import SIZES
from .card import INSIGHTFACE, Card, card_owner, card_path, own_card, read_card
from .detectors import essh
from .detectors.essh import EsshDetector
from .detectors.mtcnn import MtcnnDetector, load_mtcnn
from .detectors.priors import check_priors
from .detectors.recognise import ESSH, NO_LANDMARKS, RETINAFACE, SCRFD, Layout, detector_kind, recognise
from .detectors.retinaface import MEAN as RETINAFACE_MEAN
from .detectors.retinaface import MIN_SIZES, RetinafaceDetector
from .detectors.retinaface import NMS as RETINAFACE_NMS
from .detectors.retinaface import STRIDES as PRIOR_STRIDES
from .detectors.scrfd import MEAN as SCRFD_MEAN
from .detectors.scrfd import NMS as SCRFD_NMS
from .detectors.scrfd import STD as SCRFD_STD
from .detectors.scrfd import ScrfdDetector
from .detectors.single_stage import Detector, SingleStage
from .detectors.yunet import NMS as YUNET_NMS
from .detectors.yunet import YunetDetector
from .embedding import Embedder
from .recognised import described, say

RAW = ImageInput()  # RGB, 0..255


def load_detector(
    model: str,
    device: int = CPU,
    *,
    nms_threshold: float | None = None,
    precision: str = FP32,
    engine: str | None = None,
    side: int | None = None,
) -> Detector:
    """A detector, with its kind and parameters taken from its graph.

    Parameters
    ----------
    model : `PREFIX,EPOCH` of ESSH or RetinaFace, `DIR` or `PREFIX` of MTCNN's three checkpoints, or `X.onnx`
    device : number of a CUDA device or `CPU`
    nms_threshold : intersection over union; None for the kind's default
    precision : see `load_network`
    engine : see `load_onnx_network` and, for checkpoints, `load_network`
    side : longer side in pixels to which images are scaled, a multiple of 32; None for the card's value or the kind's
        default

    Raises
    ------
    InputError
        If the files can't be read or are not a detector with landmarks.
    """
    card = read_card(model) if is_onnx(model) else own_card(card_owner(model))
    detector: SingleStage | MtcnnDetector
    if is_onnx(model):
        detector = _onnx_detector(model, card, device, nms_threshold, precision, engine)
    elif is_cascade(model):
        detector = load_mtcnn(model, device, precision=precision, engine=engine)
    else:
        nms = card.nms if nms_threshold is None else nms_threshold
        detector = essh.load_essh(model, device, nms_threshold=nms, precision=precision, engine=engine)
    detector.threshold = card.threshold or detector.threshold
    detector.side = side or card.side or detector.side
    detector.largest = card.largest or detector.largest
    size = detector.size
    sizes = f"{size[0]} x {size[1]} pixels only" if size else f"{detector.side} pixels long" if detector.side else ""
    detector.words = say("detector", model, f"{detector.words}, images {sizes or 'of any size'}")
    return detector


def _onnx_detector(
    path: str,
    card: Card,
    device: int,
    nms_threshold: float | None,
    precision: str,
    engine: str | None,
) -> SingleStage:
    graph = OnnxGraph(path)
    layout = recognise(graph, card)
    image = detector_image(graph, layout, card)
    network = load_onnx_network(graph, layout.outputs, device=device, engine=engine, image=image, precision=precision)
    nms = next(value for value in (nms_threshold, card.nms, _nms(graph, layout)) if value is not None)
    threshold = card.threshold or config.ESSH.THRESHOLD
    size = layout.size
    detector: SingleStage
    if layout.kind == ESSH:
        detector = EsshDetector(network, nms, threshold=threshold, size=size)
        detector.largest = essh.largest_of(graph.output_names)
    elif layout.kind == RETINAFACE:
        strides, priors = card.strides or PRIOR_STRIDES, card.min_sizes or MIN_SIZES
        detector = RetinafaceDetector(network, strides, priors, nms, threshold, size, path)
        if by_sha256(sha256(path)) is None:
            check_priors(detector, path, card_path(path))
    elif layout.kind == SCRFD:
        detector = ScrfdDetector(network, layout.strides, layout.anchors, nms, threshold, size, path)
    else:
        detector = YunetDetector(network, layout.strides, nms, threshold, size, path)
    detector.words = f"{layout.kind}, {described(image)}"
    return detector


def detector_image(graph: OnnxGraph, layout: Layout, card: Card) -> ImageInput:
    """The input format of a detector: from its card, else the default of its kind."""
    if layout.kind == ESSH:
        vgg = graph.has_layer(essh.VGG_LAYER)
        default = ImageInput(mean=config.ESSH.VGG_MEAN) if vgg else RAW
    elif layout.kind == SCRFD:
        default = RAW if graph.normalises else ImageInput(mean=(SCRFD_MEAN,) * 3, std=(SCRFD_STD,) * 3)
    else:
        subtracted = layout.kind == RETINAFACE and not graph.normalises
        default = ImageInput(rgb=False, mean=RETINAFACE_MEAN) if subtracted else ImageInput(rgb=False)
    return card.image(default)


def _nms(graph: OnnxGraph, layout: Layout) -> float:
    if layout.kind == ESSH:
        retinaface = all(name.startswith(essh.RETINAFACE_PREFIX) for name in graph.output_names)
        return config.ESSH.NMS_RETINAFACE if retinaface else config.ESSH.NMS
    return {RETINAFACE: RETINAFACE_NMS, SCRFD: SCRFD_NMS}.get(layout.kind, YUNET_NMS)


def load_embedder(
    model: str,
    device: int = CPU,
    *,
    precision: str = FP32,
    engine: str | None = None,
    default: Card | None = None,
) -> Embedder:
    """The embedding network of an MXNet checkpoint, up to `fc1_output`, or of an ONNX file.

    Parameters
    ----------
    model : `PREFIX,EPOCH` or `X.onnx`
    device : number of a CUDA device or `CPU`
    precision : see `load_network`
    engine : for an ONNX file, see `load_onnx_network`
    default : values missing in an ONNX file's own card and the registry

    Raises
    ------
    InputError
        If the files can't be read, are not an embedding, or don't define the input format.
    """
    if not is_onnx(model):
        return embedding.load_mxnet_embedder(model, device, precision=precision)
    graph = OnnxGraph(model)
    card = read_card(model)
    if default is not None and not graph.normalises:
        card = card.or_else(default)
    output, width = embedding_output(graph, card)
    image = embedding_image(graph, card)
    network = load_onnx_network(graph, [output], device=device, engine=engine, image=image, precision=precision)
    return Embedder(network, say("model", model, f"embedding, {width} wide, {described(image)}"))


def embedding_output(graph: OnnxGraph, card: Card) -> tuple[int, int]:
    """Index and width of the embedding output.

    Raises
    ------
    InputError
        If the graph does not take crops, or the output is ambiguous.
    """
    if (kind := detector_kind(graph, card)) is not None:
        bare = kind == NO_LANDMARKS
        raise InputError(embedding.no_embedding(graph.path, embedding.BARE if bare else f"a detector ({kind})"))
    given = graph.input_shape
    fixed = given[2:] if len(given) == 4 and None not in given[2:] else SIZES[0]
    shapes = graph.shapes_at(1, 3, *fixed) if len(given) == 4 and given[1] in (3, None) and fixed in SIZES else None
    if shapes is None:
        taken = " x ".join("?" if size is None else str(size) for size in given)
        raise InputError(
            f"{graph.path}: takes {taken}; an embedding takes crops, batch x 3 x 112 x 112 or batch x 3 x 112 x 96"
        )
    vectors = [n for n, shape in enumerate(shapes) if len(shape) in (2, 4) and max(shape) == _volume(shape) > 1]
    if card.output is not None:
        vectors = [n for n in vectors if graph.output_names[n] == card.output]
    if len(vectors) != 1:
        names = ", ".join(graph.output_names[:12])
        raise InputError(
            f"{graph.path}: can't tell which output is the embedding: {names}; "
            f'write output = "NAME" into {card_path(graph.path)}'
        )
    return vectors[0], _volume(shapes[vectors[0]])


def _volume(shape: tuple[int, ...]) -> int:
    result = 1
    for size in shape:
        result *= size
    return result


def embedding_image(graph: OnnxGraph, card: Card) -> ImageInput:
    """The input format of an embedding: from its card; unchanged if the graph itself normalises.

    Raises
    ------
    InputError
        If neither does.
    """
    if not graph.normalises and None in (card.colour, card.mean, card.std):
        raise InputError(
            f"{graph.path}: its graph does not define RGB or BGR, mean and scale; "
            f"python -m rcnn card {shlex.quote(graph.path)} --faces DIR measures them on photographs, DIR/NAME/*.jpg, "
            f"or write them into {card_path(graph.path)}, three lines, as here for InsightFace's",
            paste=INSIGHTFACE,
        )
    return card.image(RAW)
