"""The fields of a request for speech: looked at, settled, and made a body. Pure.

`streamplay.request.SpeechRequest` is made of these. They stand apart from it because
`streamplay.network.early` sends a request before `dataclasses` and `typing`, 15 ms of imports,
have been loaded. Which fields there are, what they may be and where they are left out: see
`streamplay.rules.option_table`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from streamplay.errors import InvalidRequest
from streamplay.rules.checks import check_documented, check_option, check_text
from streamplay.rules.families import FAMILIES, family_of
from streamplay.rules.option_table import options_in
from streamplay.rules.pronunciation import replaced, replacements

TYPE_CHECKING = False  # as in option_table
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, Final

LONGEST: Final = 4096
"""Characters that one request takes: the limit of OpenAI's ``input`` (API reference,
audio/speech), the only one that is published."""

CHARACTERS_PER_SECOND: Final = 15.0
"""Of ordinary English speech, slowly spoken."""

_CALLED: Final = {"format": "response_format", "encoding": "response_encoding"}
"""Fields that the API calls otherwise than the options."""

_FIELDS: Final = {
    _CALLED.get(option.name, option.name): option
    for option in options_in("request")
    if option.name != "decode_as"  # it says how to read the answer, and is not sent
}
"""Every field but the text, and its option."""

DEFAULTS: Final[dict[str, Any]] = {name: option.default for name, option in _FIELDS.items()}
"""Every field but the text, as it is where nothing is said of it."""

_ALWAYS: Final = ("model", "voice", "response_format", "response_encoding", "sample_rate", "stream")
"""Always sent in Together's shape, so that no default of the server's is relied on."""

_WHERE_GIVEN: Final = tuple(
    name for name in _FIELDS if name not in {*_ALWAYS, "pronounce", "extra"}
)
"""Sent under their own names, in either shape, where they were given."""

_AS_EXTRA: Final = frozenset({"alignment", "segment", "speed", "instructions"})
"""Fields that `extra` may hold as well: programs passed them so before they had options of their
own, and `alignment` and `segment` have no flag."""

_OWN_FIELDS: Final = frozenset({"input", *_ALWAYS, *_WHERE_GIVEN}) - _AS_EXTRA
_MIX: Final = r"[^()+]+(\(\d+(\.\d+)?\))?(\+[^()+]+(\(\d+(\.\d+)?\))?)*"


OPTIONAL: Final = frozenset({"stream", "stream_format", "sample_rate", "speed", "alignment"})
"""Fields that a strict server may refuse, and that it can do without; all but `speed` and
`alignment` are of OpenAI's shape."""


def settled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as they will be sent: what was left open is chosen.

    With ``strict``, also where it is missing, encoding and language are those of Together's API.

    Raises
    ------
    InvalidRequest
        If one is wrong; it names the field and what is allowed.
    """
    check_text("input", fields["input"])
    if fields.get("strict", True):
        check_documented(fields)
    for name, option in _FIELDS.items():
        check_option(option.name, fields[name], called=name)
    if fields["bit_rate"] is not None and fields["response_format"] != "mp3":
        raise InvalidRequest("bit_rate", "is for mp3 only", allowed='response_format="mp3"')
    return {
        **fields,
        "voice": _voice(fields["model"], fields["voice"]),
        "stream": _stream(fields),
        "pronounce": tuple(fields["pronounce"]),
        "extra": _extra(fields),
    }


def may_be_events(fields: Mapping[str, Any]) -> bool:
    """Return whether server-sent events are welcome: a file's bytes come as they are made."""
    return bool(fields["stream"]) and fields["response_format"] == "raw"


def request_fields(options: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return the fields of the request for `text`, of the options that a player has."""
    chosen = {name: options.get(option.name, option.default) for name, option in _FIELDS.items()}
    return {"input": text, **chosen}


def body_of(
    fields: Mapping[str, Any],
    api: str,
    *,
    official: bool = True,
    audio: str = "pcm",
    without: Collection[str] = (),
) -> dict[str, Any]:
    """Return the JSON body of settled fields in the shape of `api`.

    Parameters
    ----------
    fields : mapping
        What `settled` returned.
    api : {'together', 'openai'}
        Whose shape.
    official : bool
        Whether it goes to the API's own host. Servers that imitate OpenAI's take more fields than
        OpenAI does: ``stream`` and ``sample_rate``.
    audio : str
        What OpenAI's ``response_format`` says where raw audio is asked for.
    without : collection of str
        Those of `OPTIONAL` that the server does not take.
    """
    if api == "openai":
        shaped = _openai(fields, audio)
        if not official:
            shaped |= {"stream": fields["stream"], "sample_rate": fields["sample_rate"]}
            # Bytes: speaches resamples them to `sample_rate`, and its events only tell no rate
            # (src/speaches/routers/speech.py:95-110 at 870e1e1); openai-edge-tts fails at events.
            shaped |= {"stream_format": "audio"} if fields["stream"] else {}
        shaped = {name: value for name, value in shaped.items() if name not in without}
    else:
        shaped = _together(fields)
    # In either shape: a server that does not know a field says so.
    given = {
        name: fields[name]
        for name in _WHERE_GIVEN
        if fields[name] is not None and name not in without
    }
    others = {key: value for key, value in fields["extra"].items() if key != "extra_params"}
    params = _extra_params(fields, api)
    return shaped | given | ({"extra_params": params} if params else {}) | others


def _together(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = ("model", "input", *_ALWAYS[1:])
    # Files come whole: https://docs.together.ai/reference/audio-speech, `stream`.
    return {name: fields[name] for name in names} | {"stream": may_be_events(fields)}


def _openai(fields: Mapping[str, Any], audio: str) -> dict[str, Any]:
    asked = fields["response_format"]
    body = {name: fields[name] for name in ("model", "input", "voice")}
    # OpenAI's API has no field for pronunciation: the text says what is to be heard.
    body["input"] = replaced(body["input"], replacements(fields["pronounce"]))
    body["response_format"] = audio if asked == "raw" else asked
    # A file's bytes come as they are made in any case.
    return body | ({"stream_format": "sse"} if may_be_events(fields) else {})


def _extra_params(fields: Mapping[str, Any], api: str) -> dict[str, Any]:
    given = dict(fields["extra"].get("extra_params", {}))
    rules = list(fields["pronounce"]) if api == "together" else []
    return given | ({"pronunciation_dict": rules} if rules else {})


def _voice(model: str, voice: Any) -> str:
    """Return the voice: the one asked for, or the model's own."""
    family = family_of(model)
    known = FAMILIES[family] if family else {}
    voice = known.get("voice") if voice is None else voice
    if voice is None:
        allowed = f"a voice of that model; list them: streamplay voices --model {model}"
        problem = f"model {json.dumps(model)} has no voice of its own here"
        raise InvalidRequest("voice", problem, allowed=allowed)
    text = check_text("voice", voice)
    if ":" in text:  # ENGINE:VOICE, of the built-in voice's server: espeak:en-us+f3
        return text
    if known.get("mixes") and not re.fullmatch(_MIX, text):
        problem = f"{voice!r} is neither a voice nor a mix"
        raise InvalidRequest("voice", problem, allowed="af_bella, or af_bella(2)+af_heart(1)")
    if known and not known.get("mixes") and "+" in text:
        problem = f"{voice!r} mixes voices, and {model} does not"
        raise InvalidRequest("voice", problem, allowed="one voice's name")
    return text


def _stream(fields: Mapping[str, Any]) -> bool:
    """Return whether the audio is to come as it is made: files too, but not from Together."""
    raw, strict = fields["response_format"] == "raw", fields.get("strict", True)
    stream: bool = raw or not strict if fields["stream"] is None else fields["stream"]
    if stream and strict and not raw:
        problem = f"{fields['response_format']} cannot be streamed"
        raise InvalidRequest("stream", problem, allowed='stream with response_format="raw"')
    if fields["alignment"] == "word" and not stream:
        raise InvalidRequest("alignment", "word timestamps are streamed", allowed="stream=True")
    return stream


def _extra(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the other fields, as JSON would carry them."""
    extra: Mapping[str, Any] = fields["extra"]
    for key in extra:
        if key in _OWN_FIELDS:
            allowed = f"{key} itself, or a field that has no name here"
            raise InvalidRequest("extra", f"{key!r} has a field of its own", allowed=allowed)
        if key in _AS_EXTRA and fields[key] is not None:
            raise InvalidRequest(key, "is given twice", allowed=f"{key}, or extra")
    params = extra.get("extra_params", {})
    if not isinstance(params, Mapping):
        raise InvalidRequest("extra", "extra_params is no object", allowed="a JSON object")
    if fields["pronounce"] and "pronunciation_dict" in params:
        raise InvalidRequest("pronounce", "is given twice", allowed="pronounce, or extra_params")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(extra), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest("extra", f"is no JSON: {error}", allowed="JSON values") from None
    return copy
