"""Programs that type checkers read and nobody runs: `scripts/check`, `scripts/try-pyright`."""
