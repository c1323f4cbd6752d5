"""Cost of processing iQIYI-VID, ten times and a thousand times its size: the tables of docs/scale.md.

    python benchmarks/scale.py

There are three kinds of numbers, each labelled. A laptop's rates are measured (docs/performance.md). Those of a GPU
were never measured; they are derived from its published peak rate and an assumed efficiency. Prices are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

# measured on 2 cores (docs/performance.md, docs/cluster.md, docs/storage.md)
DETECT_FRAMES = 111.0  # sampled frames per second, including decoding and the quality model (MobileFaceNet)
DETECT_GFLOP = 2.05  # RetinaFace mnet.25 at 888x480
R50_GFLOP, R100_GFLOP = 12.6, 24.2  # per crop
R50_CROPS, R100_CROPS = 38.0, 20.1  # crops per second
DECODE_SECONDS = 0.0056  # of one core for a sampled frame and two skipped ones, 1280x720; 0.0021 at 640x360
FACE_BYTES = 4040  # per row of the faces table, mostly the JPEG
DRIVER_BYTES_A_CLIP = 395  # memory growth of the driver
TRAIN_SECONDS = 64.0  # per epoch of 392,537 clips
PREDICT_CLIPS, SUBMIT_CLIPS, GENFEAT_CLIPS = 172_835 / 21, 172_835 / 23, 392_537 / 6.8  # per second, one process
REQUESTS_A_CLIP = 2
CORES = 2

# of the data set (shared/SPEC.md), unless noted
CLIPS, TEST_CLIPS, CLASSES = 565_372, 172_835, 4_935
CLIP_SECONDS = 6.4  # "more than 1,000 hours", as announced by iQIYI, divided by the clips
RATE, SAMPLING = 25, 3  # frames per second; every third is sampled
FACES_A_FRAME = 0.9  # assumed, of --faces central; --faces all keeps about 1.5 of crowded video
CLIP_BYTES = 600_000  # assumed: 1 Mbit/s
FEATURE_WIDTH = 512

# derived: an H100's dense fp16 rate from its data sheet, and the assumed share of it that such networks reach
H100_TFLOPS, EFFICIENCY = 989.0, 0.15

# assumed prices, in dollars
GPU_HOUR, CORE_HOUR, TB_MONTH, MILLION_REQUESTS = 2.5, 0.04, 23.0, 0.4

DAY = 86_400
EPOCHS = 40


@dataclass(frozen=True)
class Plan:
    """Cost for a data set of `times` iQIYI-VID's size, with r50 for quality and r100 for features."""

    times: int

    @property
    def clips(self) -> float:
        return CLIPS * self.times

    @property
    def frames(self) -> float:
        """Sampled frames."""
        return self.clips * CLIP_SECONDS * RATE / SAMPLING

    @property
    def faces(self) -> float:
        return self.frames * FACES_A_FRAME

    @property
    def flop(self) -> float:
        return 1e9 * (self.frames * DETECT_GFLOP + self.faces * (R50_GFLOP + R100_GFLOP))

    @property
    def laptop_days(self) -> float:
        """Days for detection, quality and features on CORES cores."""
        seconds = self.frames / DETECT_FRAMES + self.faces * (1 / R50_CROPS + 1 / R100_CROPS)
        return seconds / DAY

    @property
    def gpu_hours(self) -> float:
        return self.flop / (H100_TFLOPS * 1e12 * EFFICIENCY) / 3600

    @property
    def core_hours(self) -> float:
        """Core hours of decoding."""
        return self.frames * DECODE_SECONDS / 3600

    @property
    def cores_a_gpu(self) -> float:
        """Cores that decode as fast as one GPU processes frames."""
        return self.core_hours / self.gpu_hours

    @property
    def clip_bytes(self) -> float:
        return self.clips * CLIP_BYTES

    def stage_bytes(self) -> dict[str, float]:
        test = TEST_CLIPS * self.times
        return {
            "clips, read once": self.clip_bytes,
            "detect: faces": self.faces * FACE_BYTES,
            "feature: vectors": self.clips * FEATURE_WIDTH * 4,
            "predict: scores of all classes": test * CLASSES * 4,
            "the same, 200 best classes": test * 200 * 8,
        }

    def one_process_hours(self) -> dict[str, float]:
        train, test = 392_537 * self.times, TEST_CLIPS * self.times
        return {
            "genfeat": train / GENFEAT_CLIPS / 3600,
            f"train_mlp, {EPOCHS} epochs": TRAIN_SECONDS * EPOCHS * self.times / 3600,
            "predict": test / PREDICT_CLIPS / 3600,
            "submit": test / SUBMIT_CLIPS / 3600,
        }

    @property
    def dollars(self) -> dict[str, float]:
        stored = sum(size for name, size in self.stage_bytes().items() if name != "predict: scores of all classes")
        return {
            "GPUs": self.gpu_hours * GPU_HOUR,
            "decoding cores": self.core_hours * CORE_HOUR,
            "storage, a month": stored / 1e12 * TB_MONTH,
            "requests": self.clips * REQUESTS_A_CLIP / 1e6 * MILLION_REQUESTS,
        }


def size(value: float) -> str:
    """Format a number of bytes."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} PB"


def table(plans: list[Plan]) -> list[tuple[str, list[str]]]:
    """Name and cells of each row."""
    lines: list[tuple[str, list[str]]] = [
        ("clips", [f"{plan.clips:.3g}" for plan in plans]),
        ("frames looked at", [f"{plan.frames:.3g}" for plan in plans]),
        ("faces", [f"{plan.faces:.3g}" for plan in plans]),
        ("arithmetic, FLOP", [f"{plan.flop:.2g}" for plan in plans]),
        ("2 cores, days (measured rates)", [f"{plan.laptop_days:,.0f}" for plan in plans]),
        ("H100 hours (derived)", [f"{plan.gpu_hours:,.1f}" for plan in plans]),
        ("core hours of decoding (measured)", [f"{plan.core_hours:,.0f}" for plan in plans]),
        ("cores that keep one H100 fed", [f"{plan.cores_a_gpu:,.0f}" for plan in plans]),
        ("driver's memory", [size(339e6 + DRIVER_BYTES_A_CLIP * plan.clips) for plan in plans]),
    ]
    for name in plans[0].stage_bytes():
        lines.append((name, [size(plan.stage_bytes()[name]) for plan in plans]))
    for name in plans[0].one_process_hours():
        lines.append((f"{name}, hours of one process", [f"{plan.one_process_hours()[name]:,.2f}" for plan in plans]))
    for name in plans[0].dollars:
        lines.append((f"{name}, dollars (assumed prices)", [f"{plan.dollars[name]:,.0f}" for plan in plans]))
    return lines


def main() -> None:
    plans = [Plan(times) for times in (1, 10, 1000)]
    print("| |", " | ".join(f"{plan.times:,} times" for plan in plans), "|")
    print("| --- |", " | ".join(["---:"] * len(plans)), "|")
    for name, cells in table(plans):
        print(f"| {name} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
