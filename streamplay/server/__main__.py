"""``python -m streamplay.server``."""

from __future__ import annotations

import sys

from streamplay.server import main

if __name__ == "__main__":
    sys.exit(main())
