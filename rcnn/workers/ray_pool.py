"""Workers that are actors of a Ray cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ..errors import InputError
from ..installation import how_to_install
from .jobs import Answer, Death, DecodingJob, Event, Job, Ready
from .ledger import Unit
from .pipeline import cores
from .plan import Plan
from .process import ROOT
from .processes import START_DEATHS
from .ray_decoders import LIFE, PATIENCE, REMIND, DecoderWatch
from .signals import SIGNALS
from .worker import FAILED

LOCAL = "local"
STORE_BYTES = 1 << 30  # of a local Ray's object store
WAIT_SECONDS = 1.0  # to wait for an event
TEND_SECONDS = 2.0  # between checks of the nodes
DECODER = "decoder"  # resource of nodes that decode, where a cluster has such: ray start --resources '{"decoder": 16}'


@dataclass(frozen=True)
class Share:
    """A worker's share of the cluster."""

    cpus: int
    gpus: int
    threads: int


@dataclass
class _Actor:
    number: int
    handle: Any
    building: Any
    node: str = ""
    pending: dict[Any, int] = field(default_factory=dict)  # unit by the reference to its results


def cpus_each(nodes: Sequence[float], workers: int, spare: int = 0) -> int:
    """The most CPUs, at least 1, that each of `workers` can have on nodes with so many, with `spare` left over."""
    fits = [
        cpus
        for cpus in range(1, int(max(nodes, default=1)) + 1)
        if sum(int(node // cpus) for node in nodes) >= workers and workers * cpus + spare <= sum(nodes)
    ]
    return max(fits, default=1)


class RayPool:
    """See `rcnn.workers.crew.Pool`.

    Parameters
    ----------
    threads : at most, of each worker; None for as many as it has CPUs

    Raises
    ------
    InputError
        If Ray is not installed.
    """

    def __init__(self, job: Job, plan: Plan, threads: int | None) -> None:
        try:
            import ray
        except ImportError:
            raise InputError(f"--ray needs Ray, which is not installed; {how_to_install('ray')}") from None
        self._ray: Any = ray
        self._job, self._plan, self._most_threads = job, plan, threads
        self._actors: dict[int, _Actor] = {}
        self._decoders: list[Any] = []
        self._started = self._start_deaths = 0
        self._ours = False  # whether we joined the cluster, and so must leave it
        self._tended = 0.0
        self._idle_since = time.monotonic()
        self._patience = PATIENCE
        own = (sys.prefix, sys.base_prefix)
        path = [ROOT, *(os.path.abspath(entry) for entry in sys.path if not entry.startswith(own))]
        self._environment = {"env_vars": {"PYTHONPATH": os.pathsep.join(dict.fromkeys(path))}}

    @property
    def nodes(self) -> list[dict[str, float]]:
        """Resources of the living nodes."""
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def start(self) -> None:
        if not self._ray.is_initialized():
            self._join()
        nodes = self.nodes
        self._uses_gpu = self._plan.gpu is None and any(node.get("GPU") for node in nodes)
        self._share = self._shared(nodes)
        special = any(node.get(DECODER) for node in nodes)
        options = {"num_cpus": 0, "resources": {DECODER: 1}} if special else {"num_cpus": 1}
        if self._plan.decoders:
            actor, self._source = cast(DecodingJob, self._job).decoders()
            remote = self._ray.remote(concurrency_groups={LIFE: 1})(actor).options(
                max_restarts=-1, scheduling_strategy="SPREAD", runtime_env=self._environment, **options
            )
            self._decoders = [remote.remote(os.getcwd()) for _ in range(self._plan.decoders)]
        address = self._ray.get_runtime_context().gcs_address
        needs, start = (f"resource {DECODER}", """ --resources='{"decoder": 16}'""") if special else ("a free CPU", "")
        self._decoder_watch = DecoderWatch(self._ray, self._decoders, f"{needs} (ray start --address={address}{start})")
        self._tend()

    def _join(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # otherwise it sends usage reports
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        options: dict[str, Any] = {"address": self._plan.ray, "log_to_driver": False, "logging_level": "ERROR"}
        if self._plan.ray == LOCAL:
            wanted = (self._plan.workers or 0) + self._plan.decoders
            options.update(
                num_cpus=max(cores(), wanted, self._plan.decoders + 1),
                include_dashboard=False,
                object_store_memory=STORE_BYTES,
            )
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        try:
            self._ray.init(**options)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise InputError(
                f"--ray {self._plan.ray}: {reason}; start Ray on this machine (ray start --head, or --address=...), "
                f"or give --ray local"
            ) from None
        finally:
            with contextlib.suppress(ValueError):  # not in the main thread
                for number, handler in handlers.items():
                    signal.signal(number, handler)  # Ray has put its own there
        self._ours = True

    def _shared(self, nodes: Sequence[dict[str, float]]) -> Share:
        decoders = self._plan.decoders
        if self._uses_gpu:
            beside = [node.get("CPU", 0) // node["GPU"] for node in nodes if node.get("GPU")]
            cpus = 1 if decoders else max(1, int(min(beside)))
        elif self._plan.workers is None:
            cpus = 1
        else:
            cpus = cpus_each([node.get("CPU", 0) for node in nodes], self._plan.workers, decoders)
        threads = cpus + 1 if decoders else cpus  # one waits for frames meanwhile
        return Share(cpus, int(self._uses_gpu), min(threads, self._most_threads or threads))

    def _wanted(self) -> int:
        if self._plan.workers is not None:
            return self._plan.workers
        nodes = self.nodes
        if self._uses_gpu:
            return max(1, int(sum(node.get("GPU", 0) for node in nodes)))
        special = any(node.get(DECODER) for node in nodes)
        return max(1, int(sum(node.get("CPU", 0) for node in nodes)) - (0 if special else self._plan.decoders))

    def _tend(self) -> None:
        """As many workers as the cluster has room for: more when nodes join."""
        self._tended = time.monotonic()
        wanted = self._wanted()
        for actor in [actor for actor in self._actors.values() if not actor.node][::-1]:
            if len(self._actors) > wanted:  # waits for room that has gone
                self._ray.kill(self._actors.pop(actor.number).handle)
        while len(self._actors) < wanted:
            self._spawn()

    def _spawn(self) -> None:
        from .ray_actors import WorkerActor

        handle = (
            self._ray.remote(WorkerActor)
            .options(
                num_cpus=self._share.cpus,
                num_gpus=self._share.gpus,
                max_concurrency=self._share.threads,
                max_restarts=0,  # what it had in hand is for us to count
                scheduling_strategy="SPREAD",
                runtime_env=self._environment,
            )
            .remote()
        )
        source = self._source(self._decoders, self._started % len(self._decoders)) if self._decoders else None
        gpu = 0 if self._uses_gpu else -1
        building = handle.build.remote(os.getcwd(), self._job, gpu, self._share.cpus, source)
        self._started += 1
        self._actors[self._started] = _Actor(self._started, handle, building)

    def send(self, worker: int, unit: Unit) -> None:
        actor = self._actors[worker]
        actor.pending[actor.handle.work.remote(unit.items)] = unit.number

    def wait(self) -> list[Event]:
        if time.monotonic() - self._tended > TEND_SECONDS:
            self._tend()
        owners = {ref: actor for actor in self._actors.values() for ref in (*actor.pending, actor.building)}
        owners = {ref: actor for ref, actor in owners.items() if ref is not actor.building or not actor.node}
        there, rest = self._ray.wait(list(owners), num_returns=1, timeout=WAIT_SECONDS)
        if rest:
            there += self._ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        events = [event for ref in there for event in self._heard(owners[ref], ref)]
        self._watch()
        return events

    def _heard(self, actor: _Actor, ref: Any) -> list[Event]:
        if actor.number not in self._actors:
            return []  # its death was just reported
        try:
            kind, value = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            return [self._lose(actor, error)]
        if ref in actor.pending:
            unit = actor.pending.pop(ref)
            failed = kind == FAILED
            return [Answer(actor.number, unit, None if failed else value, value if failed else None)]
        if kind == FAILED:
            raise value
        (actor.node, about), self._start_deaths = value, 0
        return [Ready(actor.number, self._share.threads, about)]

    def _lose(self, actor: _Actor, error: Any) -> Death:
        from .ray_actors import is_node_lost

        text = str(error)
        alive = {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}
        lost_node = is_node_lost(error) or (actor.node != "" and actor.node not in alive)
        lost_results = isinstance(error, self._ray.exceptions.ObjectLostError)
        del self._actors[actor.number]
        with contextlib.suppress(Exception):
            self._ray.kill(actor.handle)  # Ray may only have lost sight of it
        if "ModuleNotFoundError" in text or "ImportError" in text:
            raise InputError(
                f"--ray {self._plan.ray}: a node can't import rcnn or what it needs; the checkout must be at {ROOT} "
                f"and make EXTRAS=ray must have run there, or rcnn be installed in the Python that Ray runs with"
            )
        if not actor.node and not lost_node:
            self._start_deaths += 1
            if self._start_deaths >= START_DEATHS:
                reason = (text.strip().splitlines() or [""])[0][:200]
                raise InputError(f"--ray: a worker died {START_DEATHS} times before it could start: {reason}")
        self._tended = 0.0
        if lost_node:
            return Death(actor.number, "its node was lost", blame=False)
        if lost_results:
            return Death(actor.number, "its results were lost", blame=False)
        memory = isinstance(error, self._ray.exceptions.OutOfMemoryError) or "out of memory" in text.lower()
        return Death(actor.number, "out of memory" if memory else "the actor died", blame=True)

    def _watch(self) -> None:
        self._decoder_watch.look()
        now = time.monotonic()
        if any(actor.node for actor in self._actors.values()):
            self._idle_since, self._patience = now, PATIENCE
        elif now - self._idle_since > self._patience:
            self._patience = now - self._idle_since + REMIND
            gpu = " and a GPU" if self._uses_gpu else ""
            print(
                f"--ray {self._plan.ray}: waiting for a node with {self._share.cpus} free CPUs{gpu}",
                file=sys.stderr,
                flush=True,
            )

    def close(self) -> None:
        if self._ours:
            self._ray.shutdown()
        else:
            for handle in [*(actor.handle for actor in self._actors.values()), *self._decoders]:
                with contextlib.suppress(Exception):
                    self._ray.kill(handle)
        self._actors.clear()
        self._decoders.clear()
