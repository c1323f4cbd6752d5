"""Packs of models as InsightFace keeps them: folders of ONNX files, each known by what it is and not by its name."""

from __future__ import annotations

import tomllib
import warnings
from pathlib import Path

from ..errors import ArgumentError, InputError
from ..faces.card import INSIGHTFACE, parse_card
from ..faces.embedding import Embedder
from ..networks.engine import CPU
from .analysed import DETECTION, RECOGNITION
from .models import detector_of, embedder_of

PACK_CARD = parse_card(tomllib.loads(INSIGHTFACE), "InsightFace's packs")


def find_pack(name: str, root: str) -> dict[str, str]:
    """The models of a pack by task; none if it does not exist."""
    direct = Path(name).expanduser()
    folder = direct if direct.is_dir() else Path(root).expanduser() / "models" / name
    files = sorted(folder.glob("*.onnx"))
    if not files:
        warnings.warn(
            f"{name}: is not in {folder.parent}, so the default models are used, whose embeddings can't be compared "
            "with the pack's; detector= and embedding= name others",
            stacklevel=4,
        )
        return {}
    found: dict[str, str] = {}
    for file in files:
        task = _task(str(file))
        if task is not None:
            found.setdefault(task, str(file.absolute()))
    if DETECTION not in found:
        raise ArgumentError(f"name {folder}: has no detector with landmarks; give a folder with one")
    return found


def _task(path: str) -> str | None:
    """What a model of a pack is for; None for one that finds no faces and embeds none."""
    try:
        detector_of(path, CPU)
        return DETECTION
    except InputError:
        pass
    try:
        pack_embedder(path, CPU)
        return RECOGNITION
    except InputError:
        return None


def pack_embedder(path: str, device: int) -> Embedder:
    """An embedding of a pack; what is not known of its images is as InsightFace has it."""
    return embedder_of(path, device, PACK_CARD if path.lower().endswith(".onnx") else None)
