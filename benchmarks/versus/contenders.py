"""The contenders, in groups with the same networks, and how each is run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rcnn.errors import InputError

OURS, INT8 = "ours", "ours, int8"
MXNET_PARTS = 3  # MXNet's group gets one part of this many of the clips, because MXNet is slow


@dataclass(frozen=True)
class Group:
    """Contenders with the same two networks.

    detector, embedding : files, or `PREFIX,EPOCH`
    nms : NMS overlap, for loops that do not know it
    parts : the group gets one part of this many of the clips
    """

    name: str
    detector: str
    embedding: str
    nms: float = 0.4
    parts: int = 1


@dataclass(frozen=True)
class Contender:
    """A contender of a group.

    name : for `--only`, and in the table
    loop : file in loops/; empty for our stages
    environment : folder with its Python; empty for this one
    int8 : whether our stages run with --precision int8
    enlarge : whether a loop enlarges frames to our detector's input size
    answers : whether it also ranks; loops always do, because it takes them almost no time
    """

    name: str
    group: str
    loop: str = ""
    environment: str = ""
    int8: bool = False
    enlarge: bool = False
    answers: bool = False


CONTENDERS = (
    Contender(OURS, "scrfd", answers=True),
    Contender(INT8, "scrfd", int8=True),
    Contender("insightface", "scrfd", "insightface_loop.py", ".venv-insightface"),
    Contender("uniface", "scrfd", "uniface_loop.py", ".venv-peers-uniface"),
    Contender("onnxruntime", "scrfd", "onnx_loop.py", ".venv-peers-onnx"),
    Contender("onnxruntime, enlarged", "scrfd", "onnx_loop.py", ".venv-peers-onnx", enlarge=True),
    Contender("ours, YuNet", "yunet"),
    Contender("opencv", "yunet", "yunet_loop.py", ".venv-peers-opencv"),
    Contender("deepface", "yunet", "deepface_loop.py", ".venv-peers-deepface"),
    Contender("ours, RetinaFace", "retinaface"),
    Contender("mxnet", "retinaface", "mxnet_loop.py", ".venv-mxnet"),
)


def groups(shared: Path) -> Mapping[str, Group]:
    """The groups, with networks from ../shared."""
    from rcnn.config import config

    models, checkpoints = shared / "models", shared / "checkpoints"
    embedding = str(models / "mobilefacenet.onnx")
    found = (
        Group("scrfd", str(models / "scrfd_2.5g_bnkps.onnx"), embedding),
        Group("yunet", str(models / "face_detection_yunet_2026may.onnx"), embedding),
        Group(
            "retinaface",
            f"{checkpoints / 'retinaface-mnet25' / 'mnet.25'},0",
            f"{checkpoints / 'mobilefacenet-y1' / 'model'},0",
            config.ESSH.NMS_RETINAFACE,
            MXNET_PARTS,
        ),
    )
    return {group.name: group for group in found}


def chosen(names: list[str]) -> list[Contender]:
    """The contenders with these names, plus ours first in each group; all if no names are given.

    Raises
    ------
    InputError
        If there is no such contender.
    """
    known = {each.name: each for each in CONTENDERS}
    for name in names:
        if name not in known:
            raise InputError(f"--only {name}: is not a contender; there are {'; '.join(known)}")
    wanted = {known[name].group for name in names}
    firsts = {each.group: each for each in reversed(CONTENDERS)}
    return [each for each in CONTENDERS if not names or each.name in names
            or (each.group in wanted and each is firsts[each.group])]  # fmt: skip


def python_of(contender: Contender, environments: Path) -> str | None:
    """The Python of a contender, absolute; None if there is none."""
    path = environments / contender.environment / "bin/python"
    return os.path.abspath(path) if path.exists() else None
