"""What to say, and how: validated before anything is sent.

The fields and their enums are those of the schema of ``POST /audio/speech``
(https://docs.together.ai/reference/audio-speech), and ``alignment`` and
``segment`` of https://docs.together.ai/docs/text-to-speech.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import InvalidRequest
from streamplay.models import DEFAULT_MODEL, default_voice, effective_format, known_model

if TYPE_CHECKING:
    from streamplay.models import FormatSource

Api = Literal["together", "openai"]
"""Whose shape a request has."""

Format = Literal["raw", "wav", "mp3"]
Encoding = Literal["pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw"]
Alignment = Literal["none", "word"]
Segment = Literal["sentence", "immediate", "never"]

BIT_RATES: Final = (32000, 64000, 96000, 128000, 192000)
SAMPLE_RATES: Final = range(8000, 48001)
"""Telephone to studio. The schema bounds nothing; no model is known beyond."""

# OpenAI's `pcm`: "24kHz (16-bit signed, low-endian), without the header",
# https://platform.openai.com/docs/guides/text-to-speech
_OPENAI_PCM: Final = AudioFormat("pcm_s16le", 24000)

_OWN_FIELDS: Final = frozenset(
    {"input", "model", "voice", "response_format", "response_encoding", "sample_rate"}
    | {"language", "bit_rate", "stream", "alignment", "segment"}
)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_MIX: Final = re.compile(r"[^()+]+(\(\d+(\.\d+)?\))?(\+[^()+]+(\(\d+(\.\d+)?\))?)*")


@dataclass(frozen=True, kw_only=True)
class SpeechRequest:
    """One request for speech.

    Parameters
    ----------
    input : str
        What to say.
    model : str
        The model that says it.
    voice : str, optional
        Its voice, or a mix of voices such as ``af_bella(2)+af_heart(1)`` where
        the model mixes. Without one: the model's own, if it has one.
    response_format : {'raw', 'wav', 'mp3'}
        ``wav`` and ``mp3`` are whole files and not streamed.
    response_encoding : str
        The encoding to ask for, one of `streamplay.audio.ENCODINGS`. The
        model may return another: see `expected`.
    sample_rate : int
        The rate to ask for, in Hz. The model may return another.
    language : str, optional
        ISO 639-1, or a lower-case locale such as ``zh-hk``.
    bit_rate : int, optional
        Bits per second, one of `BIT_RATES`; for ``mp3`` only.
    stream : bool, optional
        Whether audio should come as it is made. Without it: for ``raw`` only.
    pronounce : sequence of str
        Rules of the form ``source/replacement``.
    alignment : {'none', 'word'}, optional
        ``word``: word timestamps between the audio; streamed only.
    segment : {'sentence', 'immediate', 'never'}, optional
        Where the model may divide the text.
    extra : mapping
        Any other fields of the body, sent as they are.
    decode_as : AudioFormat, optional
        What the bytes *are*, over everything that model or header say.

    Raises
    ------
    InvalidRequest
        If a field is wrong; it names the field and what is allowed.
    """

    input: str
    model: str = DEFAULT_MODEL
    voice: str | None = None
    response_format: Format = "raw"
    response_encoding: Encoding = "pcm_s16le"
    sample_rate: int = 24000
    language: str | None = None
    bit_rate: int | None = None
    stream: bool | None = None
    pronounce: Sequence[str] = ()
    alignment: Alignment | None = None
    segment: Segment | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    decode_as: AudioFormat | None = None

    def __post_init__(self) -> None:
        _check_text("input", self.input)
        _check_text("model", self.model)
        self._settle_voice()
        self._check_format()
        _check_choice("alignment", self.alignment, get_args(Alignment), optional=True)
        _check_choice("segment", self.segment, get_args(Segment), optional=True)
        self._settle_stream()
        self._check_language()
        object.__setattr__(self, "pronounce", _rules(self.pronounce))
        object.__setattr__(self, "extra", _extra(self.extra, self.pronounce))

    @property
    def expected(self) -> tuple[AudioFormat, FormatSource]:
        """What the bytes will be, before any header has been seen, and who says so."""
        return self.expected_from("together")

    def expected_from(self, api: Api) -> tuple[AudioFormat, FormatSource]:
        """Return what the bytes will be where the request was sent in the shape of `api`."""
        if self.decode_as is not None:
            return self.decode_as, "user"
        if api == "openai":
            return _OPENAI_PCM, "request"
        return effective_format(self.model, self.response_encoding, self.sample_rate)

    def body(self, api: Api = "together") -> dict[str, Any]:
        """Return the JSON body: exactly what is meant, no server's default relied on.

        Parameters
        ----------
        api : {'together', 'openai'}
            The shape. OpenAI's has neither an encoding nor a rate: its ``pcm``
            is 16-bit samples at 24 kHz.
        """
        shaped = self._openai() if api == "openai" else self._together()
        # Sent in either shape: whoever asks for word timestamps gets them, or is
        # told by the server that it has none.
        optional = {
            "language": self.language,
            "bit_rate": self.bit_rate,
            "alignment": self.alignment,
            "segment": self.segment,
            "extra_params": self._extra_params(),
        }
        return shaped | {key: value for key, value in optional.items() if value} | self._others()

    def _together(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "input": self.input,
            "voice": self.voice,
            "response_format": self.response_format,
            "response_encoding": self.response_encoding,
            "sample_rate": self.sample_rate,
            "stream": self.stream,
        }

    def _openai(self) -> dict[str, Any]:
        wanted = "pcm" if self.response_format == "raw" else self.response_format
        body = {
            "model": self.model,
            "input": self.input,
            "voice": self.voice,
            "response_format": wanted,
        }
        return body | ({"stream_format": "sse"} if self.stream else {})

    def _extra_params(self) -> dict[str, Any]:
        given = dict(self.extra.get("extra_params", {}))
        return given | ({"pronunciation_dict": list(self.pronounce)} if self.pronounce else {})

    def _others(self) -> dict[str, Any]:
        return {key: value for key, value in self.extra.items() if key != "extra_params"}

    def _settle_voice(self) -> None:
        if self.voice is None:
            object.__setattr__(self, "voice", default_voice(self.model))
        if self.voice is None:
            allowed = f"a voice of that model; list them: streamplay voices --model {self.model}"
            problem = f"model {json.dumps(self.model)} has no voice of its own here"
            raise InvalidRequest("voice", problem, allowed=allowed)
        _check_text("voice", self.voice)
        known = known_model(self.model)
        if known and known.mixes and not _MIX.fullmatch(self.voice):
            problem = f"{self.voice!r} is neither a voice nor a mix"
            raise InvalidRequest("voice", problem, allowed="af_bella, or af_bella(2)+af_heart(1)")
        if known and not known.mixes and "+" in self.voice:
            problem = f"{self.voice!r} mixes voices, and {self.model} does not"
            raise InvalidRequest("voice", problem, allowed="one voice's name")

    def _check_format(self) -> None:
        _check_choice("response_format", self.response_format, get_args(Format))
        _check_choice("response_encoding", self.response_encoding, ENCODINGS)
        _check_rate(self.sample_rate)
        if self.bit_rate is None:
            return
        if self.response_format != "mp3":
            raise InvalidRequest("bit_rate", "is for mp3 only", allowed='response_format="mp3"')
        _check_choice("bit_rate", self.bit_rate, BIT_RATES)

    def _settle_stream(self) -> None:
        raw = self.response_format == "raw"
        if self.stream is None:
            object.__setattr__(self, "stream", raw)
        _check_choice("stream", self.stream, (True, False))
        if self.stream and not raw:
            problem = f"{self.response_format} cannot be streamed"
            raise InvalidRequest("stream", problem, allowed='stream with response_format="raw"')
        if self.alignment == "word" and not self.stream:
            raise InvalidRequest("alignment", "word timestamps are streamed", allowed="stream=True")

    def _check_language(self) -> None:
        if self.language is not None and (
            not isinstance(self.language, str) or not _LANGUAGE.fullmatch(self.language)
        ):
            problem = f"{self.language!r} is no language"
            raise InvalidRequest("language", problem, allowed="en, or a lower-case locale: zh-hk")


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise InvalidRequest(name, f"is {type(value).__name__}", allowed="text")
    if not value.strip():
        raise InvalidRequest(name, "is empty", allowed="text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # Half of a surrogate pair: an undecodable byte of a file or an argument.
        problem = f"character {error.start + 1} is no Unicode character"
        raise InvalidRequest(name, problem, allowed="UTF-8 text") from None


def _check_choice(
    name: str, value: object, allowed: Sequence[object], *, optional: bool = False
) -> None:
    if optional and value is None:
        return
    # By type as well: True would pass for 1, and 32000.0 for 32000.
    if not any(value == one and type(value) is type(one) for one in allowed):
        named = ", ".join(str(one) for one in allowed)
        raise InvalidRequest(name, f"{value!r} is not offered", allowed=named)


def _check_rate(value: object) -> None:
    if type(value) is not int or value not in SAMPLE_RATES:
        allowed = f"{SAMPLE_RATES[0]} to {SAMPLE_RATES[-1]} Hz"
        raise InvalidRequest("sample_rate", f"{value!r} is no rate", allowed=allowed)


def _rules(pronounce: Any) -> tuple[str, ...]:
    """Return the pronunciation rules, each with both of its sides."""
    if isinstance(pronounce, str) or not isinstance(pronounce, Sequence):
        problem = f"is {type(pronounce).__name__}"
        raise InvalidRequest("pronounce", problem, allowed='a list such as ["omg/oh my god"]')
    for rule in pronounce:
        _check_text("pronounce", rule)
        source, _, replacement = rule.partition("/")
        if not source.strip() or not replacement.strip():
            problem = f"{rule!r} lacks a side"
            raise InvalidRequest("pronounce", problem, allowed="SOURCE/REPLACEMENT")
    return tuple(pronounce)


def _extra(extra: Any, pronounce: Sequence[str]) -> dict[str, Any]:
    """Return a copy of the other fields, as JSON would carry them."""
    if not isinstance(extra, Mapping):
        raise InvalidRequest("extra", f"is {type(extra).__name__}", allowed="a mapping")
    for key in extra:
        if not isinstance(key, str):
            raise InvalidRequest("extra", f"the key {key!r} is no text", allowed="names of fields")
        if key in _OWN_FIELDS:
            allowed = f"{key} itself, or a field that has no name here"
            raise InvalidRequest("extra", f"{key!r} has a field of its own", allowed=allowed)
    params = extra.get("extra_params", {})
    if not isinstance(params, Mapping):
        raise InvalidRequest("extra", "extra_params is no object", allowed="a JSON object")
    if pronounce and "pronunciation_dict" in params:
        raise InvalidRequest("pronounce", "is given twice", allowed="pronounce, or extra_params")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(extra), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest("extra", f"is no JSON: {error}", allowed="JSON values") from None
    return copy
