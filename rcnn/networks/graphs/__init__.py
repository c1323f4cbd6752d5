"""The project's own architectures as MXNet graphs, with random initial weights."""
