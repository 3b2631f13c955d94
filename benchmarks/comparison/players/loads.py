"""What keeps Python busy: each load runs in threads of the process that plays."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


def busy() -> None:
    """Compute, and never wait."""
    while True:
        sum(range(1000))


def garbage() -> None:
    """Make cycles, and collect them."""
    import gc

    class Node:
        me: object

    while True:
        nodes = [Node() for _ in range(200_000)]
        for node in nodes:
            node.me = node
        del nodes
        gc.collect()


def parse() -> None:
    """Read large documents: one call holds the lock throughout."""
    document = json.dumps([{"key": index, "text": "x" * 40} for index in range(80_000)])
    while True:
        json.loads(document)


def sort() -> None:
    """Sort, which holds the lock as well."""
    import random

    values = [random.random() for _ in range(300_000)]
    while True:
        sorted(values)


def decode() -> None:
    """Do what a producer does: json, base64, and numpy, which gives the lock away and wants it."""
    import base64

    import numpy as np

    event = json.dumps({"b64": base64.b64encode(bytes(64 << 10)).decode()})
    while True:
        np.frombuffer(base64.b64decode(json.loads(event)["b64"]), "<i2").astype(np.float32)


LOADS: Final[dict[str, list[Callable[[], None]]]] = {
    "none": [],
    "busy": [busy] * 4,
    "garbage": [garbage],
    "json": [parse],
    "sort": [sort],
    "decode": [decode],
}


def put_under(load: str) -> None:
    """Begin a load, which never ends."""
    for work in LOADS[load]:
        threading.Thread(target=work, daemon=True).start()
