"""The arguments that `say`, `Player` and `AsyncPlayer` share, and what they become."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import InvalidRequest
from streamplay.models import DEFAULT_MODEL, effective_format
from streamplay.network.patience import limits_of
from streamplay.policy.jitter import GAP_WEIGHT
from streamplay.request import SpeechRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamplay.events import Event
    from streamplay.network.patience import Limits


LOUDEST: Final = 20.0
"""dB of amplification. What passes full scale is limited; beyond this little else is left."""


MOST_AHEAD: Final = 16
"""Pieces asked for ahead: more than anybody hears in the time that one takes."""


def _ignore(_: str) -> None:
    """Drop a notice."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to ask for, of whom, and where the sound goes.

    Parameters
    ----------
    model, voice, language, encoding, sample_rate, format, bit_rate, stream, pronounce, \
alignment, extra
        Fields of the request: see `SpeechRequest`.
    decode_as : AudioFormat or str, optional
        What the bytes *are*, as ``ENCODING`` or ``ENCODING@RATE``, over
        everything that the model or a header says.
    base_url, api, api_key, api_key_env, timeout, deadline
        The server: see `SpeechClient`.
    local : bool
        Speak with the built-in voice, from a local speech server.
    fallback : {'local'}, optional
        Speak with the built-in voice where the server fails before any audio.
    device : int or str, optional
        The output device; the default one unless given.
    latency : float or {'low', 'high'}, optional
        The output's latency, in seconds.
    wake : float
        Milliseconds of silence to play first after the device was opened, for one that sleeps
        and would swallow the first word.
    follow_default : bool
        Look between utterances whether another device has become the default one. PortAudio
        begins anew for that, which ends streams of this process that are not streamplay's.
    volume : float
        In dB; 0 leaves the samples as they came.
    engine : {'auto', 'native', 'python'}
        What runs in the audio callback; ``auto``: the native playout where it was built.
    prebuffer : float or 'auto'
        Milliseconds of audio ahead before sound starts or resumes.
    gap_weight : float
        With ``prebuffer="auto"``: how many seconds of waiting before the first sound are as bad
        as one of silence inside the speech; at least 1. One utterance in so many is let stall.
    prefetch : int
        How many pieces of a text stream are asked for ahead of the one that is being heard.
    pause_ms : float, optional
        Cut the silence between two pieces to so many milliseconds; it stays as it
        came unless given.
    on_error : {'stop', 'continue'}
        Where a piece of a text stream fails: whether the rest is said all the same.
    clean : bool
        Make Markdown, addresses, emoji and code fit to be heard.
    play : bool
        False: receive and keep, without any output.
    notify : callable
        Is told, in one line each, what is no error and yet worth knowing. It is
        called on the player's own thread.
    on_event : callable
        Is handed every `streamplay.events.Event` of every utterance, on a thread of its own.
    """

    model: str = DEFAULT_MODEL
    voice: str | None = None
    language: str | None = None
    encoding: str = "pcm_s16le"
    sample_rate: int = 24000
    format: str = "raw"
    bit_rate: int | None = None
    stream: bool | None = None
    pronounce: Sequence[str] = ()
    alignment: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    decode_as: AudioFormat | str | None = None
    base_url: str | None = None
    api: str | None = None
    api_key: str | None = field(default=None, repr=False)
    api_key_env: str | None = None
    timeout: float | None = None
    deadline: float | None = None
    local: bool = False
    fallback: Literal["local"] | None = None
    device: int | str | None = None
    latency: float | Literal["low", "high"] | None = None
    wake: float = 0.0
    follow_default: bool = False
    volume: float = 0.0
    engine: Literal["auto", "native", "python"] = "auto"
    prebuffer: float | Literal["auto"] = "auto"
    gap_weight: float = GAP_WEIGHT
    prefetch: int = 2
    pause_ms: float | None = None
    on_error: Literal["stop", "continue"] = "stop"
    clean: bool = False
    play: bool = True
    notify: Callable[[str], None] | None = None
    on_event: Callable[[Event], object] | None = None

    def __post_init__(self) -> None:
        if self.fallback not in (None, "local"):
            raise InvalidRequest("fallback", f"{self.fallback!r} is not offered", allowed="local")
        if self.local and self.base_url is not None:
            raise InvalidRequest("base_url", "and local name two servers", allowed="one of them")
        if self.engine not in ("auto", "native", "python"):
            allowed = "auto, native, python"
            raise InvalidRequest("engine", f"{self.engine!r} is not offered", allowed=allowed)
        self._check_kinds()
        check_latency(self.latency)
        check_prebuffer(self.prebuffer)
        check_gap_weight(self.gap_weight)
        check_pieces(self.prefetch, self.pause_ms, self.on_error)
        check_volume(self.volume)
        check_wake(self.wake)
        _ = self.limits

    def _check_kinds(self) -> None:
        for name, kinds in _KINDS.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kinds):
                allowed = " or ".join(kind.__name__ for kind in kinds)
                raise InvalidRequest(name, f"is {type(value).__name__}", allowed=allowed)
        for name in ("notify", "on_event"):
            value = getattr(self, name)
            if value is not None and not callable(value):
                raise InvalidRequest(name, f"is {type(value).__name__}", allowed="a callable")

    @property
    def limits(self) -> Limits:
        """The longest waits for the server."""
        return limits_of(self.timeout, self.deadline)

    @property
    def tell(self) -> Callable[[str], None]:
        """`notify`, or nothing."""
        return self.notify or _ignore

    def over(self, **given: Any) -> Options:
        """Return these options with those given for one utterance over them.

        Raises
        ------
        TypeError
            If one of them is no argument, or belongs to the player as a whole.
        """
        for name in given:
            if name not in PER_UTTERANCE:
                whose = "belongs to the player" if name in _NAMES else "is no argument"
                raise TypeError(f"{name} {whose}")
        return replace(self, **given)

    def request(self, text: Any) -> SpeechRequest:
        """Return the request for one piece of text.

        Raises
        ------
        InvalidRequest
            If a field is wrong.
        """
        return SpeechRequest(
            input=text,
            model=self.model,
            voice=self.voice,
            response_format=self.format,  # type: ignore[arg-type]  # checked by SpeechRequest
            response_encoding=self.encoding,  # type: ignore[arg-type]  # the same
            sample_rate=self.sample_rate,
            language=self.language,
            bit_rate=self.bit_rate,
            stream=self.stream,
            pronounce=self.pronounce,
            alignment=self.alignment,  # type: ignore[arg-type]  # the same
            extra=self.extra,
            decode_as=self._decode_as(),
        )

    @property
    def raw_format(self) -> AudioFormat | None:
        """What raw bytes are: `decode_as`, as a format."""
        return self._decode_as()

    def _decode_as(self) -> AudioFormat | None:
        if self.decode_as is None or isinstance(self.decode_as, AudioFormat):
            return self.decode_as
        encoding, _, rate = self.decode_as.partition("@")
        try:
            # Who names no rate means the one that would be decoded otherwise.
            expected, _ = effective_format(self.model, "pcm_s16le", self.sample_rate)
            return AudioFormat(encoding, int(rate) if rate else expected.samplerate)
        except ValueError:
            allowed = f"ENCODING or ENCODING@RATE, of {', '.join(ENCODINGS)}"
            problem = f"{self.decode_as!r} is no format"
            raise InvalidRequest("decode_as", problem, allowed=allowed) from None


PER_UTTERANCE: Final = frozenset(
    {"model", "voice", "language", "encoding", "sample_rate", "format", "bit_rate", "stream"}
    | {"pronounce", "alignment", "extra", "decode_as", "prebuffer", "gap_weight"}
    | {"prefetch", "pause_ms", "on_error", "clean", "timeout", "deadline"}
)
"""What may be given to `Player.say`: the rest is settled when a player is made."""

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(("base_url", "api", "api_key", "api_key_env"), (str,)),
    "device": (str, int),
    "decode_as": (str, AudioFormat),
}
"""What an argument may be that is checked nowhere else before it is used."""

_NAMES: Final = frozenset(each.name for each in fields(Options))


def check_latency(value: float | str | None) -> None:
    """Raise `InvalidRequest` unless `value` is None, ``"low"``, ``"high"`` or seconds."""
    good = value in (None, "low", "high") or (
        isinstance(value, (int, float)) and math.isfinite(value) and value >= 0
    )
    if not good:
        raise InvalidRequest("latency", f"{value!r} is no time", allowed="low, high, or seconds")


def check_wake(value: float) -> None:
    """Raise `InvalidRequest` unless `value` is milliseconds, at most ten seconds of them."""
    if not isinstance(value, (int, float)) or not 0 <= value <= 10_000:
        raise InvalidRequest("wake", f"{value!r} is no time", allowed="0 to 10000 milliseconds")


def check_prebuffer(value: float | str) -> None:
    """Raise `InvalidRequest` unless `value` is ``"auto"`` or milliseconds."""
    good = value == "auto" or (
        isinstance(value, (int, float)) and math.isfinite(value) and value >= 0
    )
    if not good:
        raise InvalidRequest("prebuffer", f"{value!r} is no time", allowed="auto, or milliseconds")


def check_gap_weight(value: float) -> None:
    """Raise `InvalidRequest` unless `value` is a finite number of at least 1."""
    if not isinstance(value, (int, float)) or not 1 <= value < math.inf:
        raise InvalidRequest("gap_weight", f"{value!r} is no weight", allowed="1 or more")


def check_pieces(prefetch: int, pause_ms: float | None, on_error: str) -> None:
    """Raise `InvalidRequest` unless these say how the pieces of a text stream are joined."""
    if not isinstance(prefetch, int) or not 0 <= prefetch <= MOST_AHEAD:
        allowed = f"0 to {MOST_AHEAD}"
        raise InvalidRequest("prefetch", f"{prefetch!r} is no number of pieces", allowed=allowed)
    if pause_ms is not None and not (isinstance(pause_ms, (int, float)) and 0 <= pause_ms < 1e4):
        raise InvalidRequest("pause_ms", f"{pause_ms!r} is no time", allowed="below 10000")
    if on_error not in ("stop", "continue"):
        raise InvalidRequest("on_error", f"{on_error!r} is not offered", allowed="stop, continue")


def check_volume(value: float) -> None:
    """Raise `InvalidRequest` unless `value` is a level in dB, at most `LOUDEST`."""
    if not isinstance(value, (int, float)) or math.isnan(value) or value > LOUDEST:
        allowed = f"dB, at most {LOUDEST:g}"
        raise InvalidRequest("volume", f"{value!r} is no level", allowed=allowed)
