"""Who is compared with whom, in what, and how it is told: what `scripts/compare` is made of."""
