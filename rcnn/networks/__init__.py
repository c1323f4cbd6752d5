"""Networks as files (checkpoint), on a device (engine), our own (graphs), and known ones (zoo)."""
