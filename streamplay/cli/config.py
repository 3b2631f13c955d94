"""Flags, environment, configuration file: who wins, and what the file may say.

The file is TOML. Keys are the flags' names with underscores. Those that several
commands share may stand at the top; a table named as a command holds for that
command alone and wins over the top::

    voice = "tara"
    fallback = "local"

    [live]
    volume = -6.0

Paths are those of `os.path`: pathlib takes 5 ms to import, before a request leaves.

A flag on the command line wins over the environment (`TOGETHER_BASE_URL`), and
the environment over the file.
"""

from __future__ import annotations

import os
import sys

from streamplay.cli import options
from streamplay.cli.usage import UsageError, closest

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Final

    from streamplay.cli.parser import Parser

_CONFIGURABLE: Final = ("say", "live", "voices", "serve")
"""The commands that may have a table of their own."""

_NEVER: Final = {
    "api_key": "a key does not belong in this file: export TOGETHER_API_KEY",
    "json": "what is printed is decided where it is read: give --json as a flag",
    "output": "a file to write is named where it is wanted: give -o as a flag",
    "force": "overwriting is decided each time: give --force as a flag",
}


def path(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return where the configuration file is looked for; None without a home folder.

    ``$XDG_CONFIG_HOME/streamplay/config.toml`` where that is set (the XDG Base
    Directory Specification ignores relative paths); otherwise ``%APPDATA%`` on
    Windows, ``~/Library/Application Support`` on macOS, ``~/.config`` elsewhere.
    """
    folder = _folder(platform, environment)
    return os.path.join(folder, "streamplay", "config.toml") if folder else None


def _folder(platform: str, environment: Mapping[str, str]) -> str | None:
    xdg = environment.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(xdg):
        return xdg
    if platform == "win32":
        return environment.get("APPDATA") or None
    home = environment.get("HOME")
    if not home:
        return None
    tail = "Library/Application Support" if platform == "darwin" else ".config"
    return os.path.join(home, tail)


def read(file: str | None) -> dict[str, Any]:
    """Return the file's content; nothing where there is no file.

    Raises
    ------
    UsageError
        If it cannot be read or is no TOML.
    """
    if file is None:
        return {}
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file} is no TOML: {error}") from error


def fill(
    args: argparse.Namespace,
    command: str,
    parser: Parser,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Fill what no flag has set, in place, from the environment and the file.

    Afterwards `args.base_url` is the flag's or the file's; that of the
    environment stays in the environment, where the client finds it (a key goes
    to that host because the same hand has set both).
    """
    file = path(environment=environment)
    content = read(file)
    if not content:
        return
    _check_keys(content, file)
    flags = {key: value for key, value in vars(args).items() if value is not None}
    chosen = {**_shared(content, parser), **content.get(command, {})}
    for key in _overruled(flags, environment):
        chosen.pop(key, None)
    words = [word for key, value in chosen.items() for word in _as_flags(key, value, parser, file)]
    if not words:
        return
    try:
        values = parser.parse_args([*words, *_positionals(args, parser)])
    except UsageError as error:
        raise UsageError(f"{file}: {error.message}") from error
    for key, value in vars(values).items():
        if key not in flags:
            setattr(args, key, value)


def _positionals(args: argparse.Namespace, parser: Parser) -> Sequence[str]:
    """Return the words that are no flags: a parser that asks for some wants them again."""
    found = [getattr(args, each.dest) for each in parser.actions if not each.option_strings]
    words = [word for each in found for word in (each if isinstance(each, list) else [each])]
    return ["--", *words] if words else []


def _overruled(flags: Mapping[str, Any], environment: Mapping[str, str]) -> set[str]:
    # Where to speak is one choice: a flag for one way takes back the file's other.
    if environment.get("TOGETHER_BASE_URL") or flags.keys() & {"local", "base_url"}:
        return {"local", "base_url"}
    return set()


def _shared(content: Mapping[str, Any], parser: Parser) -> dict[str, Any]:
    known = {action.dest for action in parser.actions}
    return {
        key: value
        for key, value in content.items()
        if key in known and not (key in _CONFIGURABLE and isinstance(value, dict))
    }


def _check_keys(content: Mapping[str, Any], file: str | None) -> None:
    shared = options.shared_names()
    for key, value in content.items():
        if key in _NEVER:
            raise UsageError(f"{file}: {key}: {_NEVER[key]}")
        if key in _CONFIGURABLE and isinstance(value, dict):
            continue
        if key not in shared:
            raise UsageError(f"{file}: unknown key {key!r}{closest(key, shared)}")


def _as_flags(key: str, value: Any, parser: Parser, file: str | None) -> Iterator[str]:
    """Spell a key of the file as the flags that say the same: one way to validate both."""
    if key in _NEVER:
        raise UsageError(f"{file}: {key}: {_NEVER[key]}")
    named = {action.dest: action for action in parser.actions if action.option_strings}
    if key not in named:
        raise UsageError(f"{file}: unknown key {key!r}{closest(key, named)}")
    names = named[key].option_strings
    if named[key].nargs == 0:
        yield from _as_switch(key, value, names, file)
    elif isinstance(value, list):
        yield from (f"{names[-1]}={item}" for item in value)
    else:
        yield f"{names[-1]}={value}"


def _as_switch(key: str, value: Any, names: Sequence[str], file: str | None) -> Iterator[str]:
    if not isinstance(value, bool):
        raise UsageError(f"{file}: {key}: {value!r} is neither true nor false")
    yield from (name for name in names if name.startswith("--no-") is not value)
