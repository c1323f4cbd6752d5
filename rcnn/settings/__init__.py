"""Settings, kinds of their values, and shared settings; nothing heavy is loaded."""
