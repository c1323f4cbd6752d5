"""A run, and a desk of it, which the tests of the desk share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from desk_cast import Run, write_run

from benchmarks.made_desk import Running, running


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="session")
def desk(run: Run) -> Iterator[Running]:
    """A desk as a user starts it."""
    with running(run.found) as found:
        yield found


@pytest.fixture(scope="session")
def second(run: Run, desk: Running) -> Iterator[Running]:
    """Another desk of the same run, beside the first."""
    with running(run.found) as found:
        yield found
