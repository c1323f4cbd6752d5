"""The desk: a local page on which users say who is who, and the server behind it."""
