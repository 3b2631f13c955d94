from __future__ import annotations

import math
from typing import Any

import pytest

from streamplay import Player
from streamplay.audio import AudioFormat
from streamplay.errors import InvalidRequest
from streamplay.models import DEFAULT_MODEL
from streamplay.options import PER_UTTERANCE, Options
from streamplay.rules.checks import LOUDEST


def test_the_defaults_speak_with_the_default_model() -> None:
    request = Options().request("Hello")
    assert (request.input, request.model) == ("Hello", DEFAULT_MODEL)
    assert (request.response_encoding, request.sample_rate) == ("pcm_s16le", 24000)
    assert request.stream is True


def test_every_field_of_the_request_arrives() -> None:
    options = Options(
        model="somebody/new",
        voice="v",
        language="de",
        encoding="pcm_mulaw",
        sample_rate=8000,
        pronounce=["a/b"],
        extra={"speed": 2},
        alignment="word",
        decode_as=AudioFormat("pcm_alaw", 16000),
    )
    request = options.request("Hello")
    assert (request.model, request.voice, request.language) == ("somebody/new", "v", "de")
    assert (request.response_encoding, request.sample_rate) == ("pcm_mulaw", 8000)
    assert list(request.pronounce) == ["a/b"]
    assert request.extra["speed"] == 2
    assert request.alignment == "word"
    assert request.decode_as == AudioFormat("pcm_alaw", 16000)
    assert Options(format="mp3", bit_rate=64000).request("Hello").bit_rate == 64000


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"decode_as": "pcm_mulaw@8000"}, AudioFormat("pcm_mulaw", 8000)),
        # Orpheus speaks at 24000 whatever it is asked for.
        ({"decode_as": "pcm_f32le", "sample_rate": 44100}, AudioFormat("pcm_f32le", 24000)),
        (
            {"decode_as": "pcm_s16le", "sample_rate": 44100, "model": "somebody/new", "voice": "v"},
            AudioFormat("pcm_s16le", 44100),
        ),
    ],
)
def test_decode_as_names_an_encoding_and_may_name_a_rate(
    fields: dict[str, Any], expected: AudioFormat
) -> None:
    assert Options(**fields).request("Hello").expected == (expected, "user")


@pytest.mark.parametrize("value", ["pcm_s24le", "@8000", "pcm_s16le@fast", "pcm_s16le@0", ""])
def test_decode_as_that_means_nothing_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match=r"decode_as: .*ENCODING@RATE"):
        Options(decode_as=value).request("Hello")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("volume", LOUDEST + 0.1),
        ("volume", math.nan),
        ("volume", "loud"),
        ("prebuffer", -1),
        ("prebuffer", math.inf),
        ("prebuffer", math.nan),
        ("prebuffer", "soon"),
        ("latency", -1),
        ("latency", math.inf),
        ("latency", "medium"),
        ("engine", "steam"),
        ("gap_weight", 0.5),
        ("fallback", "remote"),
        ("latency", [1]),
        ("timeout", 0),
        ("timeout", "soon"),
        ("deadline", math.inf),
        ("base_url", 5),
        ("api_key", b"secret"),
        ("api_key_env", ["KEY"]),
        ("device", 3.5),
        ("decode_as", 16),
        ("notify", "tell me"),
        ("on_event", 1),
    ],
)
def test_a_wrong_value_is_told_with_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field}: .*Allowed") as caught:
        Options(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "fields",
    [
        {"volume": -math.inf},
        {"volume": LOUDEST},
        {"prebuffer": 0},
        {"prebuffer": 12.5},
        {"latency": "low"},
        {"latency": 0.02},
        {"engine": "python"},
        {"fallback": "local"},
        {"local": True},
    ],
)
def test_what_is_allowed_is_taken(fields: dict[str, Any]) -> None:
    options = Options(**fields)
    assert {name: getattr(options, name) for name in fields} == fields


def test_two_servers_cannot_both_be_meant() -> None:
    with pytest.raises(InvalidRequest, match="base_url: and local name two servers"):
        Options(local=True, base_url="http://here")


def test_what_is_given_for_one_utterance_wins_for_that_one() -> None:
    options = Options(voice="tara", volume=-3.0)
    own = options.over(voice="leo", prebuffer=100, timeout=2, deadline=9)
    assert (own.voice, own.prebuffer, own.volume) == ("leo", 100, -3.0)
    assert (own.limits.chunk, own.limits.deadline) == (2, 9)
    assert options.limits.deadline is None
    assert (options.voice, options.prebuffer) == ("tara", "auto")
    with pytest.raises(InvalidRequest, match="prebuffer"):
        options.over(prebuffer=-1)


def test_what_belongs_to_the_player_cannot_be_given_for_one_utterance() -> None:
    assert {"voice", "encoding", "decode_as", "prebuffer"} <= PER_UTTERANCE
    with pytest.raises(TypeError, match="volume belongs to the player"):
        Options().over(volume=3.0)
    with pytest.raises(TypeError, match="voise is no argument: did you mean voice"):
        Options().over(voise="tara")


def test_what_is_no_argument_is_told_with_the_nearest_that_is_one() -> None:
    with pytest.raises(TypeError, match=r"^volum is no argument: did you mean volume"):
        Player(volum=3)
    with pytest.raises(TypeError, match=r"^colour is no argument$"):
        Player(colour="red")


def test_the_key_is_in_no_representation() -> None:
    assert "secret" not in repr(Options(api_key="secret"))


def test_notices_go_to_whoever_asked_for_them() -> None:
    told: list[str] = []
    Options(notify=told.append).tell("something")
    Options().tell("nothing")
    assert told == ["something"]
