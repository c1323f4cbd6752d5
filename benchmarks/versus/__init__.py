"""The parts of benchmarks/peers.py: the work, the contenders, and the agreement of their results."""
