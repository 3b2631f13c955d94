"""The local speech server: the same API, a built-in voice, delays and faults on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until it is told to end; return its exit status.

    The command line is imported here and not above, so that
    `streamplay.server.child` costs a parent process next to nothing.
    """
    from streamplay.server.service import main as run

    return run(argv)
