"""What the programs share: what they are asked, when they go, and when they stop."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

url, mode, load, engine = sys.argv[1:5]
body: dict[str, Any] = json.loads(sys.argv[5])

warm = mode == "warm"
_loads = [load] if load != "none" else []


def ready() -> None:
    """Tell that everything is open, and wait until told to go; not where the start counts."""
    if warm:
        time.sleep(0.3)  # what was begun aside has ended
        print("ready", flush=True)
        sys.stdin.readline()


def on_stop(stop: Callable[[], object]) -> None:
    """Have `stop` called when the next line comes."""
    if warm:
        threading.Thread(target=lambda: sys.stdin.readline() and stop(), daemon=True).start()


def put_under_load() -> None:
    """Begin the load that was asked for, once; to be called when something is heard."""
    while _loads:
        from loads import put_under

        put_under(_loads.pop())


def leave() -> None:
    """End at once: a load never does."""
    if warm:
        sys.stdout.flush()
        os._exit(0)
