"""Cost of workers, Ray and lost machines in detect.py, and memory use of its driver.

    python benchmarks/cluster.py --dataset DIR --detector D,0 --model M,0 --parts speed,loss,memory --rounds 2

speed: the same clips with each kind of crew, in turn; loss: three Ray nodes on this machine, one of which is killed in
mid-run; memory: the driver's loop over as many clips as iQIYI-VID has, with a step that takes no time and writes its
input.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
from made_up import made_up_faces

from rcnn.clips.dataset import Clip
from rcnn.commands.arguments import Parser, paths, positive
from rcnn.errors import run_script

ROOT = Path(__file__).resolve().parents[1]
CREWS: dict[str, tuple[str, ...]] = {
    "threads of one process": (),
    "1 worker": ("--workers", "1"),
    "2 workers": ("--workers", "2"),
    "Ray, 1 actor": ("--ray", "local", "--workers", "1"),
    "Ray, 2 actors": ("--ray", "local", "--workers", "2"),
    "Ray, 1 actor, 1 decoder": ("--ray", "local", "--workers", "1", "--decoders", "1"),
}
FACE_BYTES = 5000
STORE = 200 << 20  # bytes of a node's object store


def written(out: Path) -> dict[str, bytes]:
    return {str(part.relative_to(out)): part.read_bytes() for part in sorted(out.rglob("*.parquet"))}


def speed(common: list[str], place: Path, rounds: int) -> None:
    walls: dict[str, list[float]] = {crew: [] for crew in CREWS}
    loops: dict[str, list[float]] = {crew: [] for crew in CREWS}
    expected = None
    for _ in range(rounds):
        for crew, flags in CREWS.items():
            out = place / "speed"
            shutil.rmtree(out, ignore_errors=True)
            begun = time.monotonic()
            subprocess.run(
                [sys.executable, "detect.py", *common, "--gpu", "-1", "--output", str(out), *flags],
                check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            walls[crew].append(time.monotonic() - begun)
            loops[crew].append(json.loads((out / "manifest.json").read_text())["seconds"])
            expected = expected or written(out)
            assert written(out) == expected, f"{crew}: other bytes"
    print("| crew | s in all | without start-up | against threads |\n| --- | ---: | ---: | ---: |")
    for crew in CREWS:
        share = median(loops[crew]) / median(loops["threads of one process"])
        print(f"| {crew} | {median(walls[crew]):.1f} | {median(loops[crew]):.1f} | {share:.2f} |", flush=True)
    print(f"{rounds} rounds in turn, medians; all wrote the same bytes")


def loss(settings: dict, place: Path, rounds: int) -> None:
    import ray
    from ray.cluster_utils import Cluster

    from rcnn.stages import detect as stage

    seconds: dict[bool, list[float]] = {False: [], True: []}
    expected = None
    for kill in [False, True] * rounds:
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE})
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE) for _ in range(3)]
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        out = place / "loss"
        shutil.rmtree(out, ignore_errors=True)
        groups = []
        write = stage._write

        def counted(*arguments, kill=kill, groups=groups, nodes=nodes, cluster=cluster, write=write):
            write(*arguments)
            groups.append(0)
            if kill and len(groups) == 3:
                cluster.remove_node(nodes[0], allow_graceful=False)

        with mock.patch.object(stage, "_write", counted):
            begun = time.monotonic()
            stage.detect(stage.DetectSettings(output=str(out), gpu=-1, ray="auto", **settings))
            seconds[kill].append(time.monotonic() - begun)
        expected = expected or written(out)
        assert written(out) == expected, "other bytes"
        ray.shutdown()
        cluster.shutdown()
    for kill, name in ((False, "three Ray nodes, undisturbed"), (True, "one of them killed after the third group")):
        print(f"{name}: {', '.join(f'{each:.1f}' for each in seconds[kill])} s")
    print(f"the loss cost {median(seconds[True]) - median(seconds[False]):.1f} s; the same bytes each time", flush=True)


@dataclass(frozen=True)
class FakeJob:
    """Synthetic faces, `faces` per clip."""

    faces: int
    about = (0, {})  # no vectors are kept, and no model is loaded

    def build(self, gpu, source=None):
        return self

    def __call__(self, clips):
        from rcnn.stages.face_finder import FoundFaces

        crop = bytes(FACE_BYTES)
        return [
            FoundFaces(made_up_faces(clip, self.faces, crop), self.faces, np.full(self.faces, 20, np.float32))
            for clip in clips
        ]

    def lost(self, clip, reason):
        raise AssertionError


def drive(clips: int, faces: int) -> None:
    """Run the driver's loop on synthetic clips in this process; prints its peak memory."""
    from rcnn import files
    from rcnn.stages import detect as stage
    from rcnn.workers import ThreadCrew

    def listed(*_, **__):
        folder = "./data/iqiyi_vid/IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN"
        names = (f"IQIYI_VID_TRAIN_{number:07d}.mp4" for number in range(clips))
        return [Clip(name, f"{folder}/{name}", "train") for name in names]

    sums = files.sha256

    def summed(path):
        digest = sums(path)
        if str(path).startswith(out):
            Path(path).write_bytes(b"")  # complete parts are no longer needed; saves disk space
        return digest

    with (
        tempfile.TemporaryDirectory() as out,
        mock.patch.object(stage, "list_clips", listed),
        mock.patch.object(stage, "open_crew", lambda *_: ThreadCrew(FakeJob(faces), -1, 2)),
        mock.patch.object(stage, "model_files", lambda model: ()),
        mock.patch.object(os, "fsync", lambda descriptor: None),
        mock.patch.object(files, "sha256", summed),
    ):
        begun = time.monotonic()
        stage.detect(stage.DetectSettings(output=f"{out}/det", gpu=-1))
        seconds = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"clips": clips, "faces": faces, "mb": peak, "seconds": seconds}))


def memory() -> None:
    print("| clips | faces a clip | peak, MB | s | clips/s |\n| ---: | ---: | ---: | ---: | ---: |")
    found = {}
    for clips, faces in ((1_000, 10), (10_000, 10), (100_000, 10), (60_000, 1), (600_000, 1)):
        done = subprocess.run(
            [sys.executable, __file__, "--drive", f"{clips},{faces}"],
            check=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        result = json.loads(done.stdout.splitlines()[-1])
        found[clips, faces] = result["mb"]
        rate = clips / result["seconds"]
        print(f"| {clips:,} | {faces} | {result['mb']:.0f} | {result['seconds']:.0f} | {rate:,.0f} |", flush=True)
    growth = (found[600_000, 1] - found[60_000, 1]) * (1 << 20) / 540_000
    print(f"growth: {growth:.0f} bytes a clip")


def main() -> None:
    parser = Parser(__doc__.partition("\n")[0], "python benchmarks/cluster.py --dataset DIR --parts speed,loss")
    for flag in ("--dataset", "--detector", "--model", "--drive"):
        parser.add_argument(flag)
    parser.add_argument("--stage", default="test")
    parser.add_argument("--parts", type=paths, default=("speed", "loss", "memory"))
    parser.add_argument("--rounds", type=positive, default=2)
    args = parser.parse_args()
    if args.drive:
        drive(*map(int, args.drive.split(",")))
        return
    settings = {"dataset": args.dataset, "detector": args.detector, "model": args.model, "stage": args.stage}
    common = ["--dataset", args.dataset, "--detector", args.detector, "--model", args.model, "--stage", args.stage]
    with tempfile.TemporaryDirectory() as folder:
        if "speed" in args.parts:
            speed(common, Path(folder), args.rounds)
        if "loss" in args.parts:
            loss(settings, Path(folder), args.rounds)
    if "memory" in args.parts:
        memory()


if __name__ == "__main__":
    run_script(main)
