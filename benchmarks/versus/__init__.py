"""What benchmarks/peers.py is made of: the work, the contenders, and what their answers have in common."""
