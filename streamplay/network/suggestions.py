"""A name that a server does not know → the nearest ones that it offers, in the error's remedy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from streamplay.errors import ModelNotFound, ServerRefused, StreamPlayError, UnexpectedContent
from streamplay.presentable import presentable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from streamplay.errors import VoiceNotFound
    from streamplay.request import SpeechRequest

# The longest wait for the list of names: the user waits for the error meanwhile.
_SECONDS: Final = 2.0


async def suggest(
    error: ModelNotFound | VoiceNotFound,
    request: SpeechRequest,
    offered: Awaitable[Iterable[str]],
    left: float | None,
) -> None:
    """Add the names nearest to the one that was asked for to the error's remedy.

    Parameters
    ----------
    error : ModelNotFound or VoiceNotFound
        The refusal.
    request : SpeechRequest
        What was asked for.
    offered : awaitable
        Returns the names that would have been right.
    left : float or None
        The seconds to the deadline.
    """
    what = "models" if isinstance(error, ModelNotFound) else "voices"
    try:
        async with asyncio.timeout(_SECONDS if left is None else min(_SECONDS, left)):
            names = await offered
    except (ServerRefused, UnexpectedContent):
        if "List them" in error.remedy:
            error.remedy = f"This server lists no {what}: see its own documentation"
        return
    except (StreamPlayError, TimeoutError):
        return
    wanted = request.model if isinstance(error, ModelNotFound) else request.voice
    close = ", ".join(f'"{name}"' for name in nearest(wanted or "", names))
    if close:
        error.remedy = f"Closest: {close}. {error.remedy}"


def nearest(wanted: str, offered: Iterable[str], count: int = 3) -> list[str]:
    """Return the names that are most like `wanted`, the nearest first.

    Without regard to case; those that hold it whole come first. Made safe to show.
    """
    names = {name.casefold(): name for name in offered}
    import difflib  # only where a name was refused: it takes a millisecond

    close = difflib.get_close_matches(wanted.casefold(), names, n=count)
    holding = [name for name in names if wanted.casefold() in name]
    found = dict.fromkeys([*holding, *close])
    return [presentable(names[name], limit=80) for name in list(found)[:count]]
