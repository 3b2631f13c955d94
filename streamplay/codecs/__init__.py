"""Compressed audio: bytes in, frames out; the only package that imports PyAV."""
