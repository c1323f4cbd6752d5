"""Neural networks: file formats (checkpoint), execution (engine), the project's own architectures (graphs), known
models (zoo)."""
