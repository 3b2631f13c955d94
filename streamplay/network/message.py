"""A request, as it is sent: its headers, its content, and its first bytes. Pure.

Both transports make their requests here: that of the event loop, and the early one.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False  # as in streamplay.rules.families
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

PATH: Final = "/audio/speech"

ALWAYS: Final = {"Accept-Encoding": "identity", "User-Agent": "streamplay"}
"""The headers of every request of ours."""

# Besides these RFC 3986 lets nothing stand in a path; of a query's values it lets more.
_NOT_OF_A_PATH: Final = re.compile(rb"[^A-Za-z0-9._~!$&'()*+,;=:@/%-]")
_NOT_OF_A_VALUE: Final = re.compile(rb"[^A-Za-z0-9._~-]")


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


def target_of(path: str, query: Mapping[str, str] | None = None) -> str:
    """Return what stands for a path and a query in a request's first line."""
    target = _quoted(path or "/", _NOT_OF_A_PATH)
    pairs = [
        f"{_quoted(name, _NOT_OF_A_VALUE)}={_quoted(value, _NOT_OF_A_VALUE)}"
        for name, value in (query or {}).items()
    ]
    return f"{target}?{'&'.join(pairs)}" if pairs else target


def host_of(host: str, port: int | None) -> str:
    """Return a host as requests name it; `port` where it is not the scheme's own."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def whole(
    method: str, target: str, host: str, headers: Mapping[str, str], content: bytes | None
) -> bytes:
    """Return a whole request: head and content, to be sent at once."""
    lines = {"Host": host, "Connection": "keep-alive", **ALWAYS, **headers}
    if content is not None:
        lines["Content-Length"] = str(len(content))
    told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{told}\r\n".encode() + (content or b"")


def _quoted(text: str, unfit: re.Pattern[bytes]) -> str:
    """Percent-encode what cannot stand there."""
    return unfit.sub(lambda found: b"%%%02X" % found[0][0], text.encode()).decode()
