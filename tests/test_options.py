from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import streamplay
from streamplay import AsyncPlayer, Player
from streamplay import options as options_module
from streamplay import request as request_module
from streamplay.audio import AudioFormat
from streamplay.errors import InvalidRequest
from streamplay.models import DEFAULT_MODEL
from streamplay.network.client import SpeechClient
from streamplay.options import Options, split
from streamplay.request import SpeechRequest
from streamplay.rules.option_table import (
    EITHER,
    ONE_SAY,
    OPTIONS,
    PLAYER,
    names_in_scope,
    options_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable


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
        speed=2,
        instructions="Whisper.",
        extra={"style": 3},
        alignment="word",
        segment="never",
        decode_as=AudioFormat("pcm_alaw", 16000),
    )
    request = options.request("Hello")
    assert (request.model, request.voice, request.language) == ("somebody/new", "v", "de")
    assert (request.response_encoding, request.sample_rate) == ("pcm_mulaw", 8000)
    assert list(request.pronounce) == ["a/b"]
    assert (request.speed, request.instructions) == (2, "Whisper.")
    assert request.extra == {"style": 3}
    assert request.segment == "never"
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


@pytest.mark.parametrize("value", ["pcm_s12le", "@8000", "pcm_s16le@fast", "pcm_s16le@0", ""])
def test_decode_as_that_means_nothing_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match=r"decode_as: .*ENCODING@RATE"):
        Options(decode_as=value).request("Hello")


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
    assert {"voice", "encoding", "decode_as", "prebuffer"} <= names_in_scope(EITHER)
    with pytest.raises(TypeError, match="volume belongs to the player"):
        Options().over(volume=3.0)
    with pytest.raises(TypeError, match="voise is no argument: did you mean voice"):
        Options().over(voise="tara")


def test_what_is_no_argument_is_told_with_the_nearest_that_is_one() -> None:
    with pytest.raises(TypeError, match=r"^volum is no argument: did you mean volume"):
        Player(volum=3)
    with pytest.raises(TypeError, match=r"^colour is no argument$"):
        Player(colour="red")


def test_what_is_given_to_one_say_alone_is_no_option_of_a_player() -> None:
    own = Options(voice="leo").over(output="a.wav", force=True)
    assert (own.output, own.force, own.record) == ("a.wav", True, None)
    with pytest.raises(TypeError, match="output belongs to one say"):
        Options(output="a.wav")  # type: ignore[arg-type]
    of_player, of_say = split({"voice": "leo", "volume": 1.0, "output": "a.wav"})
    assert of_player == {"voice": "leo", "volume": 1.0}
    assert of_say == {"output": "a.wav"}


def test_options_do_not_change() -> None:
    options = Options(voice="leo")
    with pytest.raises(AttributeError, match="voice cannot be set"):
        options.voice = "tara"
    assert (repr(options), options.voice) == ("Options(voice='leo')", "leo")


# The table, and what cannot be derived from it: types, attributes, documentation


TYPED = {
    "SpeechOptions": {EITHER},
    "PlayerOptions": {EITHER, PLAYER},
    "SayOptions": {EITHER, ONE_SAY},
    "AllOptions": {EITHER, PLAYER, ONE_SAY},
}
ENTRANCES: dict[str, tuple[Callable[..., object], set[str]]] = {
    "say": (streamplay.say, TYPED["AllOptions"]),
    "Player": (Player, TYPED["PlayerOptions"]),
    "Player.say": (Player.say, TYPED["SayOptions"]),
    "AsyncPlayer": (AsyncPlayer, TYPED["PlayerOptions"]),
    "AsyncPlayer.say": (AsyncPlayer.say, TYPED["SayOptions"]),
}


def types_of(name: str) -> dict[str, str]:
    types = getattr(options_module, name).__annotations__
    return {option: type_.__forward_arg__ for option, type_ in types.items()}


@pytest.mark.parametrize("name", TYPED)
def test_every_row_has_its_type_and_every_type_its_row(name: str) -> None:
    assert types_of(name).keys() == names_in_scope(*TYPED[name])


@pytest.mark.parametrize("name", OPTIONS)
def test_what_may_be_none_says_so(name: str) -> None:
    option = OPTIONS[name]
    assert (option.default is None) is ("None" in types_of("AllOptions")[name].split(" | "))


def test_an_attribute_has_the_type_of_its_option() -> None:
    types = types_of("AllOptions")
    attributes = Options.__annotations__
    assert attributes == {name: types[name] for name in attributes}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_choice_is_in_the_type(name: str) -> None:
    option = OPTIONS[name]
    type_ = types_of("AllOptions")[name]
    named = vars(request_module).get(type_.removesuffix(" | None"))
    spelled = str(type_ if named is None else named)
    words = re.findall(r"[\"'](\w+)[\"']", spelled)
    strings = isinstance(option.allowed, tuple) and isinstance(option.allowed[0], str)
    assert words == (list(option.allowed) if strings else [])


def test_every_option_is_documented_once() -> None:
    document = str(Options.__doc__)
    listed = re.findall(
        r"^    (\w[\w, ]+?)(?: :.*)?$", document.split("Raises", maxsplit=1)[0], re.MULTILINE
    )
    names = [name for line in listed[1:] for name in line.split(", ")]
    assert sorted(names) == sorted(OPTIONS)


@pytest.mark.parametrize("name", ENTRANCES)
def test_help_and_completion_see_every_option_with_its_default(name: str) -> None:
    entrance, scopes = ENTRANCES[name]
    seen = inspect.signature(entrance).parameters
    keywords = [name for name, each in seen.items() if each.kind is each.KEYWORD_ONLY]
    options = [each for each in keywords if each not in {"first", "interruptible"}]
    assert options == [name for name in OPTIONS if name in names_in_scope(*scopes)]
    types = types_of("AllOptions")
    for option in options:
        assert (seen[option].default, seen[option].annotation) == (
            OPTIONS[option].default,
            types[option],
        )
    assert not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in seen.values())


def test_a_client_takes_the_options_of_a_server_with_their_defaults_and_types() -> None:
    seen = inspect.signature(SpeechClient).parameters
    for name, type_ in types_of("ServerOptions").items():
        assert (seen[name].default, seen[name].annotation) == (OPTIONS[name].default, type_)
        assert name in Options().server


def test_a_request_has_the_fields_of_the_table_with_their_defaults_and_types() -> None:
    called = {"format": "response_format", "encoding": "response_encoding"}
    options = {called.get(each.name, each.name): each for each in options_in("request")}
    seen = inspect.signature(SpeechRequest).parameters
    assert seen.keys() == {"input", "strict", *options}
    fields = {field.name: field for field in dataclasses.fields(SpeechRequest)}
    for name, option in options.items():
        field, type_ = fields[name], types_of("AllOptions")[option.name]
        default = {} if field.default is dataclasses.MISSING else field.default
        assert default == option.default
        if name not in {"decode_as", "pronounce"}:  # a text, and any sequence
            assert field.type == type_


def test_the_key_is_in_no_representation() -> None:
    assert "secret" not in repr(Options(api_key="secret"))


def test_notices_go_to_whoever_asked_for_them() -> None:
    told: list[str] = []
    Options(notify=told.append).tell("something")
    Options().tell("nothing")
    assert told == ["something"]


def test_the_page_on_assistants_names_the_options_of_one_say() -> None:
    page = (Path(__file__).parent.parent / "docs" / "assistant.md").read_text(encoding="utf-8")
    section = page.partition("## Which options belong to one say")[2].partition("\n## ")[0]
    either, alone = section.split("These belong to one")
    names = re.compile(r"`(\w+)`")
    assert set(names.findall(either)) - {"say"} == names_in_scope(EITHER)
    assert names_in_scope(ONE_SAY) <= set(names.findall(alone))
