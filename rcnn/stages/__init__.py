"""The six stages: what each reads, its loop, what it writes."""
