"""The options that `say`, `Player` and `AsyncPlayer` share: their types, and what they become.

`streamplay.rules.option_table` lists them with their defaults and what they may be. The types
stand here, where type checkers find them: ``**options: Unpack[PlayerOptions]``. To add an option,
see the head of that table.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, TypeVar, cast

from streamplay.audio import READABLE, AudioFormat
from streamplay.errors import InvalidRequest
from streamplay.models import effective_format
from streamplay.network.endpoint import asks_together
from streamplay.network.timeouts import limits_of
from streamplay.notices import Notices
from streamplay.request import SpeechRequest
from streamplay.rules.checks import check_options
from streamplay.rules.fields import request_fields
from streamplay.rules.option_table import (
    EITHER,
    ENCODINGS,
    ONE_SAY,
    OPTIONS,
    PLAYER,
    names_in_scope,
)

if TYPE_CHECKING:
    from typing import NoReturn, Self, Unpack

    from streamplay.events import Event
    from streamplay.network.timeouts import Limits
    from streamplay.request import Alignment, Api, Encoding, Format, Segment


class SpeechOptions(TypedDict, total=False):
    """What may be given to a player, or to one `say`, which wins."""

    model: str
    voice: str | None
    language: str | None
    encoding: Encoding
    sample_rate: int
    format: Format
    bit_rate: int | None
    stream: bool | None
    speed: float | None
    instructions: str | None
    pronounce: list[str] | tuple[str, ...]
    alignment: Alignment | None
    segment: Segment | None
    extra: Mapping[str, Any]
    decode_as: AudioFormat | str | None
    clean: bool
    prefetch: int
    on_error: Literal["stop", "continue"]
    pause_ms: float | None
    timeout: float | None
    deadline: float | None
    prebuffer: float | Literal["auto"]
    gap_weight: float


class ServerOptions(TypedDict, total=False):
    """Which server, and how long to wait for it: what a `SpeechClient` takes too."""

    base_url: str | None
    api_key: str | None
    api_key_env: str | None
    insecure_http: bool
    api: Api | None
    timeout: float | None
    deadline: float | None


class PlayerOptions(SpeechOptions, ServerOptions, total=False):
    """What may be given to a `Player`."""

    local: bool
    fallback: str | list[str] | tuple[str, ...] | None
    fallback_after: float | None
    device: int | str | None
    latency: float | Literal["low", "high"] | None
    wake: float
    follow_default: bool
    volume: float
    engine: Literal["auto", "native", "python"]
    remember: str | os.PathLike[str] | None
    play: bool
    notify: Callable[[str], None] | None
    on_event: Callable[[Event], object] | None


class SayOptions(SpeechOptions, total=False):
    """What may be given to `Player.say`."""

    output: str | os.PathLike[str] | None
    force: bool
    record: str | os.PathLike[str] | None
    subtitles: str | os.PathLike[str] | None


class AllOptions(PlayerOptions, SayOptions, total=False):
    """What may be given to `streamplay.say`."""


class Options:
    """What to ask for, of whom, and where the sound goes; never changed once it is made.

    Parameters
    ----------
    model, voice, language, encoding, sample_rate, format, bit_rate, stream, speed, \
instructions, pronounce, alignment, segment, extra
        Fields of the request: see `SpeechRequest`.
    decode_as : AudioFormat or str, optional
        What the bytes *are*, as ``ENCODING`` or ``ENCODING@RATE``, over everything that the model
        or a header says.
    clean : bool
        Leave out what is not meant to be heard: Markdown, addresses, emoji and code.
    prefetch : int
        How many pieces of a text stream are requested ahead of the one that is heard.
    on_error : {'stop', 'continue'}
        Whether the rest of a text stream is spoken when one piece of it fails.
    pause_ms : float, optional
        Cut the silence between two pieces to so many milliseconds. Without it, silence stays as
        it came.
    base_url, api_key, api_key_env, insecure_http, api, timeout, deadline
        The server: see `SpeechClient`.
    local : bool
        Speak with the built-in voice, from a local speech server.
    fallback : str or list of str, optional
        Servers that go on in order where one fails, before any audio or in the middle of a text:
        ``"local"``, the built-in voice, or a base URL; behind ``#`` a model, a voice, the
        variable with its key: ``"https://host/v1#model=M&voice=V&api_key_env=NAME"``. See
        docs/text.md.
    fallback_after : float, optional
        Seconds without a first byte after which a server counts as failed, where there is
        another one.
    device : int or str, optional
        The output device; the default one unless given.
    latency : float or {'low', 'high'}, optional
        The output's latency, in seconds.
    wake : float
        Milliseconds of silence to play first after the device was opened, for a device that
        sleeps and would swallow the first word.
    follow_default : bool
        Look between utterances whether another device has become the default one, and find a
        device that was plugged in after the program began. For that, PortAudio is initialised
        again, which ends the streams of this process that are not streamplay's.
    volume : float
        In dB; 0 leaves the samples as they came.
    engine : {'auto', 'native', 'python'}
        What runs in the audio callback; ``auto``: the native playout where it was built.
    prebuffer : float or 'auto'
        Milliseconds of audio ahead before sound starts or resumes.
    gap_weight : float
        With ``prebuffer="auto"``: how many seconds of waiting before the first sound are as bad
        as one second of silence inside the speech; at least 1. One utterance in so many may
        stall.
    remember : path, optional
        A file that keeps what was learned about start delays, for the next process: hosts,
        models, voices and numbers, neither texts nor keys. Without it, nothing is written.
    play : bool
        False: receive and keep, without any output.
    notify : callable, optional
        Takes notices of one line: what is no error and yet worth knowing. Called on the player's
        own thread.
    on_event : callable, optional
        Takes every `streamplay.events.Event` of every utterance. Called on a thread of its own.
    output : path, optional
        Of one `say`: keep what is received in this file. See
        `streamplay.outputs.recording.open_file`.
    force : bool
        Of one `say`: overwrite that file.
    record : path, optional
        Of one `say`: write the arrival trace to this file.
    subtitles : path, optional
        Of one `say`: write subtitles to this file, ``.srt`` or ``.vtt``: for the file of `output`,
        or without one for what is played.

    Raises
    ------
    InvalidRequest
        If a value is wrong.
    TypeError
        If a name is no option of a player.
    """

    # Those that are read as attributes: every other is read by its name in the table.
    model: str
    language: str | None
    sample_rate: int
    speed: float | None
    format: Format
    decode_as: AudioFormat | str | None
    clean: bool
    prefetch: int
    on_error: Literal["stop", "continue"]
    pause_ms: float | None
    base_url: str | None
    api_key_env: str | None
    timeout: float | None
    deadline: float | None
    local: bool
    fallback: str | list[str] | tuple[str, ...] | None
    fallback_after: float | None
    device: int | str | None
    latency: float | Literal["low", "high"] | None
    wake: float
    follow_default: bool
    volume: float
    engine: Literal["auto", "native", "python"]
    prebuffer: float | Literal["auto"]
    gap_weight: float
    remember: str | os.PathLike[str] | None
    play: bool
    notify: Callable[[str], None] | None
    on_event: Callable[[Event], object] | None
    output: str | os.PathLike[str] | None
    force: bool
    record: str | os.PathLike[str] | None
    subtitles: str | os.PathLike[str] | None

    def __init__(self, **given: Unpack[PlayerOptions]) -> None:
        _check_names(given, _OF_PLAYERS, "one say")
        _fill(self, {**_DEFAULTS, **given})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} cannot be set: options do not change")

    def __repr__(self) -> str:
        given = {name: value for name, value in vars(self).items() if value != _DEFAULTS[name]}
        given.pop("api_key", None)
        return f"Options({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def over(self, **given: Unpack[SayOptions]) -> Self:
        """Return these options with those given for one `say` over them.

        Raises
        ------
        InvalidRequest
            If a value is wrong.
        TypeError
            If a name is no option, or belongs to the player as a whole.
        """
        _check_names(given, _OF_ONE_SAY, "the player")
        own = type(self).__new__(type(self))
        _fill(own, {**vars(self), **given})
        return own

    @property
    def limits(self) -> Limits:
        """The longest waits for the server."""
        return limits_of(self.timeout, self.deadline)

    @property
    def server(self) -> ServerOptions:
        """Those that a `SpeechClient` takes."""
        return cast("ServerOptions", {name: vars(self)[name] for name in _OF_SERVERS})

    @property
    def tell(self) -> Callable[[str], None]:
        """`notify`, or nothing; what it raises ends nothing else."""
        return Notices(self.notify)

    @property
    def raw_format(self) -> AudioFormat | None:
        """`decode_as`, as a format."""
        if self.decode_as is None or isinstance(self.decode_as, AudioFormat):
            return self.decode_as
        encoding, _, rate = self.decode_as.partition("@")
        try:
            # Without a rate: the one that would be decoded otherwise.
            expected, _ = effective_format(self.model, "pcm_s16le", self.sample_rate)
            return AudioFormat(encoding, int(rate) if rate else expected.samplerate)
        except ValueError:
            allowed = f"ENCODING or ENCODING@RATE, of {', '.join(READABLE)}"
            problem = f"{self.decode_as!r} is no format"
            raise InvalidRequest("decode_as", problem, allowed=allowed) from None

    def of_alternative(self, changes: Mapping[str, Any]) -> Self:
        """Return these options with the `changes` that a server needs which stands in.

        Raises
        ------
        InvalidRequest
            If a value is wrong.
        """
        values = {**vars(self), **changes}
        if values["local"] and values["encoding"] not in ENCODINGS:
            values["encoding"] = _DEFAULTS["encoding"]
        own = type(self).__new__(type(self))
        _fill(own, values)
        return own

    def request(self, text: Any) -> SpeechRequest:
        """Return the request for one piece of text.

        Raises
        ------
        InvalidRequest
            If a field is wrong.
        """
        return SpeechRequest(
            **request_fields(vars(self), text),
            decode_as=self.raw_format,
            strict=self.local or asks_together(os.environ, self.base_url),
        )


def split(options: AllOptions) -> tuple[PlayerOptions, SayOptions]:
    """Divide what `streamplay.say` was given into what the player takes, and the rest."""
    say = {name: value for name, value in options.items() if name in _OF_ONE_SAY_ALONE}
    player = {name: value for name, value in options.items() if name not in say}
    return cast("PlayerOptions", player), cast("SayOptions", say)


_Function = TypeVar("_Function", bound=Callable[..., object])


def signed(function: _Function) -> _Function:
    """Let `help` and shells see every option of ``**options: Unpack[…]``, with its default.

    Type checkers read the `TypedDict`; `inspect.signature`, and what is built on it, reads
    ``__signature__``, which is set here from the `TypedDict` and the table.
    """
    own = inspect.signature(function)
    parameters = list(own.parameters.values())
    unpacked = parameters.pop()
    name = str(unpacked.annotation).removeprefix("Unpack[").removesuffix("]")
    types = getattr(sys.modules[__name__], name).__annotations__
    # In the order of the table: that of the types depends on their bases.
    parameters += [
        inspect.Parameter(
            option,
            inspect.Parameter.KEYWORD_ONLY,
            default=_DEFAULTS[option],
            annotation=types[option].__forward_arg__,
        )
        for option in OPTIONS
        if option in types
    ]
    signature = own.replace(parameters=parameters)
    vars(function)["__signature__"] = signature
    return function


_DEFAULTS: Final = {name: option.default for name, option in OPTIONS.items()}
_OF_PLAYERS: Final = names_in_scope(EITHER, PLAYER)
_OF_ONE_SAY: Final = names_in_scope(EITHER, ONE_SAY)
_OF_ONE_SAY_ALONE: Final = names_in_scope(ONE_SAY)
_OF_SERVERS: Final = tuple(ServerOptions.__annotations__)


def _check_names(given: Mapping[str, Any], allowed: frozenset[str], others: str) -> None:
    for name in given:
        if name in allowed:
            continue
        if name in OPTIONS:
            raise TypeError(f"{name} belongs to {others}")
        from difflib import get_close_matches  # only a mistake needs it

        close = get_close_matches(name, allowed, 1)
        raise TypeError(f"{name} is no argument{f': did you mean {close[0]}?' if close else ''}")


def _fill(options: Options, values: Mapping[str, Any]) -> None:
    check_options(values)
    vars(options).update(values)
    _ = options.raw_format  # raises if `decode_as` names no encoding or no rate
