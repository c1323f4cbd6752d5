"""Fixtures that more than one test module uses; tests that need the reference data are marked `shared`."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from reference_models import CHECKPOINTS, SHARED, SHIPPED

settings.register_profile("ours", deadline=None)  # a machine may be busy
settings.load_profile("ours")

NEEDED = "RCNN_NEEDS_SHARED"  # set by .ci/run, where missing reference data are a failure


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m shared` runs what needs the reference data, however it comes by them."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data beside the repository."""
    if SHARED is None:
        (pytest.fail if os.environ.get(NEEDED) else pytest.skip)("../shared, the reference data, is not here")
    return SHARED


@pytest.fixture(scope="session")
def checkpoints(shared: Path) -> dict[str, str]:
    """The six reference checkpoints by a short name, as PREFIX,EPOCH."""
    return {name: f"{shared / 'checkpoints' / path},0" for name, path in CHECKPOINTS.items()}


@pytest.fixture(scope="session")
def models() -> dict[str, str]:
    """The embedding and the detector that ship, as `DetectSettings` takes them."""
    return dict(SHIPPED)
