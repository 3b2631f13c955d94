from __future__ import annotations

import json
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay import errors
from streamplay.network.endpoint import Endpoint, find_endpoint
from streamplay.network.failures import (
    ErrorBody,
    broken_proxy,
    broken_trust,
    check_coding,
    misframed,
    not_connected,
    read_error,
    refusal,
    tells_end,
    told_limit,
)
from streamplay.request import SpeechRequest

KEY = "tgp-secret-0123456789"
ENDPOINT = Endpoint("http://there:8000/v1", "there", KEY)
REQUEST = SpeechRequest(input="Hello", voice="tera")


def refuse(
    status: int,
    answer: Any = None,
    *,
    endpoint: Endpoint = ENDPOINT,
    request: SpeechRequest | None = REQUEST,
    **headers: str,
) -> errors.ServerRefused:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(
        status, named, read_error(body), body, endpoint=endpoint, now=0.0, request=request
    )


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (301, "ServerRefused"),
        (308, "ServerRefused"),
        (400, "BadRequest"),
        (401, "NotAuthorized"),
        (402, "QuotaExceeded"),
        (403, "NotAuthorized"),
        (404, "ModelNotFound"),
        (405, "BadRequest"),
        (413, "BadRequest"),
        (422, "BadRequest"),
        (429, "RateLimited"),
        (500, "ServerFailed"),
        (503, "ServerFailed"),
        (529, "ServerFailed"),
    ],
)
def test_a_status_has_its_class(status: int, name: str) -> None:
    error = refuse(status, {"error": {"message": "words of the server", "type": "t"}})
    assert type(error).__name__ == name
    assert error.status == status
    assert f"({status}): words of the server" in str(error)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"error": {"message": "m", "type": "t", "param": None, "code": None}}, "m"),
        ({"error": "m"}, "m"),
        ({"error": {"error": {"message": "m"}}}, "m"),
        ({"error": {"code": 3}, "message": "m"}, "m"),
        ({"detail": "m"}, "m"),
        ({"detail": {"error": "e", "message": "m"}}, "m"),
        ({"detail": [{"loc": ["body", "voice"], "msg": "m"}]}, "voice: m"),
        ({"detail": [{"msg": "m"}, {"loc": ["query", "x"], "msg": "n"}]}, "m; query: n"),
        ({"errors": ["m", "n"]}, "m; n"),
        ({"message": "m"}, "m"),
        ({"msg": "m"}, "m"),
        ({"base_resp": {"status_code": 1004, "status_msg": "m"}}, "m"),
        ("m", "m"),
        ({"error": {}, "message": "m"}, "m"),
        ({}, ""),
        ([], ""),
        (7, ""),
        (None, ""),
    ],
)
def test_the_servers_words_are_found_in_every_shape(answer: Any, message: str) -> None:
    assert read_error(json.dumps(answer).encode()).message == message


def test_a_body_of_text_is_the_servers_words() -> None:
    assert read_error(b"upstream timed out").message == "upstream timed out"
    assert read_error(b"bad \xff bytes").message == "bad \ufffd bytes"


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_a_page_says_its_title(kind: str) -> None:
    page = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>x</body></html>"
    assert read_error(page, kind).message == "502 Bad Gateway"
    assert read_error(b"<html><body>long text", kind).message == ""


def test_the_fields_that_the_server_names_are_found() -> None:
    assert read_error(b'{"error":{"message":"m","param":"voice"}}').fields == {"voice"}
    validation = {"detail": [{"loc": ["body", "a", 0], "msg": "m"}, {"loc": ["body", "b"]}]}
    assert read_error(json.dumps(validation).encode()).fields == {"a", "b"}
    assert ErrorBody("Unknown value for response_format").names("response_format")
    assert not ErrorBody("Unknown value for response_format").names("format")


def test_a_deeply_nested_body_is_only_text() -> None:
    assert read_error(b"[" * 100_000).message.startswith("[[[")


@pytest.mark.parametrize("status", [400, 404, 422])
@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"message": "no", "param": "voice"}},
        {"error": {"message": "no", "code": "voice_not_found"}},
        {"error": {"message": "Voice 'tera' cannot be used"}},
        {"message": "Invalid voice given"},
        {"detail": [{"loc": ["body", "voice"], "msg": "unexpected value"}]},
    ],
)
def test_a_refused_voice_is_told_as_such(status: int, answer: Any) -> None:
    error = refuse(status, answer)
    assert isinstance(error, errors.VoiceNotFound)
    assert 'voice "tera"' in error.message
    assert "streamplay voices --model canopylabs/orpheus-3b-0.1-ft" in error.remedy


def test_the_word_voice_alone_blames_no_voice() -> None:
    assert type(refuse(400, {"message": "The voice engine hiccupped"})) is errors.BadRequest
    assert type(refuse(500, {"message": "voice not found"})) is errors.ServerFailed


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (404, {"error": {"message": "Unable to access model x", "code": "model_not_available"}}),
        (404, {"error": {"message": "gone", "param": "model"}}),
        (400, {"error": {"message": "gone", "code": "model_not_found"}}),
        (400, {"detail": [{"loc": ["body", "model"], "msg": "unexpected value"}]}),
    ],
)
def test_a_refused_model_is_told_as_such(status: int, answer: Any) -> None:
    error = refuse(status, answer)
    assert isinstance(error, errors.ModelNotFound)
    assert 'model "canopylabs/orpheus-3b-0.1-ft" is not served' in error.message
    assert error.remedy == "List them: streamplay models"


def test_a_remedy_names_the_server_that_was_named() -> None:
    named = find_endpoint(
        {"SPEECH_KEY": KEY}, base_url="http://localhost:8880/v1", api_key_env="SPEECH_KEY"
    )
    error = refuse(404, {"error": {"message": "no", "param": "voice"}}, endpoint=named)
    assert error.remedy.endswith(" --base-url http://localhost:8880/v1 --api-key-env SPEECH_KEY")


def test_a_404_that_knows_of_no_models_doubts_the_base_url() -> None:
    for request in (REQUEST, None):
        error = refuse(404, {"detail": "Not Found"}, request=request)
        assert isinstance(error, errors.ModelNotFound)
        assert "http://there:8000/v1" in error.message
        assert "base URL" in error.remedy


def test_a_key_that_was_not_sent_is_told_apart_from_one_that_was_refused() -> None:
    assert "refuses the API key" in refuse(401).message
    keyless = Endpoint("http://there/v1", "there")
    error = refuse(401, endpoint=keyless)
    assert "none was sent" in error.message
    assert "--api-key-env" in error.remedy


def test_a_redirect_names_its_target_and_why_it_is_not_followed() -> None:
    error = refuse(307, location="https://else\x1b[2Jwhere/v1")
    assert "https://elsewhere/v1" in error.message
    assert "key" in error.remedy
    assert "another URL" in refuse(307).message


def test_how_long_to_wait_is_told_and_kept() -> None:
    error = refuse(429, retry_after="7")
    assert error.retry_after == 7.0
    assert error.remedy == "Try again in 7 s"
    assert refuse(503, retry_after_ms="1500").remedy == "Try again in 1.5 s"
    assert refuse(429).remedy == "Try again later"
    assert refuse(429).retry_after is None


def test_the_key_is_shown_nowhere_even_if_the_server_echoes_it() -> None:
    said = {"error": {"message": f"Incorrect API key provided: {KEY}", "param": KEY}}
    for status in (302, 400, 401, 404, 429, 500):
        error = refuse(status, said, location=f"http://x/?key={KEY}")
        for shown in (str(error), repr(error), error.body, error.remedy, str(error.args)):
            assert KEY not in shown


def test_a_body_is_kept_but_not_all_of_it() -> None:
    error = refuse(500, b"x" * 60_000)
    assert len(error.body) == 4096
    assert len(str(error)) < 500


def test_hostile_words_cannot_act_on_a_terminal() -> None:
    error = refuse(400, {"message": "a\x1b]0;title\x07b\nc\u202ed"})
    assert str(error) == "the server does not accept the request (400): ab cd"
    assert "\x1b" not in error.body


bodies = st.binary(max_size=100) | st.recursive(
    st.none() | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "detail", "message", "msg", "loc", "param", "code"]), inner
        )
    ),
    max_leaves=10,
).map(lambda value: json.dumps(value).encode())


@given(st.integers(300, 599), bodies)
def test_any_refusal_gives_a_typed_error(status: int, body: bytes) -> None:
    error = refuse(status, body)
    assert error.status == status
    assert f"({status})" in str(error)
    assert error.body.isprintable()


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("String should have at most 3000 characters", 3000),
        ("input is too long: 5200 characters, the maximum is 4,096", 4096),
        ("Text exceeds the limit of 500 (got 5200)", 500),
        ("Payload too large: max 1000 chars", 1000),
        ("at most 9000 characters", None),
        ("at most 3 characters", None),
        ("no such voice: af_3000", None),
        ("", None),
    ],
)
def test_the_length_that_a_server_takes_is_read(message: str, limit: int | None) -> None:
    assert told_limit(ErrorBody(message), 5200) == limit


# Content that is no speech


@pytest.mark.parametrize("coding", ["", " ", "identity", "IDENTITY ", "utf-8", "binary"])
def test_no_coding_is_none(coding: str) -> None:
    check_coding(coding, None)


def test_a_label_of_gzip_that_the_bytes_contradict_is_wrong() -> None:
    check_coding("gzip", None, b"RIFF")
    for start in (b"\x1f", b"\x1f\x8b\x08"):
        with pytest.raises(errors.UnexpectedContent):
            check_coding("gzip", None, start)


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "unheard-of"])
def test_any_other_coding_is_refused_by_its_name(coding: str) -> None:
    with pytest.raises(errors.UnexpectedContent, match=coding):
        check_coding(coding, None)


# Connections


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "refused"), "refuses the connection"),
        (
            OSError(113, "No route to host"),
            "cannot connect to http://there:8000/v1: No route to host",
        ),
        (OSError(), "the connection was closed"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "no secure connection"),
        (OSError(f"the proxy said {KEY}"), "the proxy said"),
    ],
)
def test_a_connection_that_was_not_made_says_why(error: OSError, words: str) -> None:
    told = not_connected(error, ENDPOINT)
    assert words in str(told)
    assert KEY not in str(told)
    assert told.remedy


def test_a_broken_environment_is_named_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("all_proxy", raising=False)
    assert "ALL_PROXY" in broken_proxy("all_proxy").remedy
    monkeypatch.setenv("all_proxy", "hunter2")
    assert "all_proxy" in broken_proxy("all_proxy").remedy
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "hunter2")
    told = broken_trust(FileNotFoundError())
    assert told.remedy == "Check the environment: SSL_CERT_FILE"
    assert "hunter2" not in str(told)
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certifi" in broken_trust(FileNotFoundError()).remedy


# Answers that are no HTTP


def test_the_end_of_a_body_is_told_by_its_framing_or_by_the_connection() -> None:
    assert tells_end({"content-length": "5"})
    assert tells_end({"transfer-encoding": "Chunked"})
    assert not tells_end({"content-type": "audio/pcm"})


def test_a_body_that_was_cut_is_told_apart_from_one_that_is_not_framed() -> None:
    assert "before its end" in str(misframed(ended=True))
    assert "before its end" not in str(misframed(ended=False))
