"""The configuration file, and how it combines with flags and environment.

The file is TOML. Its keys are the names of the flags, with underscores. Keys that several commands
share may stand at the top. A table with the name of a command holds for that command only, and
wins over the top::

    voice = "tara"
    fallback = "local"

    [live]
    volume = -6.0

    [pronounce]        # for every voice, together with --pronounce
    SQL = "sequel"

    [profile.work]     # with --profile work
    voice = "leo"

A flag on the command line wins over the environment (`TOGETHER_BASE_URL`), and the environment
over the file.

Paths are strings for `os.path`, because importing `pathlib` takes 5 ms before the first request.
"""

from __future__ import annotations

import os
import sys

from streamplay.cli import options
from streamplay.cli.usage import UsageError, closest

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Final, Protocol

    class Flags(Protocol):
        """What is needed of a command's parser."""

        @property
        def actions(self) -> Sequence[argparse.Action]:
            """Every argument."""

        def parse_args(self, args: Sequence[str]) -> argparse.Namespace:
            """Read words."""


COMMANDS_WITH_TABLE: Final = ("say", "live", "play", "voices", "serve")
"""The commands that may have a table in the file."""

TABLES: Final = ("phrases", "privacy")
"""Tables that are no flags: their commands read them with `tables`."""

NEVER: Final = {
    "api_key": "a key does not belong in this file: export TOGETHER_API_KEY",
    "json": "what is printed is decided where it is read: give --json as a flag",
    "output": "a file to write is named where it is wanted: give -o as a flag",
    "force": "overwriting is decided each time: give --force as a flag",
}


def path(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of the configuration file; None without a home folder.

    ``$XDG_CONFIG_HOME/streamplay/config.toml`` if that variable is set (the XDG Base Directory
    Specification ignores relative paths); otherwise in ``%APPDATA%`` on Windows, in
    ``~/Library/Application Support`` on macOS, in ``~/.config`` elsewhere.
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
    """Return the content of the file; an empty dict if there is no file.

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
    return parse(data, file)


def parse(data: bytes, file: str) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    UsageError
        If it is no TOML.
    """
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:  # ValueError: TOMLDecodeError and its relatives
        raise UsageError(f"{file} is no TOML: {error}") from error


def tables(environment: Mapping[str, str] = os.environ) -> dict[str, dict[str, Any]]:
    """Return the tables that are no flags: the user's phrases, and what may be kept.

    Raises
    ------
    UsageError
        If one of them holds something else.
    """
    file = path(environment=environment)
    return tables_in(read(file), str(file))


def tables_in(content: Mapping[str, Any], file: str) -> dict[str, dict[str, Any]]:
    """Return those tables of what a file holds.

    Raises
    ------
    UsageError
        If one of them holds something else.
    """
    found = {name: content.get(name, {}) for name in TABLES}
    for name, kind, what in (("phrases", str, "a text"), ("privacy", bool, "true or false")):
        table = found[name]
        if not isinstance(table, dict):
            raise UsageError(f"{file}: {name} is no table: [{name}]")
        for key, value in table.items():
            if not isinstance(value, kind):
                raise UsageError(f"{file}: [{name}] {key}: {value!r} is not {what}")
    return found


def fill(
    args: argparse.Namespace,
    command: str,
    parser: Flags,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Set the arguments that no flag has set, in place, from the configuration file.

    A base URL in the environment is not copied to `args.base_url`: `find_endpoint` must see that
    it comes from ``TOGETHER_BASE_URL``, because ``TOGETHER_API_KEY`` is sent to that host.
    """
    file = path(environment=environment)
    content = read(file)
    profile = getattr(args, "profile", None)
    if content or profile:
        fill_from(content, args, command, parser, file, environment=environment)


def fill_from(
    content: Mapping[str, Any],
    args: argparse.Namespace,
    command: str,
    parser: Flags,
    file: str | None,
    *,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Set the arguments that no flag has set from the content of a configuration file.

    A profile, ``[profile.NAME]``, wins over the rest of the file.
    """
    check(content, file)
    profile = _profile(content, getattr(args, "profile", None), file)
    flags = {key: value for key, value in vars(args).items() if value is not None}
    own = content.get(command, {})
    own = own if isinstance(own, dict) else {}  # ``play = false`` is a flag of `say`
    layers = (_shared(content, parser, command), own, profile)
    chosen = {key: value for layer in layers for key, value in layer.items()}
    if rules := _pronunciations(layers, flags.get("pronounce", []), file):
        chosen["pronounce"] = rules
        flags.pop("pronounce", None)
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


def _pronunciations(
    layers: Iterable[Mapping[str, Any]], given: Iterable[str], file: str | None
) -> list[str]:
    """Return the rules of all ``[pronounce]`` tables with those `given` as flags, which win.

    Empty where there is no such table: a list, ``pronounce = ["a/b"]``, is replaced by a flag as
    any other list is.
    """
    tables = [table for layer in layers if isinstance(table := layer.get("pronounce"), dict)]
    if not tables:
        return []
    rules: dict[str, str] = {}
    for source, replacement in (pair for table in tables for pair in table.items()):
        if not isinstance(replacement, str) or not source.strip() or "/" in source:
            raise UsageError(f'{file}: [pronounce] {source}: it is used as word = "replacement"')
        rules[source] = replacement
    rules |= dict(rule.partition("/")[::2] for rule in given)
    return [f"{source}/{replacement}" for source, replacement in rules.items()]


def _positionals(args: argparse.Namespace, parser: Flags) -> Sequence[str]:
    """Return the words that are no flags: a parser that requires some needs them again."""
    found = [getattr(args, each.dest) for each in parser.actions if not each.option_strings]
    words = [
        word
        for each in found
        for word in (each if isinstance(each, list) else [each])
        if word is not None
    ]
    return ["--", *words] if words else []


def _overruled(flags: Mapping[str, Any], environment: Mapping[str, str]) -> set[str]:
    # `local` and `base_url` exclude each other: a flag for one overrides the other in the file.
    if environment.get("TOGETHER_BASE_URL") or flags.keys() & {"local", "base_url"}:
        return {"local", "base_url"}
    return set()


def _shared(content: Mapping[str, Any], parser: Flags, command: str) -> dict[str, Any]:
    # What a server's bytes are, says nothing of a file that is played.
    own = {"decode_as"} if command == "play" else set()
    known = {action.dest for action in parser.actions} - own
    return {
        key: value for key, value in content.items() if key in known and not is_table(key, value)
    }


def is_table(key: str, value: Any) -> bool:
    """Return whether a key at the top is a command's table: `serve` and `play` are flags too."""
    return key in COMMANDS_WITH_TABLE and isinstance(value, dict)


def _profile(content: Mapping[str, Any], name: str | None, file: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    profiles = content.get("profile", {})
    if name not in profiles:
        raise UsageError(f"{file}: there is no [profile.{name}]{closest(name, profiles)}")
    profile: dict[str, Any] = profiles[name]
    return profile


def check(content: Mapping[str, Any], file: str | None) -> None:
    """Raise `UsageError` where the content has keys or tables that mean nothing."""
    shared = options.shared_names()
    for name, profile in _profiles(content, file):
        for key in profile:
            if key in NEVER or key not in shared:
                why = NEVER.get(key, f"unknown key{closest(key, shared)}")
                raise UsageError(f"{file}: [profile.{name}] {key}: {why}")
    for key, value in content.items():
        if key in NEVER:
            raise UsageError(f"{file}: {key}: {NEVER[key]}")
        if key in (*COMMANDS_WITH_TABLE, *TABLES, "profile") and isinstance(value, dict):
            continue
        if key not in shared:
            raise UsageError(f"{file}: unknown key {key!r}{closest(key, shared)}")


def _profiles(
    content: Mapping[str, Any], file: str | None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    profiles = content.get("profile", {})
    if not isinstance(profiles, dict):
        raise UsageError(f"{file}: profile is no table: [profile.NAME]")
    for name, profile in profiles.items():
        if not isinstance(profile, dict):
            raise UsageError(f"{file}: profile.{name} is no table: [profile.{name}]")
        yield name, profile


def _as_flags(key: str, value: Any, parser: Flags, file: str | None) -> Iterator[str]:
    """Yield the flags that mean the same as a key of the file: both are validated as flags."""
    if key in NEVER:
        raise UsageError(f"{file}: {key}: {NEVER[key]}")
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
