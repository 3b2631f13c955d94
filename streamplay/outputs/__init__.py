"""Outputs: a sound device, a silent clock, a file."""
