"""Models that are known: what they are, where they come from, and which one a stage takes."""
