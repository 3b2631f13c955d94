"""Where requests go, and whether the key goes with them.

No I/O: the environment is an argument. A key is sent to its own host only. ``TOGETHER_API_KEY``
goes to Together's hosts, to this machine, and to the host that ``TOGETHER_BASE_URL`` names; to any
other host only a key that was meant for it: given as an argument, or by naming its variable.

Over ``http://`` every machine on the way can read the key. Off loopback no key is sent that way
unless the user asked for it (`insecure_http`): a request that has only ``TOGETHER_API_KEY`` goes
without it (`Endpoint.withheld`), and a key that was given for the server is an error.
"""

from __future__ import annotations

import re
import socket

from streamplay.errors import InvalidRequest

TYPE_CHECKING = False  # as in families
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from streamplay.request import Api

DEFAULT_BASE_URL: Final = "https://api.together.ai/v1"
KEY_VARIABLE: Final = "TOGETHER_API_KEY"
BASE_URL_VARIABLE: Final = "TOGETHER_BASE_URL"

_TOGETHER: Final = ("together.ai", "together.xyz")
_OPENAI: Final = ("openai.com",)
_IPV6_LOOPBACK: Final = bytes(15) + b"\x01"

# Narrower than RFC 3986 on purpose: no user name, no backslash, nothing that
# two URL parsers could read as two hosts, one of which would get the key.
_BASE_URL: Final = re.compile(
    r"https?://(?P<host>[a-z0-9._-]+|\[[0-9a-f.]*:[0-9a-f:.]*\])(?::(?P<port>\d{1,5}))?(?P<path>(?:/[^\s?#@\\]*)?)",
    re.IGNORECASE | re.ASCII,
)

# Names of variables are in capitals (POSIX, 8.1), and keys are longer.
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,39}")


class Endpoint:
    """A server's base URL, and the key that may be shown to it.

    Parameters
    ----------
    base_url : str
        Without a slash at its end.
    host : str
        Its host alone, in lower case, without brackets or a final dot.
    api_key : str or None
        What goes into the Authorization header; None: no such header.
    withheld : bool
        Whether there is a key for this host that is not sent, because all could read it.
    flags : str
        How a command names this server: what a remedy adds to ``streamplay voices``.
    """

    __slots__ = ("api_key", "base_url", "flags", "host", "withheld")

    def __init__(
        self,
        base_url: str,
        host: str,
        api_key: str | None = None,
        *,
        withheld: bool = False,
        flags: str = "",
    ) -> None:
        self.base_url = base_url
        self.host = host
        self.api_key = api_key
        self.withheld = withheld
        self.flags = flags

    def __repr__(self) -> str:
        return f"Endpoint(base_url={self.base_url!r})"

    @property
    def secure(self) -> bool:
        """Whether it is reached over TLS."""
        return self.base_url.lower().startswith("https:")

    @property
    def port(self) -> int:
        """The port, where the URL names none that of its scheme."""
        return int(self._parts["port"] or self._usual_port)

    @property
    def named_port(self) -> int | None:
        """The port as a request names it: None for the scheme's own."""
        return None if self.port == self._usual_port else self.port

    @property
    def path(self) -> str:
        """What stands before every path of the API, without a slash at its end."""
        return self._parts["path"]

    @property
    def _usual_port(self) -> int:
        return 443 if self.secure else 80

    @property
    def _parts(self) -> re.Match[str]:
        parts = _BASE_URL.fullmatch(self.base_url)
        assert parts is not None, "find_endpoint has looked at it"
        return parts

    @property
    def loopback(self) -> bool:
        """Whether it is this machine: it is reached directly, past any proxy."""
        return is_loopback(self.host)

    @property
    def notice(self) -> str:
        """One line to tell where the key is withheld; otherwise empty."""
        if not self.withheld:
            return ""
        return (
            f"the key is not sent: http:// would show it to all on the way to {self.host}. "
            "Use https://, or insecure_http=True (--insecure-http)"
        )

    @property
    def exposed(self) -> bool:
        """Whether other machines can read what is sent, a proxy among them."""
        return not (self.secure or self.loopback)

    @property
    def together(self) -> bool:
        """Whether it is one of Together's own hosts, which ask for a key."""
        return _within(self.host, _TOGETHER)

    @property
    def api(self) -> Api | None:
        """The API that the host is known to have; None for an unknown host."""
        if self.together:
            return "together"
        return "openai" if _within(self.host, _OPENAI) else None

    def require_key(self) -> None:
        """Raise where a request without a key could only be refused.

        Raises
        ------
        InvalidRequest
            If this is Together's own host and there is no key for it.
        """
        if self.together and self.api_key is None:
            problem = f"there is no key for {self.host}"
            allowed = f"a key in the environment variable {KEY_VARIABLE}, or the argument api_key"
            raise InvalidRequest("api_key", problem, allowed=allowed)


def find_endpoint(
    environ: Mapping[str, str],
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    api_key_env: str | None = None,
    insecure_http: bool = False,
) -> Endpoint:
    """Decide where to, and with which key.

    Parameters
    ----------
    environ : mapping
        The environment's variables.
    base_url : str, optional
        Wins over ``TOGETHER_BASE_URL``, which wins over `DEFAULT_BASE_URL`.
    api_key : str, optional
        A key meant for this server, whichever it is; ``""``: none at all.
    api_key_env : str, optional
        The variable that holds a key meant for this server.
    insecure_http : bool
        Whether to send the key over ``http://`` to another machine too.

    Raises
    ------
    InvalidRequest
        If the URL is none, the named variable is not set, the key cannot be sent, or a key that
        was given for this server would be sent over ``http://`` to another machine.
    """
    named = environ.get(BASE_URL_VARIABLE)
    flags = _flags(base_url, api_key_env)
    base_url = (base_url or named or DEFAULT_BASE_URL).strip()
    host = _host(base_url)
    if host is None:
        # The value is not repeated: a URL with a password in it ends here too.
        problem = "is no URL of a server" + (f" ({BASE_URL_VARIABLE})" if base_url == named else "")
        allowed = f"http:// or https://, a host, perhaps a port and a path: {DEFAULT_BASE_URL}"
        raise InvalidRequest("base_url", problem, allowed=allowed)
    key = _sendable(_key_from(environ, api_key_env, host) if api_key is None else api_key)
    endpoint = Endpoint(base_url.rstrip("/"), host, key, flags=flags)
    if endpoint.together and not endpoint.secure:
        raise InvalidRequest("base_url", "http:// would show the key to all", allowed="https://")
    if key is None or insecure_http or not endpoint.exposed:
        return endpoint
    if api_key is None and api_key_env is None:
        return Endpoint(endpoint.base_url, host, withheld=True, flags=flags)
    field = "api_key_env" if api_key is None else "api_key"
    problem = f"http:// would show the key to every machine on the way to {host}"
    allowed = "https://, or insecure_http=True (--insecure-http)"
    raise InvalidRequest(field, problem, allowed=allowed)


def _flags(base_url: str | None, api_key_env: str | None) -> str:
    given = (("--base-url", base_url), ("--api-key-env", api_key_env))
    return " ".join(f"{flag} {value.strip()}" for flag, value in given if value)


def asks_together(environ: Mapping[str, str], base_url: str | None) -> bool:
    """Return whether a request would go to one of Together's hosts, or to no server at all."""
    named = (base_url or environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL).strip()
    host = _host(named)
    return host is None or _within(host, _TOGETHER)


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine: 127.0.0.0/8 or ::1 as IP literals, or localhost.

    A name that only begins with ``127.`` is resolved by DNS like any other name, and may be
    anyone's server.
    """
    if host == "localhost":
        return True
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        packed = socket.inet_pton(family, host)
    except (OSError, ValueError):  # a name; ValueError: one with a NUL in it
        return False
    return packed == _IPV6_LOOPBACK if family == socket.AF_INET6 else packed[0] == 127


def _host(base_url: str) -> str | None:
    """Return the host of a base URL, or None where it is none."""
    match = _BASE_URL.fullmatch(base_url)
    if match is None or int(match["port"] or 0) > 65535 or not base_url.isascii():
        return None
    host = match["host"].lower().strip("[]").rstrip(".")
    return host if _is_host(host) else None


def _is_host(host: str) -> bool:
    """Tell whether a host is an address, or a name that a resolver takes."""
    if ":" in host or re.fullmatch(r"[\d.]+", host):
        try:
            socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
        except OSError:
            return False
        return True
    # RFC 1035, 2.3.4. The resolver raises UnicodeError on longer labels.
    return all(0 < len(label) < 64 for label in host.split("."))


def _key_from(environ: Mapping[str, str], variable: str | None, host: str) -> str | None:
    """Return the environment's key for `host`, if it has one."""
    if variable is not None:
        if not environ.get(variable, "").strip():
            # The key itself may have been given for the name: what looks like none is not repeated.
            told = f" {variable}" if _VARIABLE.fullmatch(variable) else ", as it was named,"
            problem = f"the environment variable{told} is not set"
            allowed = "the name of a variable that holds the key"
            raise InvalidRequest("api_key_env", problem, allowed=allowed)
        return environ[variable]
    named = _host(environ.get(BASE_URL_VARIABLE, "").strip())
    trusted = _within(host, _TOGETHER) or is_loopback(host) or host == named
    return environ.get(KEY_VARIABLE) if trusted else None


def _sendable(api_key: str | None) -> str | None:
    """Return the key as a header can carry it."""
    key = (api_key or "").strip()
    if not key:
        return None
    if not re.fullmatch(r"[!-~]+", key):
        # Nor is the key repeated.
        problem = "holds a character that no header can carry"
        raise InvalidRequest("api_key", problem, allowed="visible ASCII characters")
    return key


def _within(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
