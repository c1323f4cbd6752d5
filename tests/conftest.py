"""Fixtures that more than one test module uses."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
CHECKPOINTS = {
    "retinaface": "retinaface-mnet25/mnet.25",
    "mobilefacenet": "mobilefacenet-y1/model",
    "essh-vgg16": "narrow/essh-vgg16-narrow",
    "essh-resnet50": "narrow/essh-resnet50-narrow",
    "iresnet50": "narrow/iresnet50-e-narrow",
    "iresnet100": "narrow/iresnet100-e-narrow",
}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("../shared, the reference data, is not here")
    return SHARED


@pytest.fixture(scope="session")
def checkpoints(shared: Path) -> dict[str, str]:
    """The six reference checkpoints by a short name, as PREFIX,EPOCH."""
    return {name: f"{shared / 'checkpoints' / path},0" for name, path in CHECKPOINTS.items()}
