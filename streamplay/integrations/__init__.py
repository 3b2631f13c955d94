"""Audio outputs for other frameworks; each needs its extra."""
