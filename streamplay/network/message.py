"""The request for speech, as it is sent: its headers, its content, and its first bytes. Pure.

Both ways of sending one make it here: `transport`, by httpx, and `early`.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False  # as in streamplay.rules.families
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

PATH: Final = "/audio/speech"

ALWAYS: Final = {"Accept-Encoding": "identity", "User-Agent": "streamplay"}
"""The headers of every request of ours."""


def headers_of(key: str | None, *, stream: bool) -> dict[str, str]:
    """Return the headers of a request for speech, besides those of every request."""
    headers = {
        "Accept": "text/event-stream, */*" if stream else "*/*",
        "Content-Type": "application/json",
    }
    return headers | authorization(key)


def authorization(key: str | None) -> dict[str, str]:
    """Return the header that shows the key, where there is one."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def content_of(body: Mapping[str, Any]) -> bytes:
    """Return a body as it is sent."""
    return json.dumps(body).encode()


def whole(target: str, host: str, headers: Mapping[str, str], content: bytes) -> bytes:
    """Return a whole POST, its headers in the order in which httpx sends them."""
    lines = {"Host": host, "Connection": "keep-alive", **ALWAYS, **headers}
    lines["Content-Length"] = str(len(content))
    told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target} HTTP/1.1\r\n{told}\r\n".encode() + content
