"""The commands, and how the words of a command line become a command and its arguments."""

from __future__ import annotations

import argparse
import sys
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
    "models": "list models and what they really return",
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


_LONGEST_VALUE: Final = 40
"""Characters of the list of a flag's values that may stand beside the flag."""


class _Formatter(argparse.HelpFormatter):
    """A formatter that finds the terminal's width without `shutil`.

    `argparse` makes a formatter for every parser, also without ``--help``, and the import of
    `shutil`, with the compression modules that it imports, takes 5 ms.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=console.columns() - 2)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Name the value once, as ``-v, --voice VOICE``: Python 3.13 and later do that too."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        if len(value) > _LONGEST_VALUE:
            value = action.dest.upper()
        return f"{', '.join(action.option_strings)} {value}"

    def _get_help_string(self, action: argparse.Action) -> str | None:
        """List the values behind the help where they are too many to stand beside the flag."""
        choices = [str(each) for each in action.choices or ()]
        if action.metavar is not None or len(",".join(choices)) + 2 <= _LONGEST_VALUE:
            return action.help
        return f"{action.help}: {', '.join(choices)}"


class _ShowHelp(argparse.Action):
    """Prints the help and ends, as `argparse`'s own action does."""

    def __init__(self, option_strings: Sequence[str], **options: Any) -> None:
        options |= {"dest": argparse.SUPPRESS, "default": argparse.SUPPRESS, "nargs": 0}
        super().__init__(option_strings, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print it."""
        assert isinstance(parser, Parser)
        text = parser.format_help() if self._is_for_all else parser.format_short_help()
        console.out(text.rstrip("\n"))
        raise SystemExit(0)

    @property
    def _is_for_all(self) -> bool:
        return "--help-all" in self.option_strings


_MODULES: Final = {"config": "config_command"}
"""The modules of commands whose name is another module's."""


_CONFIGURED: Final = frozenset({"say", "live", "play", "voices", "serve"})
"""The commands that may be given a profile of the configuration file."""


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that raises `UsageError` instead of ending the process.

    Flags cannot be abbreviated: a new flag would change what an abbreviation means.
    """

    def __init__(self, prog: str, **kwargs: Any) -> None:
        super().__init__(
            prog=prog, allow_abbrev=False, add_help=False, formatter_class=_Formatter, **kwargs
        )
        self.add_argument(
            "-h", "--help", action=_ShowHelp, help="show examples and the usual flags"
        )

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(_with_nearest(message), see=self.prog)

    @property
    def actions(self) -> Sequence[argparse.Action]:
        """Every argument, ``--help`` included."""
        return tuple(self._actions)

    def format_short_help(self) -> str:
        """Return the help that ``-h`` shows: three examples, and the flags one wants first."""
        from streamplay.cli import help_pages

        command = self.prog.partition(" ")[2]
        examples = help_pages.examples_text(command, console.columns())
        if not command:
            return f"{examples}\n\n{self.format_help()}"
        shown = tuple(help_pages.first_actions(command, self.actions))
        formatter = self._get_formatter()
        formatter.add_text(self.description)
        for title, are_flags in (("arguments", False), ("options", True)):
            formatter.start_section(title)
            formatter.add_arguments(
                [each for each in shown if bool(each.option_strings) is are_flags]
            )
            formatter.end_section()
        others = len(self.actions) - len(shown) - 2  # those that show help
        if help_pages.is_short(command):
            formatter.add_text(f"{others} more flags: {self.prog} --help-all")
        intro, _, rest = formatter.format_help().partition("\n\n")
        return f"{intro}\n\n{examples}\n\n{self.format_usage()}\n{rest}"

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse ``--`` as the value of a flag, of which argparse would make an empty list."""
        words = sys.argv[1:] if args is None else list(args)
        for word in words[: words.index("--")] if "--" in words else words:
            flag, equals, value = word.partition("=")
            short = word[:1] == "-" and word[1:2] != "-"
            if (word[:1] == "-" and equals and value == "--") or (short and word[2:] == "--"):
                self.error(f"{flag if equals else word[:2]}: -- is no value")
        return super().parse_known_args(args, namespace)

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
            # Without the value: that of --api-key=… would be shown.
            flag = unknown[0].partition("=")[0] if unknown[0].startswith("-") else unknown[0]
            self.error(f"unknown argument: {flag}{self._nearest_flag(flag)}")
        return args

    def _nearest_flag(self, word: str) -> str:
        flags = [flag for action in self.actions for flag in action.option_strings]
        return closest(word, flags)


def load(name: str) -> CommandModule:
    """Import the module of the command `name`."""
    command: CommandModule = import_module(f"streamplay.cli.{_MODULES.get(name, name)}")
    return command


def build(name: str) -> Parser:
    """Return the parser of the command `name`, with all its arguments."""
    summary = COMMANDS[name]
    parser = Parser(f"streamplay {name}", description=f"{summary[0].upper()}{summary[1:]}.")
    parser.add_argument("--help-all", action=_ShowHelp, help="show every flag")
    load(name).add_arguments(parser)
    parser.usage = _usage(parser)
    if name in _CONFIGURED:
        parser.add_argument(
            "--profile", metavar="NAME", help="use [profile.NAME] of the configuration"
        )
    return parser


def _usage(parser: Parser) -> str:
    """Return the usage without the flags, which are listed below it."""
    shown: dict[object, str] = {None: "{}", "?": "[{}]", "*": "[{} …]", "+": "{} …"}
    words = [
        shown.get(action.nargs, "{}").format(action.metavar or action.dest.upper())
        for action in parser.actions
        if not action.option_strings
    ]
    return " ".join([parser.prog, "[OPTIONS]", *words])


def _with_nearest(message: str) -> str:
    """Add the nearest value to argparse's sentence about one that may not be chosen."""
    import re

    found = re.match(r"(argument .*): invalid choice: '(.*)' \(choose from (.*)\)", message)
    if found is None:
        return message
    name, given, known = found.groups()
    words = re.findall(r"[^', ]+", known)
    near = closest(given, words) or f": choose from {', '.join(words)}"
    return f"{name}: invalid choice: {given!r}{near}"


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
        raise _no_command(name)
    parser = build(name)
    args = parser.parse_words(words[1:])
    config.fill(args, name, parser)
    return load(name), args


def _no_command(word: str) -> UsageError:
    near = closest(word, COMMANDS)
    if near or word.islower():
        return UsageError(f"{word!r} is no command{near}", see="streamplay")
    error = UsageError(f"{word!r} is no command")  # it looks like the beginning of a sentence
    error.remedy = "To speak a text: streamplay say TEXT"
    return error


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
