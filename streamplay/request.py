"""One request for speech, validated by `streamplay.rules.fields` before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.audio import AudioFormat
from streamplay.models import DEFAULT_MODEL, effective_format
from streamplay.rules.fields import body_of, settled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamplay.models import FormatSource

Api = Literal["together", "openai"]
"""Whose API defines the JSON body: the names of the fields, and which there are."""

Format = Literal["raw", "wav", "mp3", "opus", "flac", "aac", "mulaw"]
Encoding = Literal["pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw"]
Alignment = Literal["none", "word"]
Segment = Literal["sentence", "immediate", "never"]

# OpenAI's `pcm`: "24kHz (16-bit signed, low-endian), without the header",
# https://platform.openai.com/docs/guides/text-to-speech
_OPENAI_PCM: Final = AudioFormat("pcm_s16le", 24000)


@dataclass(frozen=True, kw_only=True)
class SpeechRequest:
    """One request for speech.

    Parameters
    ----------
    input : str
        The text to speak.
    model : str
        The model that speaks.
    voice : str, optional
        Its voice, or a mix of voices such as ``af_bella(2)+af_heart(1)`` if the model mixes.
        Without one: the model's default voice, if it has one.
    response_format : {'raw', 'wav', 'mp3', 'opus', 'flac', 'aac', 'mulaw'}
        All but ``raw`` come whole from Together; ``mulaw`` are samples of G.711 without a header.
    response_encoding : str
        The requested encoding, one of `streamplay.audio.ENCODINGS`. The model may return
        another: see `expected`.
    sample_rate : int
        The requested rate, in Hz. The model may return another.
    language : str, optional
        ISO 639-1, or a lower-case locale such as ``zh-hk``.
    bit_rate : int, optional
        Bits per second, one of `streamplay.rules.option_table.BIT_RATES`; for ``mp3`` only.
    stream : bool, optional
        Whether the server sends audio while it generates it. Without it: for ``raw``, and from
        servers that are not Together's (not `strict`) for files too, in OpenAI's shape.
    speed : float, optional
        How fast to speak, 0.25 to 4; 1 is the voice's own pace.
    instructions : str, optional
        How to speak, for models that take instructions, such as OpenAI's.
    pronounce : sequence of str
        Rules of the form ``source/replacement``.
    alignment : {'none', 'word'}, optional
        ``word``: the server sends word timestamps between the audio; streamed only.
    segment : {'sentence', 'immediate', 'never'}, optional
        Where the model may divide the text.
    extra : mapping
        Any other fields of the body, sent unchanged.
    decode_as : AudioFormat, optional
        The format of the bytes, whatever the model or a header says.
    strict : bool
        Whether `response_encoding` and `language` must be those of Together's API. False for
        another server: unknown ones are sent unchanged.

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
    speed: float | None = None
    instructions: str | None = None
    pronounce: Sequence[str] = ()
    alignment: Alignment | None = None
    segment: Segment | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    decode_as: AudioFormat | None = None
    strict: bool = True

    def __post_init__(self) -> None:
        for name, value in settled(vars(self)).items():
            object.__setattr__(self, name, value)

    @property
    def expected(self) -> tuple[AudioFormat, FormatSource]:
        """The format that the bytes should have before any header is read, and how it is known."""
        return self.expected_from("together")

    def expected_from(self, api: Api) -> tuple[AudioFormat, FormatSource]:
        """Return the format to expect if the request is sent in the shape of `api`."""
        if self.decode_as is not None:
            return self.decode_as, "user"
        told: tuple[AudioFormat, FormatSource] = _OPENAI_PCM, "request"
        if api == "together":
            told = effective_format(self.model, self.response_encoding, self.sample_rate)
        if self.response_format == "mulaw":
            return AudioFormat("pcm_mulaw", told[0].samplerate), "request"
        return told

    def body(self, api: Api = "together") -> dict[str, Any]:
        """Return the JSON body. It names every value, so that no server's default matters.

        Parameters
        ----------
        api : {'together', 'openai'}
            The shape. OpenAI's has neither encoding nor rate: its ``pcm`` is 16-bit samples at
            24 kHz.
        """
        return body_of(vars(self), api)
