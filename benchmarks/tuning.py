"""Why the CPU engine runs images one by one, one core each; and the cost of post-processing a detector's output.

    python benchmarks/tuning.py

First table: images per second of the detector on frames and of the embedding on crops, by the images per request and
the streams (concurrent requests, each on its share of the cores). Second table: milliseconds per frame on one core from
the network's maps to a crop as JPEG, on a frame with at least five faces.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.cython.nms import nms

from benchmarks.models import PUBLISHED_DETECTOR, PUBLISHED_EMBEDDING
from rcnn.commands.arguments import Parser, number
from rcnn.config import config
from rcnn.errors import run_script
from rcnn.faces.alignment import align_faces
from rcnn.faces.choice import central_crop, central_face
from rcnn.faces.detectors.essh import decode
from rcnn.faces.embedding import OUTPUT
from rcnn.faces.geometry import clip_boxes
from rcnn.faces.load import load_detector
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.engine import load_network
from rcnn.networks.engine.openvino import PRECISION, OpenVinoNetwork, core
from rcnn.video.photographs import read_image
from rcnn.workers.pipeline import cores

WIDTH, HEIGHT = config.FRAME.CANVASES[0]  # pixels of a detector's input
FRAME_BATCHES, CROP_BATCHES = (1, 2, 4, 8), (1, 4, 8, 16, 32, 64)
REPEATS = 200  # of the post-processing steps


def rate(network: OpenVinoNetwork, batch: np.ndarray, streams: int, seconds: float) -> float:
    """Images per second with `streams` threads that each run requests of `batch` in sequence."""
    settings = {"INFERENCE_PRECISION_HINT": PRECISION, "NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": cores()}
    compiled = core().compile_model(network.model(batch.shape, batch.dtype), "CPU", settings)
    counts = [0] * streams
    ends = [0.0]
    ready = threading.Barrier(streams, action=lambda: ends.append(time.perf_counter() + seconds))

    def work(number: int) -> None:
        request = compiled.create_infer_request()
        request.infer([batch], share_inputs=True, share_outputs=True)
        ready.wait()
        while time.perf_counter() < ends[-1]:
            request.infer([batch], share_inputs=True, share_outputs=True)
            counts[number] += len(batch)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - ends[-1] + seconds)


def batches(
    model: str, outputs: list[str] | None, size: tuple[int, int], sizes: tuple[int, ...], seconds: float
) -> None:
    """Print the first table for one network; `size` is height, width of its images."""
    network = load_network(load_checkpoint(model), outputs, images=True)
    print(f"\n{model}, images of {size[1]}x{size[0]}, images/s")
    print(f"{'streams':<10}" + "".join(f"{f'{count} at once':>13}" for count in sizes))
    rng = np.random.default_rng(0)
    for streams in sorted({1, cores()}):
        cells = [rate(network, rng.integers(0, 256, (count, *size, 3), np.uint8), streams, seconds) for count in sizes]
        print(f"{streams:<10}" + "".join(f"{cell:>13.1f}" for cell in cells), flush=True)


def after_the_network(model: str, picture: str) -> None:
    """Print the second table."""
    image = cv2.resize(read_image(picture), (WIDTH, HEIGHT))
    detector = load_detector(model)
    maps = [output[0] for output in detector.network(image[None])]
    threshold = config.ESSH.THRESHOLD
    found = decode(maps, threshold)
    faces = detector.detect([image])[0]
    best = central_face(faces, WIDTH, HEIGHT)
    crop = central_crop(image, faces)
    cv2.setNumThreads(1)
    steps: dict[str, Callable[[], object]] = {
        "candidates, boxes, landmarks": lambda: decode(maps, threshold),
        "cut to the frame, NMS": lambda: nms(
            clip_boxes(found.boxes, WIDTH, HEIGHT), found.scores, detector.nms_threshold
        ),
        "choice": lambda: central_face(faces, WIDTH, HEIGHT),
        "alignment": lambda: align_faces(image, faces.landmarks[best : best + 1]),
        "JPEG": lambda: cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, config.CROP.JPEG_QUALITY]),
    }
    print(f"\nafter the network: {len(faces)} faces, {len(found)} candidates, ms a frame on one core")
    total = 0.0
    for name, step in steps.items():
        times = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            step()
            times.append(time.perf_counter() - started)
        milliseconds = 1000 * float(np.median(times))
        total += milliseconds
        print(f"  {name:<30}{milliseconds:>8.3f}")
    print(f"  {'together':<30}{total:>8.3f}")


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/tuning.py")
    add = parser.add_argument
    add("--detector", default=PUBLISHED_DETECTOR, metavar="PREFIX,EPOCH", help="detector")
    add("--model", default=PUBLISHED_EMBEDDING, metavar="PREFIX,EPOCH", help="embedding")
    add("--crowd", default="../shared/images/t1.jpg", metavar="FILE", help="a picture with at least five faces")
    add("--seconds", default=3.0, type=number, metavar="S", help="duration per cell")
    args = parser.parse_args()
    batches(args.detector, None, (HEIGHT, WIDTH), FRAME_BATCHES, args.seconds)
    batches(args.model, [OUTPUT], (config.ALIGN.SIZE, config.ALIGN.SIZE), CROP_BATCHES, args.seconds)
    after_the_network(args.detector, args.crowd)


if __name__ == "__main__":
    run_script(main)
