"""The flags that several commands share, and what they become for a `Player`.

Every default is None: the library's own default then holds, and
`streamplay.cli.config` can tell a flag that was given from one that was not.
"""

from __future__ import annotations

import argparse
import json
import math
import os

from streamplay.cli import console
from streamplay.cli.usage import UsageError
from streamplay.rules.families import DEFAULT_MODEL
from streamplay.rules.fields import ENCODINGS

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any, Final

    from streamplay.audio import AudioFormat

_PLAYER_OPTIONS: Final = (
    *("model", "voice", "language", "encoding", "sample_rate", "format", "bit_rate", "stream"),
    *("pronounce", "extra", "base_url", "api", "api_key_env", "fallback", "timeout", "deadline"),
    *("device", "latency", "wake", "volume", "prebuffer", "gap_weight", "remember"),
    "play",
)
"""The flags that are arguments of `streamplay.Player` under the same name."""


def add_request(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what to ask for, and ``--decode-as``."""
    group = parser.add_argument_group("request")
    add = group.add_argument
    add("-m", "--model", help="the model (default: canopylabs/orpheus-3b-0.1-ft)")
    add("-v", "--voice", help="the voice (default: the model's own)")
    add("--language", metavar="CODE", help="the language, as en or zh-hk")
    add("--encoding", choices=ENCODINGS, help="encoding to ask for (default: pcm_s16le)")
    add("--sample-rate", type=count, metavar="HZ", help="rate to ask for (default: 24000)")
    add("--format", choices=("raw", "wav", "mp3"), help="wav and mp3 come whole, not as a stream")
    add("--bit-rate", type=count, metavar="BITS", help="for mp3, in bits per second")
    stream = argparse.BooleanOptionalAction
    add("--stream", action=stream, help="play while it is generated, or ask for the whole")
    add(
        *("--pronounce",),
        action="append",
        metavar="SOURCE/REPLACEMENT",
        help="say REPLACEMENT where SOURCE is written; may be repeated",
    )
    add(
        *("--extra",),
        action="append",
        type=extra_field,
        metavar="KEY=JSON",
        help="any other field of the request's body; may be repeated",
    )
    add(
        *("--decode-as",),
        metavar="ENCODING[@RATE]",
        type=decode_as,
        help="what the bytes are, whatever the model or a header says",
    )


def add_server(parser: argparse.ArgumentParser, *, speaks: bool = True) -> None:
    """Add the flags that say which server; the last of them only for what `speaks`."""
    group = parser.add_argument_group("server")
    add = group.add_argument
    add("--base-url", metavar="URL", help="as https://api.together.ai/v1 (or TOGETHER_BASE_URL)")
    add("--api-key-env", metavar="NAME", help="variable with the key (default: TOGETHER_API_KEY)")
    add("--local", action="store_true", default=None, help="the built-in voice, without a network")
    add("--timeout", type=seconds, metavar="SECONDS", help="the longest wait at any one point")
    if speaks:
        add("--deadline", type=seconds, metavar="SECONDS", help="the longest that all may take")
        add("--api", choices=("together", "openai"), help="how the server wants to be asked")
        add("--fallback", choices=("local",), help="the built-in voice when the server fails")


def add_sound(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how it is played."""
    group = parser.add_argument_group("sound")
    add = group.add_argument
    add("-d", "--device", type=device, metavar="NAME|INDEX", help="see: streamplay devices")
    add("--latency", type=latency, metavar="low|high|SECONDS", help="the device's latency")
    add("--wake", type=milliseconds, metavar="MS", help="silence first, for a device that sleeps")
    add("--volume", type=decibels, metavar="DB", help="0 is as it came, -6 half as loud")
    add("--prebuffer", type=prebuffer, metavar="auto|MS", help="audio ahead before sound starts")
    add("--gap-weight", type=weight, metavar="W", help="what a gap costs, in waits (default: 20)")
    add("--remember", type=home_path, metavar="FILE", help="keep there what starting was like")
    add("--no-play", action="store_false", dest="play", default=None, help="no sound")


def shared_names() -> set[str]:
    """Return the names of the flags that several commands share."""
    parser = argparse.ArgumentParser(add_help=False)
    for add in (add_request, add_server, add_sound):
        add(parser)
    quiet(parser)
    return set(vars(parser.parse_args([])))


def quiet(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``-q``."""
    parser.add_argument(
        "-q", "--quiet", action="store_true", default=None, help="no notices, errors only"
    )


def for_player(args: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments for a `Player` that say what the flags say.

    Raises
    ------
    UsageError
        If two flags contradict each other.
    """
    if args.stream and args.format in {"wav", "mp3"}:
        raise UsageError(
            f"--stream: {args.format} comes whole; a stream is raw", see="streamplay say"
        )
    if args.local and args.base_url:
        raise UsageError("--local and --base-url name two servers")
    given = {name: getattr(args, name, None) for name in _PLAYER_OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    if args.extra is not None:
        options["extra"] = dict(args.extra)
    if args.decode_as is not None:
        options["decode_as"] = _format_of(args)
    if speaks_locally(args):
        options["local"] = True
    return options


def speaks_locally(args: argparse.Namespace) -> bool:
    """Tell whether the built-in voice speaks: asked for, or for want of a key and a server."""
    return bool(args.local) or lacks_a_key(args)


def lacks_a_key(args: argparse.Namespace) -> bool:
    """Tell whether nobody has named a key or a server."""
    named = args.base_url or args.api_key_env or os.environ.get("TOGETHER_BASE_URL")
    return not (named or os.environ.get("TOGETHER_API_KEY"))


def notifier(args: argparse.Namespace) -> Callable[[str], None] | None:
    """Return what tells notices, or None where nobody wants to know."""
    return None if args.quiet else console.tell


def tell_the_voice(args: argparse.Namespace) -> None:
    """Say so where the built-in voice speaks though nobody asked for it."""
    if not args.local and lacks_a_key(args) and not args.quiet:
        console.tell("no TOGETHER_API_KEY is set: this is the built-in voice")


def _format_of(args: argparse.Namespace) -> AudioFormat:
    from streamplay.audio import AudioFormat

    encoding, rate = args.decode_as
    if rate is None:
        # Only the encoding was told: the rate stays what is known of the model.
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
    """Read what a second of gap costs, in seconds of wait."""
    return _number(text, lambda value: value >= 1, "weight of 1 or more")


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
    if encoding not in ENCODINGS:
        raise argparse.ArgumentTypeError(f"{encoding!r} is none of {', '.join(ENCODINGS)}")
    return encoding, count(rate) if at else None


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
