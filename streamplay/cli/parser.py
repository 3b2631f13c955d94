"""Which commands there are, and from words to a command and its arguments."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, cast

from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COMMANDS: Final = {
    "say": "speak text, or standard input as it arrives",
    "live": "a prompt: every line is spoken at once",
    "voices": "list the voices that the server offers",
    "models": "list the known models and what they really return",
    "devices": "list the output devices",
    "doctor": "check the library, the device, the key and the network",
    "serve": "run the local speech server",
    "completion": "print the completion script for a shell",
}
"""Every command, in the order of the overview, and what it does."""


class UsageError(InvalidRequest):
    """The words make no command; nothing was done."""

    def __init__(self, problem: str, *, see: str = "streamplay") -> None:
        super().__init__("usage", problem)
        self.message = problem
        self.remedy = f"See: {see} --help"


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that raises one sentence instead of leaving.

    Flags cannot be abbreviated: an abbreviation that works today would change
    its meaning with the next flag.
    """

    def __init__(self, prog: str, **kwargs: Any) -> None:
        super().__init__(prog=prog, allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(message, see=self.prog)


class Command(Protocol):
    """What a command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Run it; return the exit status."""


def load(name: str) -> Command:
    """Import the module of the command `name`."""
    return cast("Command", import_module(f"streamplay.cli.{name}"))


def build(name: str) -> Parser:
    """Return the whole parser of the command `name`."""
    parser = Parser(f"streamplay {name}", description=_sentence(COMMANDS[name]))
    load(name).add_arguments(parser)
    return parser


def overview() -> Parser:
    """Return the parser for ``streamplay --help``, which imports no command."""
    import streamplay.cli.version as version_

    parser = Parser("streamplay", description="Plays text as speech while it is being generated.")
    parser.add_argument("--version", action=version_.VersionAction, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog="streamplay")
    for name, summary in COMMANDS.items():
        commands.add_parser(f"streamplay {name}", help=summary)
    return parser


def parse(words: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """From words to a command and its arguments.

    Flags win over the environment, and the environment over the configuration
    file.

    Raises
    ------
    UsageError
        If the words or the configuration file cannot be understood.
    SystemExit
        After ``--help`` and ``--version``.
    """
    if not words or words[0].startswith("-"):
        _answer_overview(words)
    name = words[0]
    if name not in COMMANDS:
        raise UsageError(f'"{name}" is no command{closest(name, COMMANDS)}')
    parser = build(name)
    args = _parse_words(parser, list(words[1:]))
    from streamplay.cli import config

    config.fill(args, name, parser)
    return load(name), args


def closest(word: str, known: Iterable[str]) -> str:
    """Return ``'. Closest: "…"'`` where something known is near `word`, or nothing."""
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1)
    return f'. Closest: "{near[0]}"' if near else ""


def _parse_words(parser: Parser, words: list[str]) -> argparse.Namespace:
    # parse_intermixed_args takes "say Hello --local world" as it is meant, but
    # loses a leading "--"; what follows one is text, whatever it looks like.
    cut = words.index("--") if "--" in words else len(words)
    args, unknown = parser.parse_known_intermixed_args(words[:cut])
    if unknown:
        parser.error(f"unknown argument: {unknown[0]}{_nearest_flag(parser, unknown[0])}")
    rest = words[cut + 1 :]
    if rest:
        if not isinstance(getattr(args, "text", None), list):
            parser.error(f"unknown argument: {rest[0]}")
        args.text += rest
    return args


def _nearest_flag(parser: Parser, word: str) -> str:
    flags = [flag for action in parser._actions for flag in action.option_strings]  # noqa: SLF001
    return closest(word.partition("=")[0], flags)


def _answer_overview(words: Sequence[str]) -> NoReturn:
    parser = overview()
    if words and words[0] not in {"-h", "--help", "--version"}:
        raise UsageError("the command comes first: streamplay COMMAND [OPTIONS]")
    if words:
        parser.parse_args(words[:1])
    raise UsageError("name a command, for example: streamplay say Hello")


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."
