"""Fixtures that more than one test module uses."""

from pathlib import Path

import pytest
from hypothesis import settings
from reference_models import CHECKPOINTS, SHARED
from zoo import Zoo

settings.register_profile("ours", deadline=None)  # a machine may be busy
settings.load_profile("ours")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("../shared, the reference data, is not here")
    return SHARED


@pytest.fixture(scope="session")
def zoo(tmp_path_factory) -> Zoo:
    """Every kind of video file, each made when it is asked for."""
    return Zoo(tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="session")
def checkpoints(shared: Path) -> dict[str, str]:
    """The six reference checkpoints by a short name, as PREFIX,EPOCH."""
    return {name: f"{shared / 'checkpoints' / path},0" for name, path in CHECKPOINTS.items()}
