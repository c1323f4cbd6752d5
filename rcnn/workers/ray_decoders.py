"""The driver's view of the decoders of a run on a Ray cluster: whether any is available, and a line if none is."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from .awake import AwakeClock

LIFE = "life"  # concurrency group of an actor that answers while the actor works
PATIENCE, REMIND = 20.0, 60.0  # seconds without a decoder until a line says so, and until the next
GIVEN_UP = 1800.0  # seconds without any decoder, after which a run ends


def ask(actor: Any) -> Any:
    """Reference to the answer of a decoder, which comes once the decoder runs."""
    return actor.node.options(concurrency_group=LIFE).remote()


class DecoderWatch:
    """Polls all decoders.

    Parameters
    ----------
    ray : the module
    actors : decoders; none for nothing to watch
    node : what a node needs to take a decoder, and how to start one
    """

    def __init__(self, ray: Any, actors: Sequence[Any], node: str) -> None:
        self._ray, self._node = ray, node
        self._asked = {actor: ask(actor) for actor in actors}
        self._clock = AwakeClock()
        self._answered = 0.0  # when one did
        self._patience = PATIENCE

    def look(self) -> None:
        """Print a line if no decoder is available.

        Raises
        ------
        InputError
            After `GIVEN_UP` seconds of that.
        """
        now = self._clock.read()
        for actor, asked in list(self._asked.items()):
            if not self._ray.wait([asked], timeout=0)[0]:
                continue
            try:
                self._ray.get(asked)
                self._answered, self._patience = now, PATIENCE
            except self._ray.exceptions.RayError:  # it is gone, and Ray starts it again where it can
                pass
            self._asked[actor] = ask(actor)
        quiet = now - self._answered
        if not self._asked or quiet <= self._patience:
            return
        if quiet > GIVEN_UP:
            raise InputError(
                f"--decoders: no decoder was available for {GIVEN_UP:.0f} s; start a node with {self._node}, or give "
                f"--decoders 0, and resume with: {shlex.join(sys.argv)}"
            )
        self._patience = quiet + REMIND
        print(
            f"--decoders: no decoder has been available for {quiet:.0f} s; waiting for a node with {self._node}, and "
            "ending "
            f"after {GIVEN_UP:.0f} s; --decoders 0 needs none",
            file=sys.stderr,
            flush=True,
        )
