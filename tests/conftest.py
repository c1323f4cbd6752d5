"""Fixtures that more than one test module uses."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from reference_models import CHECKPOINTS, SHARED

# a busy machine is slow, which is no fault of what is tested
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")
# of benchmarks/mutation.py, which wants to know that a test fails and not by which smallest example
settings.register_profile("mutation", database=None, phases=(Phase.explicit, Phase.generate))


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
