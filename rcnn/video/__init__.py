"""From files to frames, and from photographs to clips."""
