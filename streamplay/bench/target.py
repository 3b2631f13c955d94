"""Targets of a benchmark: a model and a voice at a server, from words or a TOML file.

A word is ``KEY=VALUE,KEY=VALUE`` (``model=hexgrad/Kokoro-82M,voice=af_alloy``) or the name of a
TOML file with a table for each target. The flags hold for every target that says nothing else.
Neither may hold a key: ``api_key_env`` names the variable with the key.
"""

from __future__ import annotations

import os
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from streamplay.errors import InvalidRequest
from streamplay.network.endpoint import (
    BASE_URL_VARIABLE,
    DEFAULT_BASE_URL,
    KEY_VARIABLE,
    is_loopback,
)
from streamplay.options import Options
from streamplay.rules.option_table import options_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamplay.network.api import SpeechApi
    from streamplay.request import SpeechRequest

KEYS: Final = tuple(
    option.name
    for option in options_in("request", "server", "speaking")
    if option.flags and not option.name.startswith("fallback")  # a benchmark reports failures
)
"""The keys of a target, besides ``name``."""

_ALLOWED: Final = f"name, {', '.join(KEYS)}"


@dataclass(frozen=True, slots=True)
class Target:
    """One model and voice at one server.

    Parameters
    ----------
    name : str
        The name in the report.
    options : Options
        The request and the server.
    given : mapping
        What was said of it, by key: enough to make it again.
    """

    name: str
    options: Options
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The requested model."""
        return self.options.model

    @property
    def base_url(self) -> str:
        """The base URL; ``local`` for the built-in voice."""
        if self.options.local:
            return "local"
        named = self.options.base_url or os.environ.get(BASE_URL_VARIABLE)
        return (named or DEFAULT_BASE_URL).rstrip("/")

    @property
    def on_this_machine(self) -> bool:
        """Whether the server is this machine, so that nothing is paid."""
        return self.options.local or is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def notice(self) -> str:
        """One line to tell where its key is withheld; otherwise empty."""
        return "" if self.options.local else self.client().endpoint.notice

    def to_dict(self) -> dict[str, Any]:
        """Return its name, and what was said of it, with the server that it meant."""
        where = {} if self.options.local else {"base_url": self.base_url}
        return {"name": self.name, "options": {**self.given, **where}}

    def request(self, text: str) -> SpeechRequest:
        """Return the request for one text."""
        return self.options.request(text)

    def client(self, local: str | None = None) -> SpeechApi:
        """Return a client without retries: a benchmark must not hide failures.

        Parameters
        ----------
        local : str, optional
            The base URL of the built-in voice's server.
        """
        from streamplay.network.api import SpeechApi

        server = self.options.server
        if self.options.local:
            server["base_url"] = local
        return SpeechApi(**server, retries=False)


def read(words: Sequence[str], common: Mapping[str, Any]) -> list[Target]:
    """Return the targets that the words name; without words, the one that the flags name.

    Raises
    ------
    InvalidRequest
        If a word or a file cannot be read, if two targets have the same name, or if one has
        neither a key nor a server.
    """
    tables = [table for word in words for table in _tables(word)] or [("", {})]
    return of_tables(tables, common)


def of_tables(
    tables: Sequence[tuple[str, dict[str, Any]]], common: Mapping[str, Any]
) -> list[Target]:
    """Return the targets that tables describe, each with its name: as `read` does."""
    targets = [_target(name, table, common) for name, table in tables]
    targets = _named(targets)
    for target in targets:
        _require_server(target)
        target.client("http://localhost").endpoint.require_key()
    return targets


def _tables(word: str) -> list[tuple[str, dict[str, Any]]]:
    if word.endswith(".toml"):
        return _file(word)
    pairs = [item.partition("=") for item in word.split(",")]
    if not all(equals and key for key, equals, _ in pairs):
        allowed = "KEY=VALUE,KEY=VALUE, or a file whose name ends in .toml"
        raise InvalidRequest("target", f"{word!r} is none", allowed=allowed)
    table = {key.strip().replace("-", "_"): _value(text) for key, _, text in pairs}
    if len(table) < len(pairs):
        raise InvalidRequest("target", f"{word!r} says one thing twice", allowed="each once")
    return [(str(table.pop("name", "")), table)]


def _value(text: str) -> Any:
    """Return a number or a boolean if TOML reads one, otherwise the text."""
    with suppress(ValueError, RecursionError):  # TOMLDecodeError is a ValueError
        value = tomllib.loads(f"value = {text}")["value"]
        if isinstance(value, (bool, int, float)):
            return value
    return text


def _file(name: str) -> list[tuple[str, dict[str, Any]]]:
    try:
        content = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        allowed = "TOML with a table for each target"
        raise InvalidRequest("target", f"{name}: {error}", allowed=allowed) from error
    shared = {key: value for key, value in content.items() if not isinstance(value, dict)}
    tables = [(key, shared | value) for key, value in content.items() if isinstance(value, dict)]
    if not tables:
        raise InvalidRequest("target", f"{name} names none", allowed="a table for each: [NAME]")
    return tables


def _target(name: str, table: Mapping[str, Any], common: Mapping[str, Any]) -> Target:
    for key in table:
        if key not in KEYS:
            raise InvalidRequest("target", f"{key!r} is no key of one", allowed=_ALLOWED)
    if not name.isprintable():
        raise InvalidRequest("target", f"{name!r} is no name", allowed="what can be printed")
    if not isinstance(table.get("local", False), bool):
        raise InvalidRequest("local", f"{table['local']!r} is not offered", allowed="true, false")
    chosen = {**common, **table}
    if table.get("local"):
        chosen["base_url"] = None
    elif table.get("base_url"):
        chosen["local"] = False
    given = {key: value for key, value in chosen.items() if value is not None}
    if not given.get("local"):
        given.pop("local", None)
    target = Target(name, Options(play=False, **chosen), given)
    # Checked before its base URL is printed or used: it may hold a password.
    target.request("A text.")
    target.client("http://localhost")
    return target


def _named(targets: list[Target]) -> list[Target]:
    """Give each target a different name; those without one are named after what differs."""
    for each in _DISTINCTIONS:
        names = [target.name or each(target) for target in targets]
        if len(set(names)) == len(names):
            return [replace(t, name=name) for t, name in zip(targets, names, strict=True)]
    raise InvalidRequest("target", "two are the same", allowed="a name=… for each of them")


_DISTINCTIONS: Final[tuple[Callable[[Target], str], ...]] = (
    lambda target: str(target.model),
    lambda target: f"{target.model} {target.request('.').voice}",
    lambda target: f"{target.model} {target.request('.').voice} {target.base_url}",
)


def _require_server(target: Target) -> None:
    """Raise if the user named neither a key nor a server for a target."""
    options = target.options
    meant = options.local or options.base_url or options.api_key_env
    if not (meant or os.environ.get(BASE_URL_VARIABLE) or os.environ.get(KEY_VARIABLE)):
        raise InvalidRequest(
            "target",
            f"{target.name} has neither a key nor a server",
            allowed=f"a key in {KEY_VARIABLE}, --base-url, or --local for the built-in voice",
        )
