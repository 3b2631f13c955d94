"""Every option of streamplay, in one table.

What lists options is derived from this table: the arguments of `streamplay.options.Options`, what
may be given to one `say`, the flags that commands share, the keys of the configuration file and of
a benchmark's target, the completion of shells, the fields of a request, and every check.

To add an option, add one row below, in the group whose flags it belongs to, and one line with its
type to a `TypedDict` in `streamplay.options`: type checkers cannot read a table. A field of the
request also needs its line in `streamplay.request.SpeechRequest`. `tests/test_options.py` names
whatever is missing. The code that uses the option reads ``options.NAME``, which then needs its
line among the attributes of `streamplay.options.Options`. Flag, configuration key, completion,
checks, the target of a benchmark and the request's body follow from the row. A kind that is not
there yet needs its check in `streamplay.rules.checks`, and its reader in `streamplay.cli.options`
unless the flag's text is the value.

A row is a plain tuple:

name
    The argument's name; the configuration's key.
kind
    What a value may be: one of the kinds in `streamplay.rules.checks`, which says how a value is
    checked, and in `streamplay.cli.options`, which says how it is read from a command line.
default
    What holds where nothing is given.
allowed
    What limits the values of this kind: the choices, or the least and the greatest number.
scope
    `EITHER`: given to a player, or to one `say`, which wins. `PLAYER`: given to a player only.
    `ONE_SAY`: given to one `say` only.
flag
    The flags, separated by spaces, and what their value is called in the help; empty: no flag.
help
    What the flag does, in a few words.

The module imports neither `typing` nor `dataclasses`: the first request is checked with this table
before they are loaded.
"""

from __future__ import annotations

import math

from streamplay.rules.families import DEFAULT_MODEL

TYPE_CHECKING = False  # typing takes 5 ms to import, before a request leaves
if TYPE_CHECKING:
    from typing import Any, Final

EITHER: Final = "player or say"
PLAYER: Final = "player"
ONE_SAY: Final = "say"

GAP_WEIGHT: Final = 20.0
"""A second of silence inside a sentence is as bad as so many before it."""

# What Together's API names, and `AudioFormat.encode` writes: the enums of the schema of
# POST /audio/speech, https://docs.together.ai/reference/audio-speech;
# alignment and segment: https://docs.together.ai/docs/text-to-speech.
ENCODINGS: Final = ("pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw")
READABLE: Final = (
    *ENCODINGS,
    *("pcm_u8", "pcm_s8", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("pcm_f32be", "pcm_f64le", "pcm_f64be"),
)
"""What ``decode_as`` may name: all that `streamplay.audio.AudioFormat.decode` reads."""

FORMATS: Final = ("raw", "wav", "mp3", "opus", "flac", "aac", "mulaw")
BIT_RATES: Final = (32000, 64000, 96000, 128000, 192000)
ALIGNMENTS: Final = ("none", "word")
SEGMENTS: Final = ("sentence", "immediate", "never")

SAMPLE_RATES: Final = (8000, 48000)
"""Telephone to studio. The schema sets no limit; no known model goes outside this range."""

SPEEDS: Final = (0.25, 4.0)
"""The bounds of ``speed`` in OpenAI's API reference, audio/speech."""

LOUDEST: Final = 20.0
"""dB of amplification. What passes full scale is clipped: above this, almost all would be."""

MOST_AHEAD: Final = 16
"""Pieces requested ahead: more than can be heard in the time that one request takes."""

TEN_SECONDS: Final = (0, 10_000)
"""In milliseconds."""

LARGEST: Final = 1.7e308
"""Any finite number is at most this, about the greatest that a float holds."""

ABOVE_ZERO: Final = (5e-324, LARGEST)
"""From the least float above 0 on."""

# A row is easier to read on two lines than on nine.
# fmt: off
_TABLE: Final[dict[str, tuple[tuple[Any, ...], ...]]] = {
    # name, kind, default, allowed, scope, flag,
    #     help
    "request": (
        ("model", "text", DEFAULT_MODEL, None, EITHER, "-m --model",
            "the model (default: canopylabs/orpheus-3b-0.1-ft)"),
        ("voice", "text", None, None, EITHER, "-v --voice",
            "the voice (default: the model's own)"),
        ("language", "language", None, None, EITHER, "--language CODE",
            "the language, as en or zh-hk"),
        ("encoding", "encoding", "pcm_s16le", ENCODINGS, EITHER, "--encoding ENCODING",
            "the encoding to request (default: pcm_s16le)"),
        ("sample_rate", "rate", 24000, SAMPLE_RATES, EITHER, "--sample-rate HZ",
            "the rate to request (default: 24000)"),
        ("format", "choice", "raw", FORMATS, EITHER, "--format",
            "raw samples, which Together streams, or a file format"),
        ("bit_rate", "bit rate", None, BIT_RATES, EITHER, "--bit-rate BITS",
            "for mp3, in bits per second"),
        ("stream", "switch", None, None, EITHER, "--stream --no-stream",
            "request a stream, or the whole audio at once"),
        ("speed", "factor", None, SPEEDS, EITHER, "--speed FACTOR",
            "how fast to speak; 1 is the voice's own pace"),
        ("instructions", "text", None, None, EITHER, "--instructions TEXT",
            "how to speak, for models that take instructions"),
        ("pronounce", "rules", (), None, EITHER, "--pronounce SOURCE/REPLACEMENT",
            "say REPLACEMENT where SOURCE is written; may be repeated"),
        ("alignment", "choice", None, ALIGNMENTS, EITHER, "", ""),
        ("segment", "choice", None, SEGMENTS, EITHER, "", ""),
        ("extra", "fields", {}, None, EITHER, "--extra KEY=JSON",
            "any other field of the request; may be repeated"),
        ("decode_as", "format", None, None, EITHER, "--decode-as ENCODING[@RATE]",
            "the format of the bytes, whatever the model or a header says"),
    ),
    "text": (
        ("clean", "switch", False, None, EITHER, "--clean --no-clean",
            "leave out what is not meant to be heard: Markdown, addresses, code, emoji"),
        ("prefetch", "pieces", 2, (0, MOST_AHEAD), EITHER, "--prefetch N",
            "sentences to request ahead of the one that is heard (default: 2)"),
        ("on_error", "choice", "stop", ("stop", "continue"), EITHER, "--on-error",
            "what to do when one sentence fails (default: stop)"),
        ("pause_ms", "milliseconds", None, TEN_SECONDS, EITHER, "", ""),
    ),
    "server": (
        ("base_url", "string", None, None, PLAYER, "--base-url URL",
            "the server, as https://api.together.ai/v1 (or TOGETHER_BASE_URL)"),
        ("api_key", "string", None, None, PLAYER, "", ""),
        ("api_key_env", "string", None, None, PLAYER, "--api-key-env NAME",
            "the variable with the key (default: TOGETHER_API_KEY)"),
        ("insecure_http", "switch", False, None, PLAYER, "--insecure-http",
            "send the key over http:// too, where others can read it"),
        ("local", "switch", False, None, PLAYER, "--local",
            "use the built-in voice, without a network"),
        ("timeout", "seconds", None, ABOVE_ZERO, EITHER, "--timeout SECONDS",
            "the longest wait for the server at any one point"),
    ),
    # Shown with the flags of the server, but only by commands that speak.
    "speaking": (
        ("deadline", "seconds", None, ABOVE_ZERO, EITHER, "--deadline SECONDS",
            "the most time for the whole request"),
        ("api", "choice", None, ("together", "openai"), PLAYER, "--api",
            "which API the server speaks"),
        ("fallback", "servers", None, None, PLAYER, "--fallback local|URL",
            "go on with the built-in voice, or another server, when one fails; may be repeated"),
        ("fallback_after", "seconds", None, ABOVE_ZERO, PLAYER, "--fallback-after SECONDS",
            "fall back when no first byte has come (default: off; 1 in live)"),
    ),
    "sound": (
        ("device", "device", None, None, PLAYER, "-d --device NAME|INDEX",
            "the output device; see: streamplay devices"),
        ("latency", "latency", None, ("low", "high"), PLAYER, "--latency low|high|SECONDS",
            "the latency of the device"),
        ("wake", "milliseconds", 0.0, TEN_SECONDS, PLAYER, "--wake MS",
            "play silence first, for a device that sleeps"),
        ("follow_default", "switch", False, None, PLAYER, "", ""),
        ("volume", "decibels", 0.0, (-math.inf, LOUDEST), PLAYER, "--volume DB",
            "0 plays unchanged, -6 at half the amplitude"),
        ("engine", "choice", "auto", ("auto", "native", "python"), PLAYER, "", ""),
        ("prebuffer", "prebuffer", "auto", ("auto",), EITHER, "--prebuffer auto|MS",
            "audio ahead before sound starts"),
        ("gap_weight", "weight", GAP_WEIGHT, (1, LARGEST), EITHER, "--gap-weight W",
            "how much worse a gap is than waiting (default: 20: 1 s of gap counts as 20 s)"),
        ("remember", "file", None, None, PLAYER, "--remember FILE",
            "remember learned start delays in FILE"),
        ("play", "switch", True, None, PLAYER, "--no-play",
            "receive without playing"),
    ),
    "keeping": (
        ("output", "file", None, None, ONE_SAY, "", ""),
        ("force", "switch", False, None, ONE_SAY, "", ""),
        ("record", "file", None, None, ONE_SAY, "", ""),
        ("subtitles", "file", None, None, ONE_SAY, "", ""),
    ),
    "telling": (
        ("notify", "callable", None, None, PLAYER, "", ""),
        ("on_event", "callable", None, None, PLAYER, "", ""),
    ),
}
# fmt: on


class Option:
    """One row of the table, with its group."""

    __slots__ = ("allowed", "default", "flags", "group", "help", "kind", "metavar", "name", "scope")

    def __init__(self, group: str, row: tuple[Any, ...]) -> None:
        self.group = group
        self.name: str
        self.kind: str
        self.default: Any
        self.allowed: Any
        self.scope: str
        self.help: str
        self.name, self.kind, self.default, self.allowed, self.scope, flag, self.help = row
        words = flag.split()
        self.flags: tuple[str, ...] = tuple(word for word in words if word.startswith("-"))
        """Its flags; empty where it has none."""
        named = words[len(self.flags) :]
        self.metavar: str | None = named[0] if named else None
        """What its value is called in the help; None: what argparse calls it."""


OPTIONS: Final = {row[0]: Option(group, row) for group, rows in _TABLE.items() for row in rows}
"""Every option by its name, in the order of the table."""


def options_in(*groups: str) -> tuple[Option, ...]:
    """Return the options of these groups, group by group."""
    return tuple(OPTIONS[row[0]] for group in groups for row in _TABLE[group])


def names_in_scope(*scopes: str) -> frozenset[str]:
    """Return the names of the options that may be given where one of these scopes holds."""
    return frozenset(name for name, option in OPTIONS.items() if option.scope in scopes)
