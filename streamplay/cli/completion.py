"""``streamplay completion``: the script with which a shell asks `completing` on Tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from argcomplete.shell_integration import shellcode

from streamplay.cli import console, status

if TYPE_CHECKING:
    import argparse

    from streamplay.cli.parser import Parser

SHELLS: Final = ("bash", "zsh", "fish")


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``completion``."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    console.out(script(args.shell))
    return status.OK


def script(shell: str) -> str:
    """Return the script of a shell; where nothing fits, the shell proposes nothing of its own."""
    made: str = shellcode(["streamplay"], use_defaults=False, shell=shell)
    return made.strip()
