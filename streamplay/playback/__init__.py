"""Frames → ear: queue, ring, playout."""
