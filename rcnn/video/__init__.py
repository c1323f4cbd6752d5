"""Files to frames, and photographs to clips."""
