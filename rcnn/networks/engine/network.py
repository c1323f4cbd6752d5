"""The engine-independent interface of a network on a device, and the choice of device and precision."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ...errors import InputError
from ...installation import how_to_install
from ..precision import FP16, INT8

CPU = -1
ENGINES = ("openvino", "torch")


class Network(Protocol):
    """A network that is ready to run. Several threads may call it at the same time.

    output_names : names of the returned arrays, in order
    """

    output_names: tuple[str, ...]

    def __call__(self, data: np.ndarray) -> list[np.ndarray]:
        """Run one batch.

        Parameters
        ----------
        data : float32 or uint8; (N, ...) as the graph requires, or, for a network created with `images`,
            (N, H, W, 3) uint8, BGR.

        Returns
        -------
        float32 arrays, one per output.

        Raises
        ------
        InputError
            If the graph does not accept an array of this shape.
        """
        ...


def hurry_single_images(network: Network) -> None:
    """Let calls with one image use all cores, if the engine can; calls with several use one core per image."""
    if hasattr(network, "alone"):
        network.alone = True


def choose_device(gpu: int | None) -> int:
    """The CUDA device selected by `--gpu`, or `CPU`.

    Parameters
    ----------
    gpu : number of a device, -1 for the CPU, None for the first device if there is one and else the CPU.

    Raises
    ------
    InputError
        If a device given by number does not exist.
    """
    if gpu is not None and gpu < 0:
        return CPU
    count = _device_count(gpu)
    if gpu is None:
        return 0 if count else CPU
    if gpu >= count:
        there = f"only {count} are" if count else "none is"
        raise InputError(f"--gpu {gpu}: there is no CUDA device {gpu} ({there} here); use --gpu -1 for the CPU")
    return gpu


def _device_count(gpu: int | tuple[int, ...] | None) -> int:
    """Number of CUDA devices; 0 without PyTorch, unless `gpu` requires a device."""
    try:
        import torch  # takes a second to load, unnecessary on the CPU
    except ModuleNotFoundError:
        if gpu is None:
            return 0
        given = ",".join(map(str, gpu)) if isinstance(gpu, tuple) else gpu
        raise InputError(
            f"--gpu {given}: needs PyTorch, which is not installed; {how_to_install('gpu')}, or give --gpu -1 for the "
            "CPU"
        ) from None
    return torch.cuda.device_count()


def check_devices(gpu: int | tuple[int, ...] | None) -> None:
    """Check that all CUDA devices of `--gpu` exist.

    Raises
    ------
    InputError
        If one does not; the message names all given ones.
    """
    if gpu is None:
        return
    if isinstance(gpu, int):
        choose_device(gpu)
        return
    count = _device_count(gpu)
    if max(gpu) >= count:
        there = f"only {count} CUDA devices are here" if count else "there is no CUDA device here"
        raise InputError(f"--gpu {','.join(map(str, gpu))}: {there}; use --gpu -1 for the CPU")


def check_precision(precision: str, device: int) -> None:
    """Check that a device supports a precision.

    Raises
    ------
    InputError
        If it does not.
    """
    if precision == FP16 and device == CPU:
        raise InputError("--precision fp16: needs CUDA; on the CPU use fp32 (exact) or int8 (faster)")
    if precision == INT8 and device != CPU:
        raise InputError("--precision int8: is for the CPU; with CUDA use fp32 (exact) or fp16 (faster)")
