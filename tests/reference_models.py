"""Where the reference data lies, beside the repository."""

from pathlib import Path

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
CHECKPOINTS = {
    "retinaface": "retinaface-mnet25/mnet.25",
    "mobilefacenet": "mobilefacenet-y1/model",
    "essh-vgg16": "narrow/essh-vgg16-narrow",
    "essh-resnet50": "narrow/essh-resnet50-narrow",
    "iresnet50": "narrow/iresnet50-e-narrow",
    "iresnet100": "narrow/iresnet100-e-narrow",
}
