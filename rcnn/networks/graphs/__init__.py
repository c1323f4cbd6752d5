"""Networks of our own as MXNet graphs, with random weights to start from."""
