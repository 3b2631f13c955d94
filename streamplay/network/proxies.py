"""Which proxy the environment names for a host: as curl, urllib and httpx read it. Pure.

``http_proxy``, ``https_proxy`` and ``all_proxy``, the lower-case name before the upper-case one,
and ``no_proxy``: host names, each with the names below it, addresses, or ``*``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamplay.network.endpoint import Endpoint

_PROXY: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?:(?P<user>[^:@/\s]*)(?::(?P<password>[^@/\s]*))?@)?"
    r"(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?/?",
    re.IGNORECASE | re.ASCII,
)
_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_NAMES: Final = ("all_proxy", "https_proxy", "http_proxy", "no_proxy")


class BrokenProxyError(ValueError):
    """A setting names no valid proxy; `setting` is its name."""

    def __init__(self, setting: str) -> None:
        super().__init__(f"{setting} names no proxy")
        self.setting = setting


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Parameters
    ----------
    scheme : {'http', 'https', 'socks5', 'socks5h'}
        What it speaks.
    host, port
        Where it is.
    user, password : str
        The login; empty where the proxy needs none.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Proxy({self.scheme}://{self.host}:{self.port})"  # never the password

    @property
    def socks(self) -> bool:
        """Whether it forwards connections (SOCKS), and knows nothing of HTTP."""
        return self.scheme.startswith("socks")


def proxy_for(endpoint: Endpoint, settings: Mapping[str, str]) -> Proxy | None:
    """Return the proxy by which `endpoint` is to be reached; None: directly.

    Parameters
    ----------
    endpoint : Endpoint
        This machine is reached directly, whatever the settings say.
    settings : mapping
        What `proxy_settings` returns.

    Raises
    ------
    BrokenProxyError
        If the setting's value is no URL of a proxy.
    """
    if endpoint.loopback or _is_excepted(endpoint, settings.get("no_proxy", "")):
        return None
    own = "https_proxy" if endpoint.secure else "http_proxy"
    setting = next((name for name in (own, "all_proxy") if name in settings), None)
    return None if setting is None else _read_proxy(setting, settings[setting])


def proxy_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of an environment, by their lower-case names."""
    settings = {name: environ.get(name) or environ.get(name.upper()) or "" for name in _NAMES}
    if "REQUEST_METHOD" in environ:
        # In a CGI program HTTP_PROXY is a header of the visitor's ("httpoxy", CVE-2016-5385).
        settings["http_proxy"] = environ.get("http_proxy", "")
    return {name: value.strip() for name, value in settings.items() if value.strip()}


def _read_proxy(setting: str, named: str) -> Proxy:
    found = _PROXY.fullmatch(named)
    scheme = ((found and found["scheme"]) or "http").lower()
    port = int((found and found["port"]) or _PORTS.get(scheme, 0))
    if found is None or scheme not in _PORTS or not 0 < port <= 65535:
        raise BrokenProxyError(setting)
    host = found["host"].strip("[]").lower()
    return Proxy(scheme, host, port, _unquoted(found["user"]), _unquoted(found["password"]))


def _unquoted(text: str | None) -> str:
    """Undo percent-encoding: a password may hold what a URL cannot."""
    return re.sub(
        rb"%([0-9a-fA-F]{2})",
        lambda hexed: bytes([int(hexed[1], 16)]),
        (text or "").encode(errors="surrogateescape"),
    ).decode("latin-1")


def _is_excepted(endpoint: Endpoint, exceptions: str) -> bool:
    host = endpoint.host
    for exception in exceptions.lower().split(","):
        name, _, port = exception.strip().partition(":")
        if ":" in port:
            name, port = exception.strip().strip("[]"), ""  # an IPv6 address
        name = name.removeprefix("*").removeprefix(".")
        if exception.strip() == "*" or (
            name
            and port in ("", str(endpoint.port))
            and (host == name or host.endswith(f".{name}"))
        ):
            return True
    return False
