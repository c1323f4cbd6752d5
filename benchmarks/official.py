"""Synthetic features in the format and size of iQIYI-VID-2019: writes the pickles, runs the stages, prints a table.

    python benchmarks/official.py --output ./output/official --share 0.1

The features are random: every person is a random direction, every clip is near its person's direction, every face near
its clip's. So the score shows that the stages work together, not how well they rank people.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.commands.arguments import Parser, number, positive, whole
from rcnn.errors import InputError, run_script

ROOT = Path(__file__).resolve().parents[1]
PEOPLE, WIDTH, FACES = 10_034, 512, 15
CLIPS = {"train": 99_000, "val": 33_000, "test": 67_000}
NOBODY = 0.1  # share of the clips of val and test that show nobody known
FACELESS = 0.03  # share of the clips in which no face was found
CLIP_NOISE, FACE_NOISE = 0.9, 0.7  # norm of the noise of a clip and of a face, relative to a unit direction
BATCH = 1000  # items per batch of Python's picklers
STAGES = ("train", "val", "test")
LAST_SHORT = 255


@dataclass(frozen=True)
class Face:
    """frame, x1 y1 x2 y2, score, quality, vector."""

    frame: int
    box: tuple[int, int, int, int]
    score: float
    quality: float
    vector: np.ndarray


class Writer:
    """Writes the pickle of a dict of clips, byte for byte like Python's picklers, with only one clip in memory.

    Protocol 2 as Python 2 writes it, 4 as Python 3 does.
    """

    def __init__(self, file: IO[bytes], protocol: int) -> None:
        self.file, self.protocol = file, protocol
        self._put = 0 if protocol >= 4 else 1  # Python 2 counts from 1
        self._known: dict[object, int] = {}
        self._out = bytearray()
        self._add(bytes((0x80, protocol)))
        self._add(b"}" + self._memo())
        self._items = 0

    def _add(self, data: bytes) -> None:
        self._out += data

    def _memo(self, what: object = None) -> bytes:
        number = self._put
        self._put += 1
        if what is not None:
            self._known[what] = number
        if self.protocol >= 4:
            return b"\x94"
        return struct.pack("<cB", b"q", number) if number <= LAST_SHORT else struct.pack("<cI", b"r", number)

    def _get(self, what: object) -> bytes | None:
        number = self._known.get(what)
        if number is None:
            return None
        return struct.pack("<cB", b"h", number) if number <= LAST_SHORT else struct.pack("<cI", b"j", number)

    def _text(self, text: str, known: bool = False) -> bytes:
        code = b"\x8c" if self.protocol >= 4 else b"U"
        return (known and self._get(text)) or code + bytes((len(text),)) + text.encode() + self._memo(
            text if known else None
        )

    def _bytes(self, data: bytes) -> bytes:
        code = b"B" if self.protocol >= 4 else b"T"
        return code + struct.pack("<I", len(data)) + data + self._memo()

    def _name(self, module: str, name: str) -> bytes:
        if (known := self._get((module, name))) is not None:
            return known
        if self.protocol >= 4:
            return self._text(module, True) + self._text(name, True) + b"\x93" + self._memo((module, name))
        return f"c{module}\n{name}\n".encode() + self._memo((module, name))

    def _flag(self) -> bytes:
        """`b`, written as bytes by numpy."""
        if self.protocol < 4:
            return self._text("b", True)
        return self._get(b"b") or b"C\x01b" + self._memo(b"b")

    def _dtype(self, kind: np.dtype) -> bytes:
        if (known := self._get(kind)) is not None:
            return known
        head = self._name("numpy", "dtype") + self._text(kind.str[1:], True)
        flags = b"\x89\x88\x87" if self.protocol >= 4 else b"K\x00K\x01\x87"
        made = head + flags + self._memo() + b"R" + self._memo(kind)
        return (
            made
            + b"(K\x03"
            + self._text("<", True)
            + b"NNN"
            + 2 * b"J\xff\xff\xff\xff"
            + b"K\x00t"
            + self._memo()
            + b"b"
        )

    def _array(self, vector: np.ndarray) -> bytes:
        head = (
            self._name("numpy.core.multiarray", "_reconstruct")
            + self._name("numpy", "ndarray")
            + b"K\x00\x85"
            + self._memo()
        )
        head += self._flag() + b"\x87" + self._memo() + b"R" + self._memo()
        head += b"(K\x01" + struct.pack("<cH", b"M", len(vector)) + b"\x85" + self._memo()
        return head + self._dtype(vector.dtype) + b"\x89" + self._bytes(vector.tobytes()) + b"t" + self._memo() + b"b"

    def add(self, name: str, faces: Sequence[Face]) -> None:
        """Write a clip."""
        if self._items % BATCH == 0:
            self._add(b"u(" if self._items else b"(")
        self._items += 1
        self._add(self._text(name) + b"]" + self._memo())
        several = len(faces) > 1
        self._add(b"(" if several else b"")
        for face in faces:
            self._add(b"]" + self._memo() + b"(" + self._text(str(face.frame)) + b"]" + self._memo() + b"(")
            self._add(b"".join(struct.pack("<cH", b"M", side) for side in face.box) + b"e")
            self._add(struct.pack(">cdcd", b"G", face.score, b"G", face.quality))
            self._add(self._array(face.vector) + b"e")
        self._add(b"e" if several else b"a" if faces else b"")
        self._flush()

    def _flush(self) -> None:
        if self.protocol >= 4 and self._out[:2] != b"\x80\x04":
            self.file.write(struct.pack("<cQ", b"\x95", len(self._out)))
        self.file.write(self._out)
        self._out = bytearray()

    def close(self) -> None:
        """Write the end."""
        self._add(b"u." if self._items else b".")
        self._flush()


def made_up(
    clips: int, part: str, people: int, kind: str, faces: int, seed: int
) -> Iterator[tuple[str, int, list[Face]]]:
    """Name, label (0: nobody known) and faces of each clip, not sorted by name, like a dict of Python 2."""
    rng = np.random.default_rng([seed, STAGES.index(part)])
    centres = np.random.default_rng(seed).standard_normal((people, WIDTH), np.float32) / np.sqrt(WIDTH)
    scale = np.float32(1 / np.sqrt(WIDTH))
    for index in rng.permutation(clips).tolist():
        # every person once, then random people
        label = 1 + (index if index < people else int(rng.integers(people)))
        if part != "train" and rng.random() < NOBODY:
            label = 0
        centre = centres[label - 1] if label else rng.standard_normal(WIDTH, np.float32) * scale
        clip = centre + rng.standard_normal(WIDTH, np.float32) * (scale * CLIP_NOISE)
        count = 0 if rng.random() < FACELESS else 1 + int(rng.poisson(faces - 1))
        noise = rng.standard_normal((count, WIDTH), np.float32) * (scale * FACE_NOISE)
        vectors = (20 * (clip + noise)).astype(kind)
        scores, qualities = rng.uniform(0.7, 1, count), rng.uniform(0, 120, count)
        yield (
            f"IQIYI_VID_{part.upper()}_{index:07d}",
            label,
            [
                Face(8 * place, (400, 300, 500, 420), float(scores[place]), float(qualities[place]), vectors[place])
                for place in range(count)
            ],
        )


def write_pickles(folder: Path, share: float, people: int, protocol: int, kind: str, faces: int, seed: int) -> None:
    """Write `face_PART.pickle` of each part, `train_gt.txt`, `val_gt.txt` and the ground truth of test,
    `test_gt.txt`."""
    for part, all_clips in CLIPS.items():
        truth: dict[int, list[str]] = {}
        with open(folder / f"face_{part}.pickle", "wb") as file:
            writer = Writer(file, protocol)
            for name, label, found in made_up(max(1, round(share * all_clips)), part, people, kind, faces, seed):
                writer.add(name, found)
                truth.setdefault(label, []).append(f"{name}.mp4")
            writer.close()
        truth.pop(0, None)
        if part == "train":
            lines = [f"{name} {label}" for label, names in sorted(truth.items()) for name in names]
        else:
            lines = [f"{label} {' '.join(names)}" for label, names in sorted(truth.items())]
        (folder / f"{part}_gt.txt").write_text("".join(f"{line}\n" for line in lines))


def measured(name: str, command: Sequence[str], log: Path) -> str:
    """Run a command; returns a row of the table: seconds, processor seconds, largest resident set in MB."""
    begun = time.monotonic()
    with open(log, "ab") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise InputError(f"{' '.join(command)}: ended with exit code {child.returncode}; see {log}")
    seconds = time.monotonic() - begun
    return f"{name:<16}{seconds:>10.0f}{used.ru_utime + used.ru_stime:>12.0f}{used.ru_maxrss / 1024:>9.0f}"


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/official.py --output ./output/official --share 0.1")
    add = parser.add_argument
    add("--output", default="./output/official", metavar="DIR", help="folder for pickles and outputs")
    add("--share", default=0.1, type=number, metavar="S", help="share of the challenge's clips")
    add("--people", default=PEOPLE, type=positive, metavar="N", help="known people")
    add("--faces", default=FACES, type=positive, metavar="N", help="mean faces per clip")
    add("--protocol", default=2, type=int, choices=(2, 4), help="pickle protocol")
    add("--dtype", default="float16", choices=("float16", "float32"), help="type of the features")
    add("--seed", default=0, type=whole, metavar="N", help="seed of the features")
    add("--run", default="trainval,test,genfeat,train,predict,submit", metavar="A,B", help="steps to run, or none")
    add("--train", default="", metavar="FLAGS", help="additional flags of train_mlp.py")
    args = parser.parse_args()
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = args.run.split(",")
    pickles = {part: str(folder / f"face_{part}.pickle") for part in CLIPS}
    if not all(map(os.path.exists, pickles.values())):
        write_pickles(folder, args.share, args.people, args.protocol, args.dtype, args.faces, args.seed)
    for path in pickles.values():
        print(f"{path}: {os.path.getsize(path) / 1e9:.2f} GB")
    rcnn = [sys.executable, "-m", "rcnn", "import-features"]
    script = [sys.executable]
    label = ["--dataset", str(folder)]
    learnt = ["--prefix", str(folder / "model"), "--gpu", "-1"]
    runs = {
        "trainval": [*rcnn, pickles["train"], pickles["val"], *label, "--output", str(folder / "feat_trainval")],
        "test": [*rcnn, pickles["test"], "--stage", "test", "--output", str(folder / "feat_test")],
        "genfeat": [
            *script, "genfeat.py", *label, "--inputs", str(folder / "feat_trainval"),
            "--output", str(folder / "trainval"),
        ],
        "train": [*script, "train_mlp.py", "--data", str(folder / "trainval"), *learnt, *args.train.split()],
        "predict": [
            *script, "predict.py", "--inputs", str(folder / "feat_test"), "--output", str(folder / "pred_test"),
            "--model", f"{folder / 'model'},40", "--gpu", "-1",
        ],
        "submit": [
            *script, "submit.py", "--inputs", str(folder / "pred_test"), "--output", str(folder / "submission.txt"),
            "--gt", str(folder / "test_gt.txt"),
        ],
    }  # fmt: skip
    print(f"{'stage':<16}{'seconds':>10}{'processor':>12}{'MB':>9}")
    for name, command in runs.items():
        if name in wanted:
            print(measured(name, command, folder / "log"), flush=True)


if __name__ == "__main__":
    run_script(main)
