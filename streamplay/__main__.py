"""``python -m streamplay``: the command line."""

from __future__ import annotations

import sys

from streamplay.cli import main

if __name__ == "__main__":
    sys.exit(main())
