"""The workers of a run."""

from __future__ import annotations

from dataclasses import dataclass

Gpu = int | tuple[int, ...] | None


@dataclass(frozen=True)
class Plan:
    """The values of `--gpu`, `--workers`, `--ray` and `--decoders`.

    gpu : number of a CUDA device, -1 for the CPU, None for the first device if there is one; several numbers for a
        worker on each
    workers : processes or actors; None for threads of this process, one a device of `gpu`, or what fits a Ray cluster
    ray : `auto`, `local` or the address of a Ray cluster; None without Ray
    decoders : Ray actors that decode clips for the others; 0 where each worker decodes its own
    """

    gpu: Gpu = None
    workers: int | None = None
    ray: str | None = None
    decoders: int = 0

    @property
    def in_process(self) -> bool:
        """Whether threads of this process do the work."""
        return self.workers is None and self.ray is None and not isinstance(self.gpu, tuple)

    @property
    def devices(self) -> list[int | None]:
        """The device of each worker process, dealt round-robin."""
        listed = list(self.gpu) if isinstance(self.gpu, tuple) else [self.gpu]
        return [listed[index % len(listed)] for index in range(self.workers or len(listed))]
