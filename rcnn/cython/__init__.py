"""Loops over boxes that numpy can't do without copies; built in place by `make`."""
