"""How the server behaves, and misbehaves: one table for TOML, flags and requests.

A key of the table is a key of the TOML file, a flag (``first_byte_ms`` is
``--first-byte-ms``), and a key of ``extra_params.scenario`` in a request's body.
"""

from __future__ import annotations

import math
import re
from dataclasses import Field, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from streamplay.audio import ENCODINGS, AudioFormat

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

DIALECTS: Final = ("A", "B", "C", "D", "E", "mixed")
SIGNALS: Final = ("speech", "tone", "count", "noise", "silence")
JITTERS: Final = ("none", "uniform", "normal", "exponential", "pareto")
ERROR_BODIES: Final = ("together", "detail", "message", "text", "html", "empty")
FAULTS: Final = (
    "end-between-chunks",
    "end-inside-chunk",
    "reset",
    "no-mark",
    "data-after-mark",
    "error-event",
    "bad-json",
    "bad-base64",
    "freeze",
    "rubbish",
    "bad-framing",
    "short-body",
    "short-length",
    "no-answer",
)
"""`short-body` ends before its Content-Length, `short-length` goes on after it;
`no-answer` closes the connection before the head of the response."""

_EVENT_FAULTS: Final = {"data-after-mark", "error-event", "bad-json", "bad-base64"}


class ScenarioError(ValueError):
    """A key or a value of a scenario is wrong; the message names it."""


# What any client may ask of the server is bounded, so that no request holds it, or its memory or
# disk, for longer or with more than its own sound needs.
_HOUR_MS: Final = 3_600_000
_DAY_SECONDS: Final = 86_400
_MANY: Final = 2**53
"""Counts and places: JSON's largest exact whole number."""

_MOST_ITEMS: Final = 100
_LONGEST_TEXT: Final = 4096

# A rate up to 999999 Hz, not 0.
_RATE: Final = re.compile("[1-9][0-9]{0,5}")

# RFC 9110, section 5.6.2; and what may stand in a value without ending the header.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")


def _key(
    default: Any,
    about: str,
    *,
    kind: type | None = None,
    choices: Sequence[str] = (),
    least: float = 0,
    most: float = _MANY,
) -> Any:
    """Describe a key: `least` is the least number above 0, `most` the largest."""
    kind = kind or type(default)
    metadata = {"about": about, "kind": kind, "choices": choices, "least": least, "most": most}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that can be asked of the server beyond the API.

    The defaults are a plain, fast, faultless server.
    """

    # What the body looks like
    dialect: str = _key(
        "",
        "shape of the events; D: none, bytes only; mixed: a new one each event "
        "(default: A, and E for a request with stream_format)",
        choices=DIALECTS,
    )
    nested: bool = _key(default=False, about="put each event in an object under `data`")
    event_lines: bool = _key(default=False, about="write `event:` and `id:` lines too")
    line_end: str = _key("lf", "what ends the lines of events", choices=("lf", "crlf", "cr"))
    bom: bool = _key(default=False, about="begin the event stream with a byte order mark")
    unknown_every: int = _key(0, "an unknown event before every N-th")
    empty_every: int = _key(0, "an audio event without audio before every N-th")
    keep_alive_every: int = _key(0, "a comment line before every N-th event")
    keep_alive_ms: float = _key(
        0.0, "a comment line each MS while nothing else is sent", least=1, most=_HOUR_MS
    )
    headers: str = _key(
        "none",
        "a RIFF header at the start of the audio, or of each chunk",
        choices=("none", "first", "each"),
    )
    header_sizes: str = _key("max", "the sizes in that header", choices=("max", "zero", "exact"))
    trailer: bool = _key(default=False, about="a LIST chunk after the audio that has a header")
    response_headers: tuple[str, ...] = _key((), "a response header, `Name: value`; repeatable")

    # What is heard
    signal: str = _key(
        "speech", "speak, or send a signal whose every sample is known", choices=SIGNALS
    )
    seconds: float = _key(10.0, "how long the signal lasts", most=_DAY_SECONDS)
    send_as: str = _key("", "ENCODING[@RATE] to send, whatever was asked for")
    channels: int = _key(1, "1, or 2: the second is the first at half its level")
    leading_silence_ms: float = _key(0.0, "silence before the audio", most=_HOUR_MS)

    # How it is cut
    chunk_ms: float = _key(50.0, "audio in a chunk", most=60_000)
    chunk_bytes: int = _key(0, "audio bytes in a chunk, over chunk_ms", most=1 << 24)
    split: str = _key(
        "even",
        "even: whole samples; odd: an odd number of bytes; random: any number up to twice the size",
        choices=("even", "odd", "random"),
    )
    write_bytes: int = _key(0, "write the body in pieces of N bytes, wherever they fall")

    # When it comes
    headers_ms: float = _key(0.0, "from the request until the response's head", most=_HOUR_MS)
    first_byte_ms: float = _key(0.0, "from the request until the first audio", most=_HOUR_MS)
    pace: float = _key(
        0.0,
        "factor of real time at which audio comes; 0 or inf: at once",
        least=0.001,
        most=math.inf,
    )
    jitter: str = _key("none", "distribution of the delay of each chunk", choices=JITTERS)
    jitter_ms: float = _key(0.0, "mean delay", most=_HOUR_MS)
    stalls: tuple[str, ...] = _key((), "`AT:FOR`: after AT ms of audio, wait FOR ms; repeatable")
    seed: int = _key(0, "seed of all random numbers; each request has a sequence of its own")

    # Refusals
    status: int = _key(0, "answer with this HTTP status instead of audio")
    retry_after: str = _key("", "the Retry-After header of that answer: seconds or a date")
    retry_after_ms: str = _key("", "its retry-after-ms header")
    error_body: str = _key("together", "the shape of its body", choices=ERROR_BODIES)
    times: int = _key(0, "refuse, or fail, so many requests, then serve (0: all of them)")
    capacity: int = _key(0, "answer 429 beyond so many streams at once (0: no bound)")

    # Faults
    fault: str = _key("", "what goes wrong inside the stream", choices=FAULTS)
    at_byte: int | None = _key(None, "after so many bytes of the body", kind=int)
    at_event: int | None = _key(
        None, "after so many events, or chunks where there are none (default: 3)", kind=int
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(each, getattr(self, each.name))
        _ = self.sent(AudioFormat("pcm_s16le", 24000)), self.stall_points, self.header_pairs
        if self.dialect == "D" and self.fault in _EVENT_FAULTS:
            raise ScenarioError(f"fault: {self.fault} needs events, and dialect D has none")

    def over(self, changes: Mapping[str, Any]) -> Scenario:
        """Return this scenario with some keys changed.

        Raises
        ------
        ScenarioError
            If a key is unknown, or a value is not of its kind.
        """
        known = {each.name: each for each in fields(self)}
        for name in changes:
            if name not in known:
                raise ScenarioError(f"{_shown(name)}: unknown; the keys are {', '.join(known)}")
        return replace(self, **{k: _convert(known[k], value) for k, value in changes.items()})

    def sent(self, real: AudioFormat) -> AudioFormat:
        """Return the format that is sent where `real` would be without `send_as`."""
        encoding, _, rate = (self.send_as or str(real.encoding)).partition("@")
        if encoding not in ENCODINGS or not (_RATE.fullmatch(rate) or not rate):
            raise ScenarioError(f"send_as: {_shown(self.send_as)} is not ENCODING[@RATE]")
        return AudioFormat(encoding, int(rate or real.samplerate), self.channels)

    @property
    def stall_points(self) -> list[tuple[float, float]]:
        """The stalls as seconds (of audio, of waiting), in order."""
        try:
            pairs = [stall.split(":") for stall in self.stalls]
            stalls = sorted((float(at) / 1000, float(wait) / 1000) for at, wait in pairs)
        except ValueError:
            raise ScenarioError(f"stalls: {_shown(self.stalls)} are not AT:FOR in ms") from None
        if not all(0 <= each <= _DAY_SECONDS for stall in stalls for each in stall):
            raise ScenarioError(f"stalls: {_shown(self.stalls)} go beyond a day, or below 0")
        return stalls

    @property
    def header_pairs(self) -> list[tuple[str, str]]:
        """The response headers as (name, value)."""
        pairs = [line.partition(":") for line in self.response_headers]
        if not all(
            colon and _HEADER_NAME.fullmatch(name.strip()) and _HEADER_VALUE.fullmatch(value)
            for name, colon, value in pairs
        ):
            told = _shown(self.response_headers)
            raise ScenarioError(f"response_headers: {told} are not all `Name: value`")
        if any(name.strip().lower() == "content-length" for name, _, _ in pairs):
            raise ScenarioError("response_headers: a wrong Content-Length is a fault: short-body")
        return [(name.strip(), value.strip()) for name, _, value in pairs]


def _check(each: Field[Any], value: Any) -> None:
    choices, least, most = (each.metadata[key] for key in ("choices", "least", "most"))
    if choices and value and value not in choices:
        raise ScenarioError(f"{each.name}: {_shown(value)} is none of {', '.join(choices)}")
    if isinstance(value, (int, float)) and not 0 <= value <= most:
        raise ScenarioError(f"{each.name}: {_shown(value)} is not from 0 to {most}")
    if isinstance(value, (int, float)) and 0 < value < least:
        raise ScenarioError(f"{each.name}: {_shown(value)} is neither 0 nor at least {least}")
    if isinstance(value, tuple) and len(value) > _MOST_ITEMS:
        raise ScenarioError(f"{each.name}: {len(value)} of them are more than {_MOST_ITEMS}")
    for text in value if isinstance(value, tuple) else (value,):
        if isinstance(text, str) and len(text) > _LONGEST_TEXT:
            raise ScenarioError(f"{each.name}: {_shown(text)} is too long")
    if each.name.startswith("retry_after") and not _HEADER_VALUE.fullmatch(value):
        raise ScenarioError(f"{each.name}: {_shown(value)} is no value of a header")
    if each.name == "channels" and value not in {1, 2}:
        raise ScenarioError(f"channels: {value} is neither 1 nor 2")
    if each.name == "status" and value and not 200 <= value <= 599:
        raise ScenarioError(f"status: {value} is no HTTP status")


def _convert(each: Field[Any], value: Any) -> Any:
    """Return `value` as the field's kind; whole numbers may stand for fractions."""
    kind = each.metadata["kind"]
    if kind is tuple and isinstance(value, (list, tuple)):
        if all(isinstance(item, str) for item in value):
            return tuple(value)
    elif kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) <= _MANY else math.inf
    elif value is None and each.default is None:
        return None
    elif isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise ScenarioError(f"{each.name}: {_shown(value)} is no {kind.__name__}")


def _shown(value: Any) -> str:
    """Return a value as it can stand in a message: the beginning of what is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def load(path: str) -> dict[str, Any]:
    """Read the keys of a TOML file.

    Raises
    ------
    ScenarioError
        If it cannot be read or is no TOML.
    """
    import tomllib  # only a scenario file needs it

    try:
        with open(path, "rb") as file:  # noqa: PTH123  Path would only be made for this
            return tomllib.load(file)
    except (OSError, ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        raise ScenarioError(f"scenario {path}: {error}") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--scenario FILE`` and a flag for each key."""
    group = parser.add_argument_group("scenario", "each flag is also a key of the TOML file")
    group.add_argument("--scenario", metavar="FILE", help="a TOML file; flags win over it")
    for each in fields(Scenario):
        _add_argument(group, each)


def _add_argument(group: argparse._ArgumentGroup, each: Field[Any]) -> None:
    flag = "--" + each.name.replace("_", "-")
    kind, about = each.metadata["kind"], each.metadata["about"]
    if kind is bool:
        group.add_argument(flag, action="store_true", default=None, help=about)
    elif kind is tuple:
        # `--stall 500:800 --stall 900:100`: one a flag, so its name is singular.
        group.add_argument(
            flag.removesuffix("s"), dest=each.name, action="append", metavar="VALUE", help=about
        )
    else:
        group.add_argument(
            flag,
            type=kind,
            choices=each.metadata["choices"] or None,
            metavar=None if each.metadata["choices"] else "N" if kind is not str else "TEXT",
            help=about,
        )


def from_arguments(options: argparse.Namespace) -> Scenario:
    """Return the scenario of parsed flags: the file, and the flags over it.

    Raises
    ------
    ScenarioError
        If the file or a value is wrong.
    """
    given = {each.name: getattr(options, each.name, None) for each in fields(Scenario)}
    flags = {name: value for name, value in given.items() if value is not None}
    return Scenario().over((load(options.scenario) if options.scenario else {}) | flags)
