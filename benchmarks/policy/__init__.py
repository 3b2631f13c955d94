"""The start policy: what it costs, and whether the player does what the simulation says."""
