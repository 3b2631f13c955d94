"""The same server measured by this benchmark and by others: `python -m benchmarks.beside`."""
