"""``python -m streamplay.server``."""

from __future__ import annotations

import sys

from streamplay.server.service import main

if __name__ == "__main__":
    sys.exit(main())
