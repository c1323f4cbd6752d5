"""The short form of benchmarks/fuzz.py: inputs that once brought out a fault, and some thousands of mutated ones."""

from __future__ import annotations

import json
import random
import resource
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "benchmarks"))

import fuzz  # noqa: E402
import hostile  # noqa: E402

KEPT = sorted(path for path in fuzz.KEPT.glob("*/*") if path.is_file())
MUTATIONS = 4000
MEMORY_KIB = 64 << 10


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_inputs_that_once_brought_out_a_fault(path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hostile.TARGETS[path.parent.name](path.read_bytes())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


def test_there_are_such_inputs_and_they_are_small():
    assert len(KEPT) >= 3
    assert all(path.stat().st_size < 4096 for path in KEPT)


@pytest.mark.parametrize("target", hostile.TARGETS)
def test_the_seeds_are_read_and_reach_a_network(target):
    """A seed that is refused at once would fuzz nothing but the refusal."""
    refused = 0
    for seed in hostile.SEEDS[target]():
        hostile.TARGETS[target](seed)
        if target == "arrays":
            hostile.parse_arrays(hostile.io.BytesIO(seed), len(seed), "seed")
            continue
        nodes, outputs = hostile.parse_symbol(seed, "seed")
        try:
            hostile.Graph(nodes, outputs, hostile.PARAMS, "seed").select()
        except hostile.InputError:
            refused += 1
    assert refused <= 2  # layers of old names that want other inputs


def changed(data: bytes, rng: random.Random) -> bytes:
    """Some bytes of a file replaced, taken away or doubled."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(result) + 1)
        choice = rng.randrange(4)
        if choice == 0:
            result[at : at + 1] = bytes([rng.randrange(256)])
        elif choice == 1:
            result[at : at + 8] = rng.choice(
                (b"\xff" * 8, bytes(8), b"\xff" * 7 + b"\x7f", (1 << 40).to_bytes(8, "little"))
            )
        elif choice == 2:
            del result[at : at + rng.randint(1, 16)]
        else:
            result[at:at] = result[at : at + rng.randint(1, 16)]
    return bytes(result)


@pytest.mark.parametrize("target", hostile.TARGETS)
def test_mutated_files_bring_out_nothing_but_our_own_error(target):
    rng = random.Random(0)
    seeds = hostile.SEEDS[target]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(MUTATIONS):
        data = rng.choice(seeds)
        if target == "symbol" and number % 2:
            document = json.loads(data)
            for _ in range(rng.randint(1, 4)):
                document = fuzz.mutated(document, rng)
            data = json.dumps(document).encode()
        else:
            data = changed(data, rng)
        hostile.TARGETS[target](data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


def test_a_reader_that_trusts_a_length_is_found(monkeypatch):
    """The check itself: with the limit on windows gone, the mutations find what the fuzzer found."""
    monkeypatch.setattr("rcnn.networks.checkpoint.operators.LONGEST_WINDOW", 1)
    kernel = hostile.OPERATORS["Pooling"].attributes["kernel"][0]
    with pytest.raises(ValueError, match="two whole numbers"):
        kernel("(1025, 1)")
    monkeypatch.setattr(hostile, "parse_arrays", lambda *arguments: {"a": hostile.np.zeros(9)})
    with pytest.raises(AssertionError, match="72 bytes of arrays out of a file of 5"):
        hostile.check_arrays(b"bytes")


def test_a_million_nodes_or_arrays_are_refused():
    with pytest.raises(hostile.InputError, match="1000000 nodes, more than 100000"):
        hostile.parse_symbol(b'{"nodes":[' + b",".join([b"{}"] * 1_000_000) + b"]}", "symbol")
    data = hostile.struct.pack("<QQQ", 0x112, 0, 1_000_000) + bytes(4_000_000)
    with pytest.raises(hostile.InputError, match="1000000 arrays, more than 100000"):
        hostile.parse_arrays(hostile.io.BytesIO(data), len(data), "arrays")


def test_a_node_that_reads_itself_or_a_later_one_is_refused():
    for source in (0, 1):
        nodes = [
            {"op": "_copy", "name": "a", "inputs": [[source, 0]]},
            {"op": "_copy", "name": "b", "inputs": [[0, 0]]},
        ]
        with pytest.raises(hostile.InputError, match="does not come before it"):
            hostile.parse_symbol(json.dumps({"nodes": nodes, "heads": [[1, 0]]}).encode(), "symbol")
