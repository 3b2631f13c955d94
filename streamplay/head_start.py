"""What a command begins before it imports the player: files, its request, the built-in voice.

Importing the player takes some 150 ms. A server can work meanwhile on a request that has left
already (`streamplay.network.early`), and the built-in voice can load.
"""

from __future__ import annotations

from streamplay.errors import StreamPlayError
from streamplay.rules.checks import check_options

TYPE_CHECKING = False  # as in streamplay.rules.families
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from streamplay.kept_files import KeptFiles
    from streamplay.network.early import EarlyRequest
    from streamplay.server.child import LocalServer


class HeadStart:
    """What was begun for a player before it was made. The player takes over what is set by then.

    Attributes
    ----------
    request : EarlyRequest or None
        The first request, sent.
    files : KeptFiles or None
        The files of the first utterance, opened.
    voice : LocalServer or None
        The built-in voice's process, which may still be loading.
    """

    def __init__(self) -> None:
        self.request: EarlyRequest | None = None
        self.files: KeptFiles | None = None
        self.voice: LocalServer | None = None

    @property
    def is_request_leaving(self) -> bool:
        """Whether any of the request may have arrived."""
        return self.request is not None and self.request.leaving

    def launch_voice(self, asked: Mapping[str, Any]) -> bool:
        """Start the built-in voice where it is to speak; tell whether that was done.

        Parameters
        ----------
        asked : mapping
            Options of a `streamplay.Player`, those that were given.
        """
        if not asked.get("local"):
            return False
        from streamplay.server.child import LocalServer

        voice = LocalServer()
        try:
            check_options(asked)
            voice.launch()
        except (StreamPlayError, OSError):
            return False  # the player says what is wrong
        self.voice = voice
        return True

    def close(self) -> None:
        """Close what no player has closed; idempotent."""
        for begun in (self.request, self.voice, self.files):
            if begun is not None:
                begun.close()
