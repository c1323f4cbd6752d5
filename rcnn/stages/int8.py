"""The quantised networks of a run, kept in its output: calibrated on its own first images, or by an earlier run.

A network that was calibrated on enough images is also kept in the user's cache directory, for runs that use the same
model on images of the same size. Such a run copies it into its output, so that an output has all that it was made with.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from msgspec import Struct

from .. import files
from ..clips.dataset import Clip
from ..config import config
from ..errors import InputError, UnreadableError
from ..exports.comparison import agreement
from ..faces.choice import central_crop
from ..faces.detectors import Detector
from ..faces.detectors.single_stage import SingleStage
from ..faces.embedding import Embedder
from ..faces.views import in_sizes, on_canvas
from ..files import sha256
from ..files.cache import cache_folder
from ..files.json import read_json, write_json
from ..networks.engine import INT8 as PRECISION
from ..networks.engine import Network
from ..networks.engine.int8 import EXTENSIONS, Int8Network, quantise
from ..networks.engine.openvino import OpenVinoNetwork
from ..tables import INT8
from ..video.decoder import FrameDecoder

DETECTOR = "detector"  # name of its network
Measure = Callable[[Int8Network], dict[str, int]]
RECORD = ".json"  # of the inputs of a network
FRAMES = config.CALIBRATION.FRAMES
FRAMES_A_CLIP = 4
FRAME_SAMPLING = 15  # of these frames; neighbouring frames add little
CROPS = config.CALIBRATION.CROPS


def check_int8(precision: str, ray: str | None) -> None:
    """Raise InputError if workers could not read the calibration, which is in the output."""
    if precision == PRECISION and ray is not None:
        raise InputError("--precision int8: not with --ray, whose nodes may not see the calibration; use fp32 or fp16")


def int8_network(
    output: str,
    name: str,
    network: Network,
    origins: Sequence[str],
    images: Callable[[], np.ndarray],
    measure: Measure | None = None,
) -> Int8Network:
    """The quantised counterpart of a network, read from `output`, or made if it does not exist yet.

    Parameters
    ----------
    output : stage directory, also in a store, in which it is kept as int8/NAME.xml, .bin and .json
    origins : files that the network was read from
    images : returns the images (n, H, W, 3) uint8, BGR, to calibrate on; called only if they are needed
    measure : for a detector, returns what to record about the new network

    Raises
    ------
    InputError
        If NNCF is needed and not installed, or the network does not run in OpenVINO.
    """
    if not isinstance(network, OpenVinoNetwork):
        raise InputError("--precision int8: is for networks on the CPU; give --gpu -1, or --precision fp16")
    kept = files.join(output, INT8, name)
    if not files.is_url(kept):
        return _network_at(kept, kept, network, origins, images, measure)[0]
    with tempfile.TemporaryDirectory(prefix="rcnn-") as folder:
        path = os.path.join(folder, name)
        for extension in (*EXTENSIONS, RECORD):
            if files.is_file(files.suffixed(kept, extension)):
                Path(f"{path}{extension}").write_bytes(files.read_bytes(files.suffixed(kept, extension)))
        result, is_new = _network_at(path, kept, network, origins, images, measure)
        if is_new:
            for extension in (*EXTENSIONS, RECORD):  # the record last: without it they don't count
                files.put(files.suffixed(kept, extension), Path(f"{path}{extension}").read_bytes())
    return result


def _network_at(
    path: str,
    kept: str,
    network: OpenVinoNetwork,
    origins: Sequence[str],
    images: Callable[[], np.ndarray],
    measure: Measure | None,
) -> tuple[Int8Network, bool]:
    """The network with its files at `path`, and whether they were just made; messages give `kept` as their path."""
    source = {os.path.basename(file): sha256(file) for file in origins}
    is_new = not _is_whole(path, source)
    if is_new:
        sample = images()
        shared = _shared_place(source, sample, measure is not None)
        name, target = os.path.basename(path), files.suffixed(kept, ".xml")
        if _is_whole(shared, source) and _take(shared, path, network, source, measure):
            print(f"int8: {name} as an earlier run calibrated it -> {target}", flush=True)
        else:
            quantise(network, sample, path, measure is not None)
            found = {} if measure is None else measure(Int8Network(network, path))
            _write_record(path, source, len(sample), found)
            print(f"int8: {name} calibrated on {len(sample)} images -> {target}", flush=True)
            wanted = FRAMES if measure is not None else CROPS
            if len(sample) >= config.CALIBRATION.SHARED * wanted and _loses_little(found):
                _share(path, shared)
    return Int8Network(network, path), is_new


def _take(shared: str, path: str, network: OpenVinoNetwork, source: dict[str, str], measure: Measure | None) -> bool:
    """Copy a shared network to `path`, and say whether it is whole and loses few of this run's faces."""
    files.make_dir(os.path.dirname(path) or ".")
    try:
        record = read_json(f"{shared}{RECORD}", _Record)
        for extension in EXTENSIONS:
            shutil.copyfile(f"{shared}{extension}", f"{path}{extension}")
    except (OSError, ValueError):
        return False
    if record.parts != _sums(path):  # another run has just replaced a part of it
        return False
    found = {} if measure is None else measure(Int8Network(network, path))
    if not _loses_little(found):
        return False
    _write_record(path, source, record.images, found)
    return True


def _share(path: str, shared: str) -> None:
    """Keep the network at `path` for other runs, where that can be."""
    with contextlib.suppress(OSError, InputError):
        files.make_dir(os.path.dirname(shared))
        for extension in (*EXTENSIONS, RECORD):  # the record last: without it they don't count
            files.write_whole(f"{shared}{extension}", partial(shutil.copyfile, f"{path}{extension}"))


def _shared_place(source: dict[str, str], sample: np.ndarray, whole: bool) -> str:
    """Path without extension of the network that runs with this model and images of this size share."""
    reader = importlib.metadata.version("openvino")
    key = json.dumps([sorted(source.values()), sample.shape[1:], whole, reader])
    return os.path.join(cache_folder("rcnn-int8"), hashlib.sha256(key.encode()).hexdigest()[:32])


def _loses_little(found: dict[str, int]) -> bool:
    return not found or found["lost"] <= config.CALIBRATION.LOST * found["faces"]


def _write_record(path: str, source: dict[str, str], images: int, found: dict[str, int]) -> None:
    record = {"source": source, "images": images, "parts": _sums(path), "measured": found}
    write_json(f"{path}{RECORD}", record)


def measured(output: str) -> dict[str, int]:
    """How the quantised detector of a run compares on its calibration frames: `faces` that the exact one finds, of
    these `lost`, additional `others`, and `frames`."""
    return read_json(files.join(output, INT8, f"{DETECTOR}{RECORD}"), _Record).measured


class _Record(Struct):
    """What a network was made from, and the sha256 of its files; both by name or extension."""

    source: dict[str, str]
    parts: dict[str, str]
    images: int = 0
    measured: dict[str, int] = {}


def _sums(path: str) -> dict[str, str]:
    return {extension: sha256(f"{path}{extension}") for extension in EXTENSIONS}


def _is_whole(path: str, source: dict[str, str]) -> bool:
    try:
        record = read_json(f"{path}{RECORD}", _Record)
        return record.source == source and record.parts == _sums(path)
    except (OSError, ValueError):
        return False


def calibration_frames(clips: Sequence[Clip], detector: Detector) -> np.ndarray:
    """Frames (n, H, W, 3) uint8 of the first clips, a few of each, at the detector's input size; only those of the most
    common size.

    Raises
    ------
    InputError
        If no clip can be read.
    """
    decoder = FrameDecoder()
    frames: list[np.ndarray] = []
    try:
        for clip in clips:
            try:
                seen = decoder.read_frames(clip.path, FRAME_SAMPLING, None, clip.start, clip.end)
                mine = [on_canvas(detector, frame.image) for frame in seen]
            except UnreadableError:
                continue
            frames += mine[:FRAMES_A_CLIP]
            if len(frames) >= FRAMES:
                break
    finally:
        decoder.close()
    if not frames:
        raise InputError("--precision int8: no frame of any clip can be decoded to calibrate on; use --precision fp32")
    (shape, _), *_ = Counter(frame.shape for frame in frames).most_common(1)
    return np.stack([frame for frame in frames if frame.shape == shape])


def calibration_crops(frames: np.ndarray, detector: Detector, size: tuple[int, int]) -> np.ndarray:
    """The aligned central faces (n, height, width, 3) uint8 of frames.

    Raises
    ------
    InputError
        If none has a face.
    """
    crops = []
    for frame, faces in zip(frames, detector.detect(frames), strict=True):
        if len(faces):
            crops.append(central_crop(frame, faces, size))
    if not crops:
        raise InputError(
            f"--precision int8: no face in the first {len(frames)} frames to calibrate on; use --precision fp32"
        )
    return np.stack(crops)


def int8_detect(
    output: str,
    clips: Sequence[Clip],
    networks: tuple[Detector, Embedder | None],
    origins: Sequence[Sequence[str]],
    size: tuple[int, int],
) -> tuple[SingleStage, Embedder | None]:
    """Detector and quality model of detect.py, quantised.

    Parameters
    ----------
    clips : of the whole run; the first are used for calibration
    networks, origins : the exact ones, and the files that each was read from; without a quality model None
    size : height, width of the crops

    Raises
    ------
    InputError
        If the detector is a cascade, or there is nothing to calibrate on.
    """
    detector, embedder = networks
    if not isinstance(detector, SingleStage):
        raise InputError("--precision int8: a cascade of three networks is not quantised; use --precision fp32")
    frames = cache(lambda: calibration_frames(clips, detector))

    def measure(network: Int8Network) -> dict[str, int]:
        found = detector.with_network(network).detect(frames())
        same = agreement(found, detector.detect(frames()))
        print(f"int8: {DETECTOR}: {same}", flush=True)
        return {"faces": same.wanted, "lost": same.lost, "others": same.others, "frames": same.pictures}

    network = int8_network(
        output, DETECTOR, detector.network, origins[0], lambda: in_sizes(detector.fed(frames()[::2])[0]), measure
    )
    fast = detector.with_network(network)
    if embedder is None:
        return fast, None
    quality = int8_network(
        output, "quality", embedder.network, origins[1], lambda: calibration_crops(frames(), detector, size)
    )
    return fast, Embedder(quality, embedder.words)
