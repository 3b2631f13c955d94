"""``streamplay play``: plays a sound file or raw audio through the same path as speech."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from streamplay.cli import console, options, report, status
from streamplay.cli.signals import Interruption
from streamplay.cli.usage import UsageError
from streamplay.errors import StreamPlayError

if TYPE_CHECKING:
    import argparse

    from streamplay.cli.at_terminal import AtTerminal
    from streamplay.cli.parser import Parser
    from streamplay.receipt import Receipt


_SOUND: Final = ("device", "latency", "volume", "prebuffer")
"""The options of the player that have flags here."""


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``play``."""
    add = parser.add_argument
    add("file", metavar="FILE|-", help="a sound file; -: standard input")
    add("--decode-as", metavar="ENCODING@RATE", help="read the file as raw audio of this format")
    options.add_sound(parser, *_SOUND)
    telling = parser.add_argument_group("telling")
    telling.add_argument("--stats", action="store_true", default=None, help="a readable receipt")
    telling.add_argument("--json", action="store_true", default=None, help="the receipt as JSON")
    options.plain(telling)
    options.quiet(telling)


def run(args: argparse.Namespace) -> int:
    """Play, print the receipt, and return the exit status."""
    if args.file == "-" and sys.stdin is None:
        raise UsageError("standard input is closed")
    with Interruption() as interruption:
        terminal = _open_terminal(args, interruption)
        try:
            receipt = _play(args, interruption, terminal)
        except StreamPlayError as error:
            return _failed(args, error)
    _tell(args, receipt)
    if terminal is not None and terminal.ended_by_key:
        return status.OK
    if receipt.interrupted and interruption.received is not None:
        return status.of_signal(interruption.received)
    return status.of_receipt(receipt)


def _open_terminal(args: argparse.Namespace, interruption: Interruption) -> AtTerminal | None:
    if not options.shows_status(args):
        return None  # before anything is imported for it
    from streamplay.cli.at_terminal import SoundProgress, open_terminal

    return open_terminal(SoundProgress(), interruption, given=args.file != "-")


def _failed(args: argparse.Namespace, error: StreamPlayError) -> int:
    code = status.of_error(error)
    console.tell(str(error))
    if code != status.USAGE:
        _tell(args, error.receipt or _blank(args, error))
    return code


def _stopped(args: argparse.Namespace) -> Receipt:
    """Return the receipt of a file of which nothing had come when a signal did."""
    receipt = _blank(args, None)
    receipt.interrupted = True
    return receipt


def _blank(args: argparse.Namespace, error: StreamPlayError | None) -> Receipt:
    """Return the receipt of a file that was never begun."""
    receipt = report.blank({}, error)
    receipt.model = receipt.voice = ""
    receipt.base_url = sys.stdin.name if args.file == "-" else args.file
    return receipt


def _play(
    args: argparse.Namespace, interruption: Interruption, terminal: AtTerminal | None
) -> Receipt:
    from streamplay.player import LazyPlayer, SteeredPlayer

    asked = {name: value for name in _SOUND if (value := getattr(args, name)) is not None}
    shown = {} if terminal is None else terminal.options
    make = LazyPlayer if terminal is None else SteeredPlayer
    file = sys.stdin.buffer if args.file == "-" else args.file
    notify = options.notifier(args)
    with make(**asked, **shown, follow_default=True, notify=notify) as player:
        # A pipe may have no writer, or one that says nothing yet.
        sound = interruption.waiting(lambda: player.play_file(file, decode_as=args.decode_as))
        if sound is None:
            return _stopped(args)
        interruption.call(sound.cancel)
        if terminal is None:
            return sound.wait()
        receipt = terminal.listen(player, sound)
    if receipt.interrupted:
        console.tell(terminal.where_it_stopped)
    return receipt


def _tell(args: argparse.Namespace, receipt: Receipt) -> None:
    if args.json:
        console.out(report.as_json(receipt.to_dict()))
    if args.stats:
        write = console.err if args.json else console.out
        write(report.receipt_text(receipt))
