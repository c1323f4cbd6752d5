"""What runs on the nodes of a Ray cluster."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from ..errors import InputError
from .jobs import Job, about
from .pipeline import limit_cores
from .worker import attempt


def enter(folder: str) -> None:
    """Change to the driver's directory, so that relative paths mean the same.

    Raises
    ------
    InputError
        If this node has no such folder.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"--ray: node {socket.gethostname()}: {folder}: {error.strerror}; checkout, models and data set must be "
            f"at the same paths on every node"
        ) from None


def is_node_lost(error: RayError) -> bool:
    """Whether Ray reports that the machine was lost, not the process on it."""
    text = str(error)
    return "node has died" in text or "node was" in text or "node died" in text


class WorkerActor:
    """Builds a step and works on units, several at a time."""

    def build(self, folder: str, job: Job, gpu: int, cpus: int, source: Any) -> tuple[str, Any]:
        """FAILED and an error, or else the node that this is and what the step says of itself."""
        limit_cores(cpus)

        def make(_: Any) -> tuple[str, Any]:
            enter(folder)
            self._step = job.build(gpu, source)
            return str(ray.get_runtime_context().get_node_id()), about(self._step)

        return attempt(make, None)

    def work(self, items: Sequence[Any]) -> tuple[str, Any]:
        """See `rcnn.workers.worker.attempt`."""
        return attempt(self._step, items)
