"""The local speech server: the same API, a built-in voice, delays and faults on demand."""
