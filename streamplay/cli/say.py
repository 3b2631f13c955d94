"""``streamplay say``: speak text, or standard input as it arrives."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
from importlib import import_module

from streamplay.cli import console, options, report, status
from streamplay.cli.signals import Interruption
from streamplay.cli.usage import UsageError
from streamplay.errors import StreamPlayError
from streamplay.head_start import HeadStart
from streamplay.network.early import early_request, send_early

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

    from streamplay.cli.at_terminal import AtTerminal, Progress
    from streamplay.cli.first_piece import FirstPiece
    from streamplay.cli.parser import Parser
    from streamplay.player import Player
    from streamplay.receipt import Receipt
    from streamplay.speech.utterance import Utterance


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``say``."""
    parser.add_argument(
        "text", nargs="*", metavar="TEXT", help="the text; - or nothing: standard input"
    )
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="read FILE aloud: text, Markdown, HTML, EPUB; -: stdin"
    )
    parser.add_argument(
        "--from", dest="from_", metavar="SENTENCE|HEADING", help="with -f: where to begin"
    )
    parser.add_argument(
        "--resume", action="store_true", default=None, help="with -f: from where it was left"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        default=None,
        help="print characters, requests and minutes; send nothing",
    )
    options.add_request(parser)
    options.add_text(parser)
    options.add_server(parser)
    options.add_sound(parser)
    _add_keeping(parser)
    telling = parser.add_argument_group("telling")
    telling.add_argument("--stats", action="store_true", default=None, help="a readable receipt")
    telling.add_argument("--json", action="store_true", default=None, help="the receipt as JSON")
    options.plain(telling)
    options.quiet(telling)


def _add_keeping(parser: Parser) -> None:
    keeping = parser.add_argument_group("keeping")
    keeping.add_argument(
        "-o",
        "--output",
        metavar="FILE|-",
        help="write audio to .wav .flac .ogg .mp3; .pcm .raw or - (stdout): the bytes as received",
    )
    keeping.add_argument("--force", action="store_true", default=None, help="overwrite files")
    keeping.add_argument(
        "--subtitles",
        metavar="FILE",
        help="write subtitles, .srt or .vtt: for the file of -o, or for what is played",
    )
    keeping.add_argument("--record", metavar="TRACE", help="write the arrival times, for replay")


def run(args: argparse.Namespace) -> int:
    """Speak, print the receipt, and return the exit status."""
    asked = {**options.for_player(args), "follow_default": True}
    _check(args)
    if _follows_words(args, asked):
        asked["alignment"] = "word"
    if args.dry_run:
        return _dry_run(args)
    with Interruption() as interruption:
        speech = _Speech(args, asked, interruption)
        try:
            receipt = speech.speak()
        except UsageError:
            raise
        except StreamPlayError as error:
            return _failed(args, asked, error)
    if speech.ended_by_key:
        _tell(args, receipt)
        return status.OK
    return _ended(args, receipt, interruption)


def _follows_words(args: argparse.Namespace, asked: Mapping[str, Any]) -> bool:
    """Return whether to ask for the times of words."""
    shown = args.subtitles or (options.shows_status(args) and asked.get("play", True))
    return bool(shown) and options.may_follow_words(args, asked)


def _dry_run(args: argparse.Namespace) -> int:
    from streamplay.cli import reading_file

    if args.file not in {None, "-"}:
        return reading_file.dry_run(iter(reading_file.ReadAloud(args).feed), as_one=False)
    if args.text and args.text != ["-"]:
        return reading_file.dry_run(iter([" ".join(args.text)]), as_one=True)
    return reading_file.dry_run(reading_file.standard_input(), as_one=False)


def _check(args: argparse.Namespace) -> None:
    _check_file(args)
    _check_output(args)
    if args.file in {None, "-"}:
        _check_text(args)


def _check_file(args: argparse.Namespace) -> None:
    if args.file == "":
        raise UsageError("-f names no file")
    if args.file is not None and args.text:
        raise UsageError("-f and a text are two things to say: give one of them")
    if args.file in {None, "-"} and (args.from_ is not None or args.resume):
        raise UsageError("--from and --resume belong to -f FILE")
    if args.from_ is not None and args.resume:
        raise UsageError("--from and --resume are two places to begin: give one of them")


def _check_output(args: argparse.Namespace) -> None:
    if args.output == "-":
        if args.json:
            raise UsageError("-o - and --json both want standard output")
        if console.is_terminal(sys.stdout):
            raise UsageError("-o -: standard output is a terminal; send it to a file or a pipe")
        if sys.stdout is None:
            raise UsageError("-o -: standard output is closed")


def _check_text(args: argparse.Namespace) -> None:
    if args.text and args.text != ["-"]:
        if not " ".join(args.text).strip():
            raise UsageError("the text is empty: there is nothing to say")
    elif sys.stdin is None:
        raise UsageError("there is no text, and standard input is closed")
    elif not args.text and args.file is None and console.is_terminal(sys.stdin):
        raise UsageError(
            "there is no text: give it as words, pipe it in, or type it after streamplay say -"
        )


_READY_SECONDS: Final = 0.5
"""How long the end waits for the thread that loads the audio system. By then it has loaded, or
it hangs."""


_GARBAGE: Final = 50_000
"""New objects before a garbage collection. Imported modules are not garbage: with Python's default
of 700, some hundred collections would free nothing and take a tenth of the time of importing."""


class _Speech:
    """One run of ``say``."""

    def __init__(
        self, args: argparse.Namespace, asked: dict[str, Any], interruption: Interruption
    ) -> None:
        self._args = args
        self._asked = asked
        self._interruption = interruption
        self._terminal: AtTerminal | None = None
        self._begun = HeadStart()

    @property
    def ended_by_key(self) -> bool:
        """Whether the listener has ended it with a key."""
        return self._terminal is not None and self._terminal.ended_by_key

    def speak(self) -> Receipt:
        """Speak until the end of the text, or until a signal."""
        options.tell_the_voice(self._args)
        with contextlib.closing(self._begun):
            launched = self._begun.launch_voice(self._asked)
            with self._loading() if launched else contextlib.nullcontext():
                return self._speak()

    def _speak(self) -> Receipt:
        if self._args.file not in {None, "-"}:
            return self._read_aloud()
        if self._args.text and self._args.text != ["-"]:
            text = " ".join(self._args.text)
            self._hint_at_file(text)
            return self._say_words(text)
        return self._say_standard_input()

    def _read_aloud(self) -> Receipt:
        """Read a file aloud, sentence by sentence, and tell where it was left."""
        from streamplay.cli.reading_file import FileProgress, ReadAloud

        read = ReadAloud(self._args)
        self._open_terminal(FileProgress(read))
        # The document has made its text fit to be heard; what a player would clean is clean.
        asked = {name: value for name, value in self._asked.items() if name != "clean"}
        # The first sentence is at hand: its request does not wait for the device.
        with self._player(asked, at_once=False) as player:
            speech = self._start(player, read.feed)
            try:
                return self._hear(player, speech)
            finally:
                read.leave(speech)

    def _open_terminal(
        self, progress: Progress | None = None, *, characters: int | None = None, given: bool = True
    ) -> None:
        """Show status lines where that is wanted; of a text of so many `characters`, if known."""
        if not options.shows_status(self._args):
            return  # before anything is imported for it
        from streamplay.cli.at_terminal import TextProgress, open_terminal

        progress = TextProgress(characters) if progress is None else progress
        plays = self._asked.get("play", True)
        self._terminal = open_terminal(progress, self._interruption, given=given, plays=plays)

    def _player(self, asked: Mapping[str, Any], *, at_once: bool) -> Player:
        """Return a player: one that is ready `at_once`, or whose request has left early."""
        from streamplay.player import LazyPlayer, SteeredPlayer

        shown = {} if self._terminal is None else self._terminal.options
        make = LazyPlayer if self._terminal is None else SteeredPlayer
        notify = options.notifier(self._args)
        return make(**asked, **shown, notify=notify, begun=self._begun, at_once=at_once)

    def _hear(self, player: Player, speech: Utterance) -> Receipt:
        """Wait until it has been heard."""
        return speech.wait() if self._terminal is None else self._terminal.listen(player, speech)

    def _hint_at_file(self, text: str) -> None:
        """Say so where the text is the name of a file: the name is spoken, not the file."""
        if not self._args.quiet and len(text) < 256 and os.path.isfile(text):  # noqa: PTH113 - pathlib takes 5 ms
            console.tell(f"{text} is a file: its name is spoken; to speak the file: -f {text}")

    def _say_words(self, text: str) -> Receipt:
        """Speak the words of the command: send the request before importing anything else."""
        early = early_request(self._asked, text)
        if early is not None:
            self._open_files()
            self._begun.request = early
            send_early(early)
        with self._loading() if early is not None else contextlib.nullcontext():
            self._open_terminal(characters=len(text))
            with self._player(self._asked, at_once=False) as player:
                return self._say(player, text)

    def _open_files(self) -> None:
        """Open the files that the flags name: where that fails, nothing is to be sent."""
        args = self._args
        if not (args.output or args.record or args.subtitles):
            return  # before anything is imported for them
        from streamplay.kept_files import KeptFiles

        self._begun.files = KeptFiles(
            output=args.output,
            record=args.record,
            subtitles=args.subtitles,
            force=bool(args.force),
        )

    @contextlib.contextmanager
    def _loading(self) -> Iterator[None]:
        """Load the audio system on a thread inside the block."""
        ready = threading.Thread(target=self._get_ready, daemon=True)
        ready.start()
        before = gc.get_threshold()
        gc.set_threshold(_GARBAGE, *before[1:])
        try:
            yield
        finally:
            gc.set_threshold(*before)
            ready.join(_READY_SECONDS)

    def _get_ready(self) -> None:
        """Initialise PortAudio and import numpy; the main thread imports the rest meanwhile."""
        if self._asked.get("play", True):
            from streamplay.outputs.portaudio import load

            with contextlib.suppress(StreamPlayError):  # raised again when the output is opened
                load()
        import_module("numpy")
        if self._args.output:
            from streamplay.outputs.recording import import_writing

            import_writing(self._args.output)

    def _say_standard_input(self) -> Receipt:
        from streamplay.cli.first_piece import FirstPiece, may_be_early
        from streamplay.cli.pieces import StandardInput

        source = StandardInput()
        self._interruption.call(source.close)
        with contextlib.ExitStack() as stack:
            stack.callback(source.close)
            if not may_be_early(self._asked):
                self._open_terminal(given=False)
                # Open the device and connect while the first sentence is being written.
                with self._player(self._asked, at_once=True) as player:
                    return self._say_parts(player, iter(source))
            self._open_files()
            first = FirstPiece(source, self._asked)
            first.look()
            stack.enter_context(self._loading())
            self._open_terminal(given=False)
            with self._player_after(first) as player:
                return self._say_parts(player, iter(first))

    def _player_after(self, first: FirstPiece) -> Player:
        """Return a player that takes over the first request, where that has been sent by now."""
        import_module("streamplay.player")
        early = self._begun.request = first.stop()
        return self._player(self._asked, at_once=early is None)

    def _say_parts(self, player: Player, parts: Iterator[str]) -> Receipt:
        """Speak a text as it comes."""
        from streamplay.cli.pieces import from_first_word

        text = from_first_word(parts)
        if text is not None:
            return self._say(player, text)
        if self._interruption.received is None:
            raise UsageError("standard input is empty: there is nothing to say")
        blank = report.blank(self._asked)
        blank.interrupted = True
        return blank

    def _say(self, player: Player, text: Any) -> Receipt:
        speech = self._start(player, text)
        receipt = self._hear(player, speech)
        if self._terminal is not None and receipt.interrupted:
            console.tell(self._terminal.where_it_stopped)
        return receipt

    def _start(self, player: Player, text: Any) -> Utterance:
        args = self._args
        kept = {name: getattr(args, name) for name in ("output", "record", "subtitles")}
        speech = player.say(text, **kept, force=bool(args.force))
        self._interruption.call(speech.cancel)
        return speech


def _ended(args: argparse.Namespace, receipt: Receipt, interruption: Interruption) -> int:
    _tell(args, receipt)
    if receipt.interrupted and interruption.received is not None:
        return status.of_signal(interruption.received)
    return status.of_receipt(receipt)


def _failed(args: argparse.Namespace, asked: dict[str, Any], error: StreamPlayError) -> int:
    code = status.of_error(error)
    console.tell(str(error))
    if code != status.USAGE:
        _tell(args, error.receipt or report.blank(asked, error))
    return code


def _tell(args: argparse.Namespace, receipt: Receipt) -> None:
    if args.json:
        console.out(report.as_json(receipt.to_dict()))
    if args.stats:
        # The readable receipt goes to standard output, unless the JSON or the audio does.
        write = console.err if args.json or args.output == "-" else console.out
        write(report.receipt_text(receipt))
