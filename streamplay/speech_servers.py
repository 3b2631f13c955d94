"""The servers that may speak for a player: how each is asked, and which failures are theirs."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from streamplay.errors import NetworkFailed, ServerRefused, StreamBroken
from streamplay.network.endpoint import asks_together, find_endpoint
from streamplay.rules.alternatives import LOCAL, changes_of, entries_of, read_alternative

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from streamplay.errors import StreamPlayError
    from streamplay.network.api import SpeechApi
    from streamplay.network.endpoint import Endpoint
    from streamplay.options import Options
    from streamplay.request import SpeechRequest


class SpeechServer:
    """One of the servers that may speak for a player: how it is asked, and its client.

    Parameters
    ----------
    number : int
        Its place in the order; 0 is the first.
    options : Options
        The player's.
    changes : mapping
        What is asked otherwise than of the first server; empty for that.

    Attributes
    ----------
    name : str
        Its base URL, or ``local``; empty until the first server is asked where nothing names it.
    client : SpeechApi or None
        Made by `Backend.connect`.
    """

    def __init__(
        self, number: int, options: Options, changes: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.number = number
        self._changes = changes
        self.options = self.of_utterance(options)
        self.name = LOCAL if self.options.local else ""
        self.client: SpeechApi | None = None
        if changes and not self.name:
            self.name = _endpoint(self.options).base_url

    def request(self, options: Options, text: str) -> SpeechRequest:
        """Return the request for a text by the options of one utterance.

        Together's HTTP API knows no `speed`: `Delivery` stretches the sound then.
        """
        own = self.of_utterance(options)
        request = own.request(text)
        unknown = not own.local and asks_together(os.environ, own.base_url)
        return replace(request, speed=None) if unknown and request.speed is not None else request

    def of_utterance(self, options: Options) -> Options:
        """Return the options of one utterance as they are for this server."""
        return options.of_alternative(self._changes) if self._changes else options

    @property
    def shown(self) -> str:
        """What a notice calls it."""
        return "the built-in voice" if self.name == LOCAL else self.name


@dataclass(frozen=True, slots=True)
class Change:
    """Another server speaks.

    Parameters
    ----------
    before, after : SpeechServer
        The one that has spoken, or was to speak, and the one that is asked now.
    error : StreamPlayError or None
        Why; None: a server before it in the order is tried again.
    reached : bool
        Whether a probe has reached that one.
    """

    before: SpeechServer
    after: SpeechServer
    error: StreamPlayError | None = None
    reached: bool = False


def servers_of(options: Options) -> list[SpeechServer]:
    """Return the servers that options name, in order.

    Raises
    ------
    InvalidRequest
        If one of them cannot be asked as it is named.
    """
    if not options.local:
        _endpoint(options)  # refused when a player is made, and not when it is opened
    servers = [SpeechServer(0, options)]
    for where, fields in map(read_alternative, entries_of(options.fallback)):
        if where == LOCAL and options.local and not fields:
            continue  # it would be the same voice
        changes = changes_of(where, fields)
        if where != LOCAL and not options.local and _is_same_host(where, options):
            changes = {name: changes[name] for name in changes.keys() - (_OF_HOST - fields.keys())}
        servers.append(SpeechServer(len(servers), options, changes))
    return servers


def is_of_server(error: StreamPlayError) -> bool:
    """Whether another server may do better: not where the request, the text or the output failed.

    Refusals are of the server too: another one may know the model, have another key, or take the
    field that this one refused.
    """
    return isinstance(error, (NetworkFailed, ServerRefused, StreamBroken))


_OF_HOST: Final = frozenset({"api", "api_key", "api_key_env", "insecure_http"})
"""What belongs to a host: another model of the first server's host has the same key."""


def _is_same_host(base_url: str, options: Options) -> bool:
    first, other = _endpoint(options), find_endpoint({}, base_url=base_url)
    return (first.host, first.port, first.secure) == (other.host, other.port, other.secure)


def _endpoint(options: Options) -> Endpoint:
    names = ("base_url", "api_key", "api_key_env", "insecure_http")
    server: Mapping[str, Any] = options.server
    return find_endpoint(os.environ, **{name: server[name] for name in names})
