"""Who is answered: by the names in Host and Origin, and by the key.

A page of any site that a browser shows can send requests to loopback. Two headers that no page
can forge tell it from a program of this machine: Origin names the page's site, and Host the name
that the browser looked up. A site whose name was made to point at 127.0.0.1 (DNS rebinding) is
its own Origin there, but its name is in Host.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamplay.network.endpoint import is_loopback
from streamplay.server.json_fields import Refusal, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ANY: Final = "*"
"""Stands for every origin."""

# A browser asks for leave once an hour, not before each request.
_LEAVE_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Access:
    """Decides from a request's headers whether it is answered.

    Parameters
    ----------
    loopback : bool
        Whether the server is bound to loopback: only loopback's names and `hosts` may then
        stand in Host.
    hosts : sequence of str
        Other names by which the server is reached.
    origins : sequence of str
        Origins whose pages may read answers, such as ``http://localhost:3000``; ``*``: every one.
    require_key : bool
        Whether a bearer token is needed: `key`, or any where that is None.
    """

    loopback: bool = True
    hosts: Sequence[str] = ()
    origins: Sequence[str] = ()
    require_key: bool = False
    key: str | None = None

    def check_host(self, told: Sequence[str]) -> None:
        """Check the names by which a request calls the server: its Host, and its URL's own host.

        Raises
        ------
        Refusal
            403, with the flag that lets the name in.
        """
        if not self.loopback:
            return
        for host in told:
            name = _host_name(host)
            if not is_loopback(name) and name not in {each.lower() for each in self.hosts}:
                raise Refusal(
                    403,
                    f"Host {shown(host)} is no name of this server. "
                    f"To answer to it, start it with --allow-host NAME",
                    kind="permission_error",
                )

    def check_origin(self, origin: str, host: str) -> None:
        """Check an Origin of a request, which only browsers send.

        Raises
        ------
        Refusal
            403, with the flag that lets the origin in.
        """
        if not self.admits(origin) and origin != f"http://{host}":
            raise Refusal(
                403,
                f"Pages of {shown(origin)} may not use this server. "
                f"To let them, start it with --allow-origin URL",
                kind="permission_error",
            )

    def check_key(self, authorization: str) -> None:
        """Check the bearer token.

        Raises
        ------
        Refusal
            401; the key is not repeated.
        """
        if not self.require_key:
            return
        scheme, _, key = authorization.partition(" ")
        # aiohttp keeps bytes that are no UTF-8 as lone surrogates.
        sent = key.encode("utf-8", "surrogateescape")
        wanted = sent if self.key is None else self.key.encode("utf-8", "surrogateescape")
        if scheme.lower() != "bearer" or not key or not hmac.compare_digest(sent, wanted):
            raise Refusal(
                401,
                "Missing or invalid API key: send it as Authorization: Bearer",
                kind="authentication_error",
                code="invalid_api_key",
            )

    def admits(self, origin: str) -> bool:
        """Whether pages of `origin` were let in by name."""
        wanted = origin.rstrip("/").lower()
        return any(each in (ANY, wanted) for each in (o.rstrip("/").lower() for o in self.origins))

    def leave(self, origin: str | None, asked: Mapping[str, str]) -> dict[str, str]:
        """Return the headers by which a browser lets a page read the answer (CORS).

        Parameters
        ----------
        asked : mapping
            The request's headers; those of a preflight ask for a method and for headers.
        """
        if origin is None or not self.admits(origin):
            return {}
        headers = {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": "*",
            "Vary": "Origin",
        }
        if "Access-Control-Request-Method" in asked:
            headers["Access-Control-Allow-Methods"] = "GET, POST"
            headers["Access-Control-Allow-Headers"] = asked.get(
                "Access-Control-Request-Headers", "Authorization, Content-Type"
            )
            headers["Access-Control-Max-Age"] = str(_LEAVE_SECONDS)
        return headers


# RFC 9110, 7.2, and no user name, path or blank: urlsplit finds a host behind or before those.
_HOST: Final = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?", re.IGNORECASE)


def _host_name(host: str) -> str:
    """Return the name in a Host header, without its port; what is none gives an empty one."""
    match = _HOST.fullmatch(host.strip())
    return match["name"].lower().strip("[]").rstrip(".") if match else ""
