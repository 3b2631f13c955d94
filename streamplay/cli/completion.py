"""``streamplay completion``: scripts with which shells complete our commands and flags.

The scripts are made from the parsers, so that they hold exactly the flags that there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamplay.cli import console, parser, status
from streamplay.rules.option_table import OPTIONS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a command.

    Attributes
    ----------
    takes_value : bool
        Whether the flag takes a value.
    choices : tuple of str
        The possible values; empty: any value.
    """

    names: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...] = ()


def add_arguments(parser_: parser.Parser) -> None:
    """Add the arguments of ``completion``."""
    parser_.add_argument("shell", choices=tuple(_SHELLS), metavar="SHELL", help="bash, zsh or fish")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    console.out(_SHELLS[args.shell]())
    return status.OK


def flags_of(command: str) -> Iterator[Flag]:
    """Return the flags of a command, in the order of its help."""
    for action in parser.build(command).actions:
        if action.option_strings:
            yield Flag(
                tuple(action.option_strings),
                action.help or "",
                action.nargs != 0,
                tuple(map(str, action.choices or _suggestions(action))),
            )


def _suggestions(action: argparse.Action) -> Sequence[str]:
    """Return the values of an option that takes others as well."""
    option = OPTIONS.get(action.dest)
    return option.allowed if option is not None and option.kind == "encoding" else ()


def words_of(command: str) -> Sequence[str]:
    """Return the words that may be a command's argument, if there is a list of them."""
    positional = (action for action in parser.build(command).actions if not action.option_strings)
    return tuple(str(word) for action in positional for word in action.choices or ())


def bash() -> str:
    """Return the script for bash: ``source <(streamplay completion bash)``."""
    cases = "\n".join(_bash_command(command) for command in parser.COMMANDS)
    return f"""\
# bash completion for streamplay: source <(streamplay completion bash)
_streamplay() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    local flags= words=
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        COMPREPLY=($(compgen -W "{" ".join(parser.COMMANDS)} --help --version" -- "$current"))
        return
    fi
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$current"))
    elif [[ -n $words ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$current"))
    else
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F _streamplay streamplay"""


def _bash_command(command: str) -> str:
    flags = list(flags_of(command))
    names = " ".join(name for flag in flags for name in flag.names)
    lines = [
        f'            {"|".join(flag.names)}) words="{" ".join(flag.choices)}" ;;'
        for flag in flags
        if flag.choices
    ]
    words = " ".join(words_of(command))
    values = "\n".join(['            case "$previous" in', *lines, "            esac"])
    return "\n".join(
        [
            f"        {command})",
            f'            flags="{names}" words="{words}"',
            *([values] if lines else []),
            "            ;;",
        ]
    )


def zsh() -> str:
    """Return the script for zsh: a file ``_streamplay`` in a folder of ``$fpath``."""
    commands = "\n".join(
        f"        {_quoted(f'{name}:{summary}')}" for name, summary in parser.COMMANDS.items()
    )
    cases = "\n".join(_zsh_command(command) for command in parser.COMMANDS)
    return f"""\
#compdef streamplay
# zsh completion for streamplay: source <(streamplay completion zsh), or a file
# _streamplay with this in a folder of $fpath.
_streamplay() {{
    local -a commands
    commands=(
{commands}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command="$words[2]"
    shift words
    (( CURRENT-- ))
    case "$command" in
{cases}
    esac
}}
if [[ "$funcstack[1]" == _streamplay ]]; then
    _streamplay "$@"
else
    compdef _streamplay streamplay
fi"""


def _zsh_command(command: str) -> str:
    specs = [_zsh_flag(name, flag) for flag in flags_of(command) for name in flag.names]
    words = " ".join(words_of(command))
    specs.append(_quoted(f"*:word:({words})" if words else "*:text:_files"))
    lines = " \\\n                ".join(["_arguments", *specs])
    return f"        {command})\n            {lines}\n            ;;"


def _zsh_flag(name: str, flag: Flag) -> str:
    text = flag.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    value = ""
    if flag.takes_value:
        value = f":value:({' '.join(flag.choices)})" if flag.choices else ":value:_files"
    return _quoted(f"*{name}[{text}]{value}")


def fish() -> str:
    """Return the script for fish: ``streamplay completion fish | source``."""
    lines = [
        "# fish completion for streamplay: streamplay completion fish | source",
        "complete -c streamplay -n __fish_use_subcommand -f",
        "complete -c streamplay -n __fish_use_subcommand -l help -d 'show the help'",
        "complete -c streamplay -n __fish_use_subcommand -l version -d 'print the version'",
    ]
    for command, summary in parser.COMMANDS.items():
        lines.append(
            f"complete -c streamplay -n __fish_use_subcommand -a {command} -d {_quoted(summary)}"
        )
        seen = f"complete -c streamplay -n '__fish_seen_subcommand_from {command}'"
        if words := " ".join(words_of(command)):
            lines.append(f"{seen} -f -a {_quoted(words)}")
        lines += [f"{seen} {_fish_flag(flag)}" for flag in flags_of(command)]
    return "\n".join(lines)


def _fish_flag(flag: Flag) -> str:
    parts = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names]
    if flag.choices:
        parts.append(f"-x -a {_quoted(' '.join(flag.choices))}")
    elif flag.takes_value:
        parts.append("-r")
    return " ".join([*parts, f"-d {_quoted(flag.help)}"])


def _quoted(text: str) -> str:
    # A quote inside quotes: end the quoting, an escaped quote, begin again. All three shells
    # read that alike.
    return "'" + text.replace("'", "'\\''") + "'"


_SHELLS: dict[str, Callable[[], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
