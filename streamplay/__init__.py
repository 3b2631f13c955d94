"""Plays text as speech while it is still being generated."""
