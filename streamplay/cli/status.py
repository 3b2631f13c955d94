"""The exit status for each outcome: scripts rely on it."""

from __future__ import annotations

from streamplay.cli.usage import UsageError
from streamplay.errors import InvalidRequest, OutputFailed

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from typing import Final

    from streamplay.errors import StreamPlayError
    from streamplay.receipt import Receipt

OK: Final = 0
FAILED: Final = 1
"""Nothing was heard: the server or the network failed before any audio."""
USAGE: Final = 2
"""A flag or a field is wrong; nothing was sent."""
BROKE_OFF: Final = 3
"""It ended early after audio had begun; what arrived was played and saved."""
OUTPUT: Final = 4
"""The device or the file asked for cannot be used."""
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells report it."""


def of_error(error: StreamPlayError) -> int:
    """Return the exit status for `error`: by its class, and by whether audio was received."""
    if isinstance(error, InvalidRequest | UsageError):
        return USAGE
    if isinstance(error, OutputFailed):
        return OUTPUT
    had_audio = error.receipt is not None and error.receipt.frames.received > 0
    return BROKE_OFF if had_audio else FAILED


def of_receipt(receipt: Receipt) -> int:
    """Return the exit status for an utterance that raised nothing."""
    if receipt.complete:
        return OK
    return INTERRUPTED if receipt.interrupted else BROKE_OFF


def of_signal(number: int) -> int:
    """Return the exit status after signal `number`, as shells report it."""
    return 128 + number
