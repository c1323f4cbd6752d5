"""The desk: a local page on which people say who is who, and what it answers to that page."""
