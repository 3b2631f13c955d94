"""Addresses: which host is named, and nothing of who signs in there or what is asked for. Pure.

A name and a password in an address (RFC 3986 §3.2.1) are never spoken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# A scheme (RFC 3986 §3.1), then everything up to white space or a mark that ends it in prose.
_AUTHORITY: Final = r"//(?:\[[0-9A-Fa-f:.]+\]|[^\s<>\"`\[\]|])*"
_WITH_SCHEME: Final = rf"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*:{_AUTHORITY}"
# user:password@host, as it is written for ssh and in connection strings.
_CREDENTIALS: Final = r"(?<![^\s<>\"`\[\]|(,;])[^\s/:@<>\"`\[\]|(,;]+:[^\s@/]+@[\w.-]+[\w/]*"
ADDRESS: Final = re.compile(f"{_WITH_SCHEME}|{_CREDENTIALS}")

_TRAILING: Final = ".,!?;:'\"*_~…。，！？"
_MAIL: Final = frozenset({"mail", "mailto", "email", "e-mail", "contact", "sip", "xmpp"})


class Address(NamedTuple):
    """An address in a text: text[start:stop], and what is spoken of it."""

    start: int
    stop: int
    spoken: str


def addresses(text: str) -> Iterator[Address]:
    """Yield the addresses in a text."""
    for match in ADDRESS.finditer(text):
        whole = trimmed(match[0])
        yield Address(match.start(), match.start() + len(whole), host_of(whole))


def address_at(text: str, colon: int, stop: int) -> Address | None:
    """Return the address whose first colon is ``text[colon]``, None where there is none."""
    begin = colon
    while begin > 0 and not (text[begin - 1].isspace() or text[begin - 1] in '<>"`[]|(,;:/@'):
        begin -= 1
    if not text.startswith("//", colon + 1):
        match = ADDRESS.match(text, begin, stop)
    else:
        scheme = re.search(r"[A-Za-z][A-Za-z0-9+.-]*$", text[begin:colon])
        match = ADDRESS.match(text, begin + scheme.start(), stop) if scheme else None
    if match is None or match.end() <= colon:
        return None
    whole = trimmed(match[0])
    return Address(match.start(), match.start() + len(whole), host_of(whole))


def trimmed(address: str) -> str:
    """Return an address without the marks behind it that belong to the sentence."""
    while address:
        last = address[-1]
        unpaired = last == ")" and address.count(")") > address.count("(")
        if last not in _TRAILING and not unpaired:
            break
        address = address[:-1]
    return address


def host_of(address: str) -> str:
    """Return what is spoken of an address: its host, or where there is none its path."""
    scheme, slashes, rest = address.partition("://")
    if not slashes:
        name, _, behind = address.partition(":")
        if name.lower() in _MAIL:
            return behind
        return behind.rpartition("@")[2].partition("/")[0] or behind
    authority, _, path = rest.partition("/")
    port = authority.rpartition("@")[2].rpartition(":")[2]
    if "@" in path and ("@" in authority or not (port.isdecimal() or ":" not in authority)):
        # A password with a slash in it, which should have been encoded.
        authority = path.rpartition("@")[2].partition("/")[0]
    authority = re.split(r"[?#]", authority, maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    host = re.sub(r":[^:\]]*$", "", host).strip("[]").removeprefix("www.")
    return host or re.split(r"[?#]", path, maxsplit=1)[0].strip("/") or scheme
