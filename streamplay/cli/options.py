"""The flags that several commands share, made from `streamplay.rules.option_table`.

The default of every flag is None: the library's default then holds, and `streamplay.cli.config`
can tell whether a flag was given.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys

from streamplay.cli import console
from streamplay.cli.usage import UsageError
from streamplay.network.endpoint import asks_together
from streamplay.rules.families import DEFAULT_MODEL
from streamplay.rules.option_table import MOST_AHEAD, OPTIONS, READABLE, SPEEDS, options_in

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any, Final

    from streamplay.audio import AudioFormat
    from streamplay.rules.option_table import Option

_CONVERTED: Final = frozenset({"extra", "decode_as", "local"})
"""Options that are not given to a player as the flag says them: see `for_player`."""


def add_request(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what to ask for, and ``--decode-as``."""
    _add_group(parser, "request", options_in("request"))


def add_text(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how a text is divided and requested."""
    _add_group(parser, "text", options_in("text"))


def add_server(parser: argparse.ArgumentParser, *, speaks: bool = True) -> None:
    """Add the flags that say which server; some of them only for a command that `speaks`."""
    _add_group(parser, "server", options_in("server", *(["speaking"] if speaks else [])))


def add_sound(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the flags that say how it is played: all of them, or those of these `names`."""
    of_sound = options_in("sound")
    _add_group(parser, "sound", [each for each in of_sound if not names or each.name in names])


def shared_names() -> set[str]:
    """Return the names of the flags that several commands share."""
    return {name for name, option in OPTIONS.items() if option.flags} | {"quiet"}


def _add_group(parser: argparse.ArgumentParser, title: str, options: Sequence[Option]) -> None:
    group = parser.add_argument_group(title)
    for option in options:
        if option.flags:
            _add(group, option)


def _add(group: argparse._ArgumentGroup, option: Option) -> None:
    if option.kind == "switch":
        _add_switch(group, option)
        return
    how = dict(_READERS.get(option.kind, {}))
    if option.kind == "choice":
        how["choices"] = option.allowed
    group.add_argument(*option.flags, metavar=option.metavar, help=option.help, **how)


def _add_switch(group: argparse._ArgumentGroup, option: Option) -> None:
    first = option.flags[0]
    action: Any = argparse.BooleanOptionalAction
    if len(option.flags) == 1:
        action = "store_false" if first.startswith("--no-") else "store_true"
    group.add_argument(first, dest=option.name, action=action, default=None, help=option.help)


def plain(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--plain`` for a command that shows status lines at a terminal."""
    parser.add_argument(
        "--plain", action="store_true", default=None, help="no status lines and no keys"
    )


def shows_status(args: argparse.Namespace) -> bool:
    """Return whether the flags and the terminal let status lines be shown."""
    unwanted = args.quiet or args.json or args.plain
    return not unwanted and console.is_terminal(sys.stderr) and not console.is_dumb()


def may_follow_words(args: argparse.Namespace, asked: Mapping[str, Any]) -> bool:
    """Return whether the server is known to tell the times of words, and is not asked already."""
    streams = asked.get("stream") is not False and asked.get("format", "raw") == "raw"
    if not streams or "alignment" in asked.get("extra", {}):
        return False
    return bool(asked.get("local")) or asks_together(os.environ, args.base_url)


def quiet(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``-q``."""
    parser.add_argument(
        "-q", "--quiet", action="store_true", default=None, help="no notices, errors only"
    )


def for_player(args: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of a `Player` for these flags.

    Raises
    ------
    UsageError
        If two flags contradict each other.
    """
    together = args.api == "together" or args.local or asks_together(os.environ, args.base_url)
    if args.stream and args.format not in {None, "raw"} and together:
        raise UsageError(
            f"--stream: {args.format} comes whole; a stream is raw", see="streamplay say"
        )
    if args.local and args.base_url:
        raise UsageError("--local and --base-url name two servers")
    options = {name: value for name, value in _given(args) if name not in _CONVERTED}
    if args.extra is not None:
        options["extra"] = dict(args.extra)
    if args.decode_as is not None:
        options["decode_as"] = _format_of(args)
    if speaks_locally(args):
        options["local"] = True
    return options


def for_client(args: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of a `SpeechClient` for these flags."""
    of_server = {option.name for option in options_in("server")} - {"local"}
    return {name: value for name, value in _given(args) if name in of_server}


def _given(args: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Yield the options whose flags were given, with the values that were read."""
    for name in OPTIONS.keys() & vars(args).keys():
        value = getattr(args, name)
        if value is not None and OPTIONS[name].flags:
            yield name, value


def speaks_locally(args: argparse.Namespace) -> bool:
    """Return whether the built-in voice speaks: requested, or without a key and a server."""
    return bool(args.local) or lacks_a_key(args)


def lacks_a_key(args: argparse.Namespace) -> bool:
    """Return whether neither a key nor a server is named."""
    named = args.base_url or args.api_key_env or os.environ.get("TOGETHER_BASE_URL")
    return not (named or os.environ.get("TOGETHER_API_KEY"))


def notifier(args: argparse.Namespace) -> Callable[[str], None] | None:
    """Return the function that prints notices; None with ``--quiet``."""
    return None if args.quiet else console.tell


def tell_the_voice(args: argparse.Namespace) -> None:
    """Print a notice if the built-in voice speaks without having been requested."""
    if not args.local and lacks_a_key(args) and not args.quiet:
        console.tell("no TOGETHER_API_KEY is set: this is the built-in voice")


def _format_of(args: argparse.Namespace) -> AudioFormat:
    from streamplay.audio import AudioFormat

    encoding, rate = args.decode_as
    if rate is None:
        # Without a rate: the one that the model is known to return.
        from streamplay.models import effective_format

        model, asked = args.model or DEFAULT_MODEL, args.sample_rate or 24000
        rate = effective_format(model, args.encoding or "pcm_s16le", asked)[0].samplerate
    return AudioFormat(encoding, rate)


def count(text: str) -> int:
    """Read a whole number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def seconds(text: str) -> float:
    """Read a time above 0."""
    return _number(text, lambda value: value > 0, "time in seconds above 0")


def decibels(text: str) -> float:
    """Read a volume."""
    return _number(text, lambda _: True, "volume in dB, such as -6")


def _number(text: str, allowed: Callable[[float], bool], what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not allowed(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}")
    return value


def latency(text: str) -> str | float:
    """Read ``low``, ``high`` or seconds."""
    return text if text in {"low", "high"} else seconds(text)


def milliseconds(text: str) -> float:
    """Read a time in milliseconds, up to ten seconds."""
    return _number(text, lambda value: 0 <= value <= 10_000, "time in milliseconds up to 10000")


def prebuffer(text: str) -> str | float:
    """Read ``auto`` or milliseconds."""
    if text == "auto":
        return text
    return _number(text, lambda value: value >= 0, "time in milliseconds, and not auto")


def weight(text: str) -> float:
    """Read how many seconds of waiting a second of silence is worth."""
    return _number(text, lambda value: value >= 1, "weight of 1 or more")


def factor(text: str) -> float:
    """Read a speed."""
    least, most = SPEEDS
    return _number(text, lambda value: least <= value <= most, f"factor from {least:g} to {most:g}")


def pieces(text: str) -> int:
    """Read a number of pieces, 0 included."""
    if not text.isascii() or not text.isdigit() or int(text) > MOST_AHEAD:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to {MOST_AHEAD}")
    return int(text)


def home_path(text: str) -> Path:
    """Read a path, which may begin with ``~``: in the configuration no shell expands it."""
    from pathlib import Path

    if not text:
        raise argparse.ArgumentTypeError("it is empty, and no file")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: there is no such home folder") from error


def device(text: str) -> str | int:
    """Read a device's index or a part of its name."""
    return int(text) if text.isascii() and text.isdigit() else text


def decode_as(text: str) -> tuple[str, int | None]:
    """Read ``ENCODING[@RATE]``."""
    encoding, at, rate = text.partition("@")
    if encoding not in READABLE:
        raise argparse.ArgumentTypeError(f"{encoding!r} is none of {', '.join(READABLE)}")
    return encoding, count(rate) if at else None


def server(text: str) -> str:
    """Read a server that stands in for the first one."""
    from streamplay.errors import InvalidRequest
    from streamplay.rules.alternatives import read_alternative

    try:
        read_alternative(text)
    except InvalidRequest as error:
        problem = error.message.removeprefix("fallback: ")
        raise argparse.ArgumentTypeError(f"{problem}. {error.remedy}") from None
    return text


def extra_field(text: str) -> tuple[str, Any]:
    """Read ``KEY=JSON``."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=JSON")
    try:
        return key, json.loads(value)
    except ValueError:
        hint = f"a text is quoted twice: --extra '{key}=\"{value}\"'"
        raise argparse.ArgumentTypeError(f"{value!r} is no JSON; {hint}") from None


_READERS: Final[dict[str, dict[str, Any]]] = {
    "rate": {"type": count},
    "bit rate": {"type": count},
    "pieces": {"type": pieces},
    "factor": {"type": factor},
    "weight": {"type": weight},
    "seconds": {"type": seconds},
    "milliseconds": {"type": milliseconds},
    "decibels": {"type": decibels},
    "latency": {"type": latency},
    "prebuffer": {"type": prebuffer},
    "device": {"type": device},
    "file": {"type": home_path},
    "format": {"type": decode_as},
    "rules": {"action": "append"},
    "servers": {"action": "append", "type": server},
    "fields": {"action": "append", "type": extra_field},
}
"""How an option of each kind is read; of a kind that is not here, as the text that it is."""
