"""How a connection may break, in words: the same by whichever way the request was sent."""

from __future__ import annotations

from streamplay.errors import ConnectionLost, Truncated, UnexpectedContent

_KEPT = "What had arrived is kept. Try again"


def unanswered(where: str) -> ConnectionLost:
    """Return the error of a connection that ended before the answer's headers."""
    return ConnectionLost(f"{where} closed the connection without an answer", remedy="Try again")


def no_http(where: str) -> UnexpectedContent:
    """Return the error of an answer that is no HTTP."""
    return UnexpectedContent(
        f"what answers at {where} does not speak HTTP", remedy="Check the base URL"
    )


def misframed(*, ended: bool) -> Truncated:
    """Return the error of a body that `ended` before its end, or that is not framed."""
    what = "ended before its end" if ended else "is not framed as HTTP asks"
    return Truncated(f"the body {what}", remedy=_KEPT)


def lost() -> ConnectionLost:
    """Return the error of a connection that was lost inside the body."""
    return ConnectionLost("the connection was lost while the answer came", remedy=_KEPT)
