"""The arguments that `say`, `Player` and `AsyncPlayer` share, and what they become."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import InvalidRequest
from streamplay.models import DEFAULT_MODEL, effective_format
from streamplay.network.timeouts import limits_of
from streamplay.policy.jitter import GAP_WEIGHT
from streamplay.request import SpeechRequest
from streamplay.rules.checks import check_options
from streamplay.rules.fields import request_fields

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from streamplay.events import Event
    from streamplay.network.timeouts import Limits


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
    remember : path, optional
        A file to keep in what was learned of when to start, and to begin with: hosts, models,
        voices and numbers, neither texts nor keys. It stays in the process unless given.
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
    remember: str | os.PathLike[str] | None = None
    prefetch: int = 2
    pause_ms: float | None = None
    on_error: Literal["stop", "continue"] = "stop"
    clean: bool = False
    play: bool = True
    notify: Callable[[str], None] | None = None
    on_event: Callable[[Event], object] | None = None

    def __post_init__(self) -> None:
        check_options(vars(self))
        self._check_kinds()
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

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Return the options of a player.

        Raises
        ------
        TypeError
            If one of them is no argument.
        """
        for name in given:
            if name not in _NAMES:
                raise TypeError(f"{name} is no argument{_nearest(name)}")
        return cls(**given)

    def over(self, **given: Any) -> Options:
        """Return these options with those given for one utterance over them.

        Raises
        ------
        TypeError
            If one of them is no argument, or belongs to the player as a whole.
        """
        for name in given:
            if name not in PER_UTTERANCE:
                known = name in _NAMES
                whose = "belongs to the player" if known else f"is no argument{_nearest(name)}"
                raise TypeError(f"{name} {whose}")
        return replace(self, **given)

    def request(self, text: Any) -> SpeechRequest:
        """Return the request for one piece of text.

        Raises
        ------
        InvalidRequest
            If a field is wrong.
        """
        fields = request_fields(vars(self), text)
        return SpeechRequest(**fields, decode_as=self._decode_as())

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


def _nearest(name: str) -> str:
    from difflib import get_close_matches  # only a mistake needs it

    close = get_close_matches(name, _NAMES, 1)
    return f": did you mean {close[0]}?" if close else ""
