"""Models of the tests: those that ship, and the reference data, which lie in ../shared or where RCNN_SHARED says."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWN = {name: f"{ROOT / 'model' / name},0" for name in ("essh-m25", "face-m")}
SHIPPED = {"model": OWN["face-m"], "detector": OWN["essh-m25"]}  # as the settings of a stage name them

_FOLDER = os.environ.get("RCNN_SHARED", str(ROOT.parent / "shared"))  # empty: as if there were none
SHARED = Path(_FOLDER) if _FOLDER and Path(_FOLDER).is_dir() else None
CHECKPOINTS = {
    "retinaface": "retinaface-mnet25/mnet.25",
    "mobilefacenet": "mobilefacenet-y1/model",
    "essh-vgg16": "narrow/essh-vgg16-narrow",
    "essh-resnet50": "narrow/essh-resnet50-narrow",
    "iresnet50": "narrow/iresnet50-e-narrow",
    "iresnet100": "narrow/iresnet100-e-narrow",
}
