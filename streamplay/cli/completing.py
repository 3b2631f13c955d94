"""What a shell asks when Tab is pressed: flags, and the values that belong to each of them.

argcomplete's scripts run ``streamplay`` with ``_ARGCOMPLETE`` set and the line in the environment.
No network is asked and numpy is not imported: a person waits for the answer. Voices are those that
``streamplay voices`` has listed before.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from argcomplete.completers import SuppressCompleter
from argcomplete.finders import CompletionFinder

from streamplay.cli import config, known_voices, options, parser
from streamplay.errors import StreamPlayError
from streamplay.rules.option_table import OPTIONS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    Completer = Callable[..., Iterable[str]]

LANGUAGES: Final = (
    *("ar", "cs", "da", "de", "el", "en", "en-gb", "en-us", "es", "fi", "fr", "he", "hi", "hu"),
    *("id", "it", "ja", "ko", "nb", "nl", "pl", "pt", "pt-br", "ro", "ru", "sv", "th", "tr", "uk"),
    *("vi", "zh", "zh-hk"),
)
"""Codes that are proposed: those of large speech models. Any other may be typed."""


def answer() -> None:
    """Print the completions of the line that the shell names, and end the process."""
    words = os.environ.get("COMP_LINE", "").split()
    command = words[1] if len(words) > 1 else ""
    CompletionFinder()(
        _parser_of(command), always_complete_options=False, default_completer=SuppressCompleter()
    )


def _parser_of(command: str) -> argparse.ArgumentParser:
    """Return a parser with every command, of which `command` alone has its arguments."""
    whole = parser.overview()
    if command in parser.COMMANDS:
        built = parser.build(command)
        for action in built.actions:
            completer = completer_of(action)
            if completer is not None:
                action.completer = completer  # type: ignore[attr-defined]
        commands = next(each for each in whole.actions if each.choices)
        commands.choices[command] = built  # type: ignore[index]
    return whole


def completer_of(action: argparse.Action) -> Completer | None:
    """Return what proposes the values of an argument; None: its choices, or nothing."""
    if action.choices:
        return None
    name = action.dest.removeprefix("of_")
    if name in _COMPLETERS:
        return _COMPLETERS[name]
    allowed = _allowed(name)
    if allowed:
        return lambda **_: allowed
    metavar = str(action.metavar or "")
    if any(word in metavar for word in ("FILE", "TRACE", "DIR")):
        return _files
    return None


def _allowed(name: str) -> tuple[str, ...]:
    """Return the known values of an option that takes others as well."""
    option = OPTIONS.get(name)
    if option is None or option.kind not in {"encoding", "latency", "prebuffer"}:
        return ()
    return tuple(option.allowed)


def _once(values: Iterable[str]) -> list[str]:
    """Return each value once; a list, because argcomplete takes a mapping's values to be told."""
    return list(dict.fromkeys(values))


def _files(prefix: str, **_: Any) -> Iterator[str]:
    """Yield the files and folders that a path may go on with."""
    start, slash, name = prefix.rpartition("/")
    try:
        folder = Path(start + slash).expanduser()
        found = sorted(folder.iterdir())
    except (OSError, RuntimeError):  # there is no such folder, or no such user
        return
    for entry in found:
        if entry.name.startswith(name) and (name or not entry.name.startswith(".")):
            yield start + slash + entry.name + ("/" if entry.is_dir() else "")


def _voices(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    model = getattr(parsed_args, "model", None) or getattr(parsed_args, "of_model", None)
    return known_voices.names(_server(parsed_args), model)


def _server(args: argparse.Namespace) -> str | None:
    return "local" if getattr(args, "local", None) else getattr(args, "base_url", None)


def _models(**_: Any) -> Iterable[str]:
    from streamplay.models import known_models

    return _once([*(each.id for each in known_models()), *known_voices.models()])


def _devices(**_: Any) -> Iterable[str]:
    from streamplay.outputs.devices import list_devices

    try:
        return _once(device.name for device in list_devices())
    except StreamPlayError:
        return ()


def _profiles(**_: Any) -> Iterable[str]:
    return _once(_content().get("profile", {}))


def _keys(**_: Any) -> Iterable[str]:
    """Return the keys of the configuration: those that may be set, and those of its tables."""
    tables = {name: table for name, table in _content().items() if isinstance(table, dict)}
    within = [f"{name}.{key}" for name, table in tables.items() for key in table]
    return [*sorted(options.shared_names() & OPTIONS.keys()), *within]


def _value(parsed_args: argparse.Namespace, **given: Any) -> Iterable[str]:
    """Return the values of the key that ``config set`` names."""
    name = (parsed_args.key or "").rpartition(".")[2]
    action = next((each for each in parser.build("say").actions if each.dest == name), None)
    if action is None:
        return ()
    if action.choices:
        return tuple(action.choices)
    if action.nargs == 0:
        return ("true", "false")
    completer = completer_of(action)
    return completer(parsed_args=parsed_args, **given) if completer else ()


def _content() -> dict[str, Any]:
    try:
        return config.read(config.path())
    except StreamPlayError:
        return {}


_COMPLETERS: Final[dict[str, Completer]] = {
    "voice": _voices,
    "model": _models,
    "device": _devices,
    "language": lambda **_: LANGUAGES,
    "base_url": lambda **_: known_voices.servers(),
    "api_key_env": lambda **_: (name for name in os.environ if name.endswith(("_KEY", "_TOKEN"))),
    "profile": _profiles,
    "key": _keys,
    "value": _value,
}
"""What proposes the values of an argument, by its name."""
