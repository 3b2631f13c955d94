"""The benchmark: measures the latency of speech as a listener hears it."""
