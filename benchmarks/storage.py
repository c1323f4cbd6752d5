"""Cost of an object store: detect.py with data set and output on disk and in S3 on the loopback, in turns.

    python benchmarks/storage.py --clips 48 --pairs 3

The server is moto's (requirements-dev.txt), a Python program on the same cores, so the cost is higher than that of a
remote store, apart from the latency. Also measured: the time and requests for listing many clips.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from rcnn import files
from rcnn.clips.dataset import list_clips
from rcnn.commands.arguments import Parser, positive, whole
from rcnn.errors import InputError, run_script

ROOT = Path(__file__).resolve().parents[1]
FRAMES = 45  # per clip
BUCKET = "s3://benchmark"
SERVER = """
import logging, sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), True)
print("ready", flush=True)
server.serve_forever()
"""


def make_data(root: Path, photos: list[Path], clips: int) -> None:
    """Test clips, each with a photograph moving over grey."""
    folder = root / "IQIYI_VID_TEST"
    folder.mkdir(parents=True)
    names = [f"clip{number:05d}.mp4" for number in range(clips)]
    for number, name in enumerate(names):
        writer = cv2.VideoWriter(str(folder / name), cv2.VideoWriter_fourcc(*"mp4v"), 25, (888, 480))
        photo = cv2.imread(str(photos[number % len(photos)]))
        for step in range(FRAMES):
            frame = np.full((480, 888, 3), 90, np.uint8)
            frame[100:350, 200 + 4 * step : 450 + 4 * step] = photo
            writer.write(frame)
        writer.release()
    (root / "gt_v2").mkdir()
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join(names))


def detect(dataset: str, output: str) -> float:
    """Run detect.py; returns the seconds."""
    command = ["detect.py", "--dataset", dataset, "--output", output, "--stage", "test", "--gpu", "-1", "--overwrite"]
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise InputError(done.stderr.strip().splitlines()[-1])
    return time.perf_counter() - begun


def main() -> None:
    parser = Parser(__doc__ or "", "python benchmarks/storage.py --clips 48 --pairs 3")
    parser.add_argument("--faces", type=Path, default=ROOT.parent / "shared/faces", help="PERSON/*.jpg of 250x250")
    parser.add_argument("--clips", type=positive, default=48, metavar="N")
    parser.add_argument("--pairs", type=positive, default=3, metavar="N", help="pairs of runs on disk and in S3")
    parser.add_argument("--listing", type=whole, default=20_000, metavar="N", help="clips to list; 0: no listing")
    args = parser.parse_args()
    photos = sorted(args.faces.glob("*/*.jpg"))
    if not photos:
        raise InputError(f"{args.faces}: holds no PERSON/*.jpg; give --faces")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ.update(
        AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_REGION="us-east-1",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
    )  # fmt: skip
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        server.stdout.readline()
        with tempfile.TemporaryDirectory() as work:
            measure(Path(work), photos, args.clips, args.pairs)
        if args.listing:
            measure_listing(args.listing)
    finally:
        server.kill()
        server.wait()


def measure(work: Path, photos: list[Path], clips: int, pairs: int) -> None:
    """Print the times of the pairs."""
    import boto3

    boto3.client("s3").create_bucket(Bucket=BUCKET.removeprefix("s3://"))
    data = work / "data"
    make_data(data, photos, clips)
    size = 0
    for file in filter(Path.is_file, sorted(data.rglob("*"))):
        files.put(f"{BUCKET}/data/{file.relative_to(data)}", file.read_bytes())
        size += file.stat().st_size
    print(f"{clips} clips of {FRAMES} frames, {size / clips / 1e3:.0f} kB each")
    detect(str(data), str(work / "warm"))
    ratios = []
    for _ in range(pairs):
        disk, store = detect(str(data), str(work / "det")), detect(f"{BUCKET}/data", f"{BUCKET}/det")
        ratios.append(store / disk)
        print(f"disk {disk:.2f} s, s3 {store:.2f} s, ratio {ratios[-1]:.3f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


def measure_listing(clips: int) -> None:
    """Print the time of `list_clips` for that many empty clips."""
    names = [f"clip{number:07d}.mp4" for number in range(clips)]
    files.put(f"{BUCKET}/many/gt_v2/IQIYI_VID.txt", "\n".join(names).encode())
    for name in names:
        files.put(f"{BUCKET}/many/IQIYI_VID_TEST/{name}", b"x")
    begun = time.perf_counter()
    found = len(list_clips(f"{BUCKET}/many", "test"))
    print(f"listing of {found} clips: {time.perf_counter() - begun:.2f} s")


if __name__ == "__main__":
    run_script(main)
