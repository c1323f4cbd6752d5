"""Describes the machine by its processor's capabilities, not its vendor."""

from __future__ import annotations

import os
from pathlib import Path

SETS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
    "amx_int8": "AMX int8",
    "amx_bf16": "AMX bf16",
}  # flags of /proc/cpuinfo


def instruction_sets(flags: str) -> str:
    """Names of the instruction sets relevant to networks, from a line of flags."""
    found = set(flags.split())
    return ", ".join(name for flag, name in SETS.items() if flag in found) or "none of AVX2 and later"


def machine() -> str:
    """Usable cores, instruction sets, and load."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores with {instruction_sets(flags)}; load {os.getloadavg()[0]:.1f} at the start"
