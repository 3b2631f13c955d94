"""The benchmark: latency, measured as it is heard."""
