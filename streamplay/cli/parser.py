"""The commands, and how the words of a command line become a command and its arguments."""

from __future__ import annotations

import argparse
from importlib import import_module

from streamplay.cli import console
from streamplay.cli.usage import UsageError, closest

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final, NoReturn, Protocol

    class CommandModule(Protocol):
        """What the module of a command has."""

        def add_arguments(self, parser: Parser) -> None:
            """Add the command's arguments."""

        def run(self, args: argparse.Namespace) -> int:
            """Run it; return the exit status."""


COMMANDS: Final = {
    "say": "speak text, or standard input as it arrives",
    "play": "play a sound file, or raw audio from standard input",
    "live": "a prompt: every line is spoken at once",
    "voices": "list the voices that the server offers",
    "models": "list the known models and what they really return",
    "devices": "list the output devices",
    "doctor": "check the library, the device, the key and the network",
    "serve": "run the local speech server",
    "bench": "measure latency as it is heard; tables, plots, JSON",
    "replay": "play or simulate a recorded arrival trace",
    "config": "look at the configuration, or change it",
    "login": "store the API key",
    "completion": "print the completion script for a shell",
}
"""Every command and what it does, in the order of the overview."""


class _Formatter(argparse.HelpFormatter):
    """A formatter that finds the terminal's width without `shutil`.

    `argparse` makes a formatter for every parser, also without ``--help``, and the import of
    `shutil`, with the compression modules that it imports, takes 5 ms.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=console.columns() - 2)


_MODULES: Final = {"config": "config_command"}
"""The modules of commands whose name is another module's."""


_CONFIGURED: Final = frozenset({"say", "live", "voices", "serve"})
"""The commands that read the configuration file."""


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that raises `UsageError` instead of ending the process.

    Flags cannot be abbreviated: a new flag would change what an abbreviation means.
    """

    def __init__(self, prog: str, **kwargs: Any) -> None:
        super().__init__(prog=prog, allow_abbrev=False, formatter_class=_Formatter, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(message, see=self.prog)

    @property
    def actions(self) -> Sequence[argparse.Action]:
        """Every argument, ``--help`` included."""
        return tuple(self._actions)

    def parse_words(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse text and flags in any order, as in ``say Hello --local world``.

        Everything after ``--`` is text.
        """
        # parse_known_intermixed_args drops a leading "--": it is given only what stands before.
        cut = words.index("--") if "--" in words else len(words)
        args, unknown = self.parse_known_intermixed_args(words[:cut])
        if not hasattr(args, "text"):
            unknown += words[cut + 1 :]
        else:
            args.text += words[cut + 1 :]
        if unknown:
            self.error(f"unknown argument: {unknown[0]}{self._nearest_flag(unknown[0])}")
        return args

    def _nearest_flag(self, word: str) -> str:
        flags = [flag for action in self.actions for flag in action.option_strings]
        return closest(word.partition("=")[0], flags)


def load(name: str) -> CommandModule:
    """Import the module of the command `name`."""
    command: CommandModule = import_module(f"streamplay.cli.{_MODULES.get(name, name)}")
    return command


def build(name: str) -> Parser:
    """Return the parser of the command `name`, with all its arguments."""
    summary = COMMANDS[name]
    parser = Parser(f"streamplay {name}", description=f"{summary[0].upper()}{summary[1:]}.")
    load(name).add_arguments(parser)
    if name in _CONFIGURED:
        parser.add_argument(
            "--profile", metavar="NAME", help="use [profile.NAME] of the configuration"
        )
    return parser


def overview() -> Parser:
    """Return the parser behind ``streamplay --help``, which imports no command."""
    parser = Parser(
        "streamplay",
        usage="streamplay COMMAND [OPTIONS]",
        description="Plays text as speech while it is still being generated.",
        epilog="streamplay COMMAND --help tells more.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND [OPTIONS]", prog="streamplay"
    )
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary)
    return parser


def parse(words: Sequence[str]) -> tuple[CommandModule, argparse.Namespace]:
    """Return the command that the words name, and its arguments.

    Flags win over the environment, and the environment over the configuration file.

    Raises
    ------
    UsageError
        If the words or the configuration file cannot be understood.
    SystemExit
        After ``--help`` and ``--version``.
    """
    from streamplay.cli import config

    if not words or words[0].startswith("-"):
        _answer_without_a_command(words)
    name = words[0]
    if name not in COMMANDS:
        raise UsageError(f"{name!r} is no command{closest(name, COMMANDS)}", see="streamplay")
    parser = build(name)
    args = parser.parse_words(words[1:])
    config.fill(args, name, parser)
    return load(name), args


def _answer_without_a_command(words: Sequence[str]) -> NoReturn:
    if not words:
        raise UsageError("name a command, for example: streamplay say Hello", see="streamplay")
    if words[0] == "--version":
        console.out(_version())
        raise SystemExit(0)
    if words[0] in {"-h", "--help"}:
        overview().parse_args(words[:1])
    raise UsageError("the command comes first: streamplay COMMAND [OPTIONS]", see="streamplay")


def _version() -> str:
    from importlib.metadata import version

    return f"streamplay {version('streamplay')}"
