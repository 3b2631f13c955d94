"""Servers and voices that stand in for the first one: how ``fallback`` names them. Pure.

``local``
    The built-in voice.
``https://host/v1``
    Another server, asked for the same model and voice.
``…#model=M&voice=V&api_key_env=NAME&api=openai``
    Either of them, with a model, a voice, the variable that holds its key, or its API. A
    fragment is never sent to a server, so that it cannot be meant as part of the address.
"""

from __future__ import annotations

from streamplay.errors import InvalidRequest

TYPE_CHECKING = False  # as in option_table
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

LOCAL: Final = "local"
"""What the built-in voice is called as a server."""

FIELDS: Final = ("model", "voice", "language", "api", "api_key_env")
"""What may be said of an alternative behind ``#``."""

_ALLOWED: Final = "local, or a URL; behind it #voice=NAME, or #model=NAME&voice=NAME"


def entries_of(value: Any) -> tuple[str, ...]:
    """Return the alternatives that ``fallback`` names, in order."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def read_alternative(entry: str) -> tuple[str, dict[str, str]]:
    """Return where an alternative is, ``local`` or a base URL, and what is said of it.

    Raises
    ------
    InvalidRequest
        If it is neither, or a field behind ``#`` is none of `FIELDS`.
    """
    where, _, behind = entry.partition("#")
    if where != LOCAL and not where.lower().startswith(("http://", "https://")):
        raise InvalidRequest("fallback", f"{entry!r} is no server", allowed=_ALLOWED)
    fields = _fields(entry, behind)
    if where == LOCAL and fields.keys() & {"api", "api_key_env"}:
        problem = f"{entry!r}: the built-in voice has neither a key nor an API"
        raise InvalidRequest("fallback", problem, allowed=_ALLOWED)
    return where, fields


def changes_of(where: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return what is asked otherwise than of the first server.

    The same model elsewhere takes the same fields. The built-in voice, and another model, are
    asked for the text, its language and its format alone: a voice, instructions and fields of
    one's own were meant for the first one, and so was what its bytes are.
    """
    server: dict[str, Any] = {"api_key": None, "api_key_env": None, "insecure_http": False}
    server |= {"api": None, "local": where == LOCAL, "base_url": None if where == LOCAL else where}
    if where == LOCAL or "model" in fields:
        server |= {"extra": {}, "decode_as": None, "instructions": None}
    if "model" in fields:
        server["voice"] = None
    if where == LOCAL:
        server |= {"format": "raw", "bit_rate": None, "stream": None}
    return server | dict(fields)


def check_alternatives(value: Any) -> None:
    """Raise `InvalidRequest` unless `value` names servers as ``fallback`` does."""
    if not isinstance(value, (str, list, tuple)):
        problem = f"is {type(value).__name__}"
        raise InvalidRequest("fallback", problem, allowed="a str, or a list of them")
    for entry in entries_of(value):
        if not isinstance(entry, str):
            raise InvalidRequest("fallback", f"holds {entry!r}", allowed=_ALLOWED)
        read_alternative(entry)


def _fields(entry: str, behind: str) -> dict[str, str]:
    from urllib.parse import unquote

    fields: dict[str, str] = {}
    for pair in behind.split("&") if behind else ():
        name, _, text = pair.partition("=")
        if name not in FIELDS or not text:
            problem = f"{entry!r}: {pair!r} is no field with a value"
            raise InvalidRequest("fallback", problem, allowed=", ".join(FIELDS))
        fields[name] = unquote(text)
    return fields
