"""Known models: what they are, where they come from, and which one a stage uses."""
