from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

from streamplay.server import app, catalog, espeak
from streamplay.server import order as orders
from streamplay.server.access import Access
from streamplay.server.app import State
from streamplay.server.scenario import Scenario
from streamplay.server.synthesis import SynthesisFailed
from tests.support.server import asking, serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


T = TypeVar("T")


def using(act: Callable[[httpx.AsyncClient], Awaitable[T]], state: State | None = None) -> T:
    async def run() -> T:
        async with (
            serving(state) as base_url,
            httpx.AsyncClient(base_url=base_url, timeout=10) as client,
        ):
            return await act(client)

    return asyncio.run(run())


def error(response: httpx.Response) -> dict[str, Any]:
    """Return the error of an answer, which must have the shape of ``ErrorData``."""
    (data,) = response.json().values()
    assert {"message", "type", "param", "code"} == data.keys()
    assert isinstance(data["message"], str)
    assert isinstance(data["type"], str)
    return data


def test_voices_are_listed_for_every_model() -> None:
    listed = using(lambda client: client.get("/voices")).json()["data"]
    assert [entry["model"] for entry in listed] == list(catalog.models())
    assert {"id": "tara", "name": "tara", "language": "en-us"} in listed[0]["voices"]


def test_the_voices_of_one_model_come_in_both_shapes() -> None:
    response = using(lambda client: client.get("/voices", params={"model": "cartesia/sonic"}))
    (entry,) = response.json()["data"]
    assert entry["model"] == "cartesia/sonic"
    assert entry["voices"] == response.json()["voices"]


def test_the_voices_of_an_unknown_model_are_not_found() -> None:
    response = using(lambda client: client.get("/voices", params={"model": "a/b"}))
    assert response.status_code == 404
    assert error(response)["param"] == "model"


def test_models_are_listed() -> None:
    listed = using(lambda client: client.get("/models")).json()
    assert [entry["id"] for entry in listed["data"]] == list(catalog.models())


@pytest.mark.parametrize("path", ["/audio/speech", "/v1/audio/speech", "/v1/v1/audio/speech"])
def test_the_api_is_found_below_every_base_url_that_a_client_makes(path: str) -> None:
    def act(client: httpx.AsyncClient) -> Awaitable[httpx.Response]:
        return client.post(client.base_url.join(path), json=asking())

    assert using(act).status_code == 200


@pytest.mark.parametrize(
    ("content", "status"), [(b"", 400), (b"{", 400), (b"\xff", 400), (b"[]", 400), (b"0", 400)]
)
def test_a_body_that_is_no_request_is_refused(content: bytes, status: int) -> None:
    response = using(lambda client: client.post("/audio/speech", content=content))
    assert response.status_code == status
    error(response)


def test_an_endless_body_is_refused() -> None:
    response = using(lambda client: client.post("/audio/speech", content=b" " * (2 << 20)))
    assert response.status_code == 413
    error(response)


def test_a_wrong_path_or_method_is_refused_in_the_same_shape() -> None:
    missing = using(lambda client: client.get("/nothing"))
    wrong = using(lambda client: client.get("/audio/speech"))
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert wrong.headers["allow"] == "POST"
    error(missing)
    error(wrong)


@pytest.mark.parametrize(
    ("key", "sent", "status"),
    [
        ("right", "Bearer right", 200),
        ("right", "bearer right", 200),
        ("right", "Bearer wrong", 401),
        ("right", "Bearer schlüssel", 401),
        ("right", "Basic right", 401),
        ("right", "", 401),
        (None, "Bearer any", 200),
        (None, "Bearer", 401),
        (None, "", 401),
    ],
)
def test_a_key_is_needed_where_one_is_required(key: str | None, sent: str, status: int) -> None:
    def act(client: httpx.AsyncClient) -> Awaitable[httpx.Response]:
        headers = {"Authorization": sent.encode()} if sent else {}
        return client.get("/models", headers=headers)

    response = using(act, State(access=Access(require_key=True, key=key)))
    assert response.status_code == status
    if status == 401:
        assert error(response)["code"] == "invalid_api_key"


def test_the_key_is_never_repeated() -> None:
    def act(client: httpx.AsyncClient) -> Awaitable[httpx.Response]:
        return client.get("/models", headers={"Authorization": "Bearer my-secret"})

    response = using(act, State(access=Access(require_key=True, key="right")))
    assert "my-secret" not in response.text
    assert "right" not in response.text


def test_a_scenario_can_refuse_with_any_status_and_tell_when_to_come_again() -> None:
    scenario = {"status": 429, "retry_after": "3", "retry_after_ms": "2500"}
    response = using(lambda client: client.post("/audio/speech", json=asking(scenario=scenario)))
    assert response.status_code == 429
    assert response.headers["retry-after"] == "3"
    assert response.headers["retry-after-ms"] == "2500"
    assert error(response)["code"] == "dynamic_request_limited"


@pytest.mark.parametrize("status", [402, 422, 500, 503, 599])
def test_a_refusal_is_blamed_on_whose_fault_it_is(status: int) -> None:
    body = asking(scenario={"status": status})
    response = using(lambda client: client.post("/audio/speech", json=body))
    kind = "server_error" if status >= 500 else "invalid_request_error"
    assert (response.status_code, error(response)["type"]) == (status, kind)


@pytest.mark.parametrize(
    ("shape", "kind", "text"),
    [
        ("detail", "application/json", '{"detail": "Unprocessable'),
        ("message", "application/json", '{"message": "Unprocessable'),
        ("text", "text/plain", "Unprocessable"),
        ("html", "text/html", "<html>"),
        ("empty", "text/plain", ""),
    ],
)
def test_a_refusal_has_the_shape_asked_for(shape: str, kind: str, text: str) -> None:
    body = asking(scenario={"status": 422, "error_body": shape})
    response = using(lambda client: client.post("/audio/speech", json=body))
    assert response.headers["content-type"].startswith(kind)
    assert response.text.startswith(text)
    assert bool(response.text) == bool(text)


def test_a_wrong_scenario_is_refused_by_its_key() -> None:
    body = asking(scenario={"speling": 1})
    response = using(lambda client: client.post("/audio/speech", json=body))
    assert response.status_code == 400
    assert error(response)["param"] == "extra_params.scenario"
    assert "speling" in error(response)["message"]


def test_a_file_of_a_day_is_refused_and_a_stream_is_not() -> None:
    async def act(client: httpx.AsyncClient) -> list[int]:
        body = asking(scenario={"signal": "silence", "seconds": 7201})
        whole = await client.post("/audio/speech", json=body | {"stream": False})
        async with client.stream("POST", "/audio/speech", json=body) as stream:
            return [whole.status_code, stream.status_code]

    assert using(act) == [400, 200]


def test_what_fails_some_times_succeeds_then() -> None:
    async def act(client: httpx.AsyncClient) -> list[int]:
        body = asking(scenario={"status": 503, "times": 2})
        return [(await client.post("/audio/speech", json=body)).status_code for _ in range(4)]

    assert using(act) == [503, 503, 200, 200]


def test_no_answer_closes_the_connection_before_any_byte() -> None:
    async def act(client: httpx.AsyncClient) -> int:
        body = asking(scenario={"fault": "no-answer", "times": 1})
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await client.post("/audio/speech", json=body)
        return (await client.post("/audio/speech", json=body)).status_code

    assert using(act) == 200


def test_more_streams_than_its_capacity_are_refused_until_one_has_ended() -> None:
    frozen = asking(scenario={"fault": "freeze"})
    state = State(Scenario(capacity=1))

    async def act(client: httpx.AsyncClient) -> list[int]:
        async with client.stream("POST", "/audio/speech", json=frozen) as first:
            second = await client.post("/audio/speech", json=asking())
        # The server learns of the end through the socket, a moment later.
        answers = [await client.post("/audio/speech", json=asking()) for _ in range(50)]
        return [first.status_code, second.status_code, answers[-1].status_code]

    assert using(act, state) == [200, 429, 200]


def test_a_synthesis_that_fails_before_the_head_is_an_error_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise SynthesisFailed("no breath")

    monkeypatch.setattr(espeak, "speak", fail)
    body = asking(stream=False)
    response = using(lambda client: client.post("/audio/speech", json=body))
    assert response.status_code == 500
    assert error(response)["message"] == "no breath"


@pytest.mark.parametrize("shape", ["A", "D"])
def test_a_synthesis_that_fails_inside_a_stream_ends_it_as_a_failure(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = iter([espeak.Spoke(b"\0\0" * 22050, ())])

    def fail(*_: object) -> espeak.Spoke:
        try:
            return next(once)
        except StopIteration:
            raise SynthesisFailed("no breath") from None

    monkeypatch.setattr(espeak, "speak", fail)

    async def act(client: httpx.AsyncClient) -> str:
        body = asking("One. Two.", scenario={"dialect": shape})
        try:
            return (await client.post("/audio/speech", json=body)).text
        except httpx.RemoteProtocolError as error:
            return str(error)

    told = using(act)
    wanted = '{"error":{"message":"no breath"' if shape == "A" else "incomplete chunked read"
    assert wanted in told
    assert "[DONE]" not in told


@pytest.mark.parametrize("charset", ["nonsense", "utf-16", "\0", "x" * 5000])
def test_the_charset_of_a_body_is_not_believed(charset: str) -> None:
    def act(client: httpx.AsyncClient) -> Awaitable[httpx.Response]:
        headers = {"content-type": f"application/json; charset={charset}".replace("\0", "%00")}
        content = json.dumps(asking()).encode()
        return client.post("/audio/speech", content=content, headers=headers)

    assert using(act).status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_body_that_has_not_its_coding_is_refused(coding: str) -> None:
    def act(client: httpx.AsyncClient) -> Awaitable[httpx.Response]:
        content, headers = json.dumps(asking()).encode(), {"content-encoding": coding}
        return client.post("/audio/speech", content=content, headers=headers)

    response = using(act)
    assert response.status_code == 400
    assert "the body cannot be read" in error(response)["message"]


@pytest.mark.parametrize(
    ("container", "rate"), [("mp3", 999999), ("opus", 44100), ("aac", 7000), ("flac", 999999)]
)
def test_a_rate_that_the_container_cannot_hold_is_refused(container: str, rate: int) -> None:
    body = asking(
        model="tts-1",
        voice="alloy",
        response_format=container,
        scenario={"send_as": f"pcm_s16le@{rate}"},
    )
    response = using(lambda client: client.post("/audio/speech", json=body))
    assert response.status_code == 400
    assert f"{container} cannot hold {rate} Hz" in error(response)["message"]


def test_a_bug_inside_a_body_breaks_it_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("the secret of the trace")

    monkeypatch.setattr(espeak, "speak", fail)

    async def act(client: httpx.AsyncClient) -> str:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read") as caught:
            await client.post("/audio/speech", json=asking())
        return str(caught.value)

    assert "secret" not in using(act)
    assert "the secret of the trace" in caplog.text


def test_a_bug_is_told_without_its_trace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret of the trace")

    monkeypatch.setattr(orders, "read", fail)
    response = using(lambda client: client.post("/audio/speech", json=asking()))
    assert response.status_code == 500
    assert error(response)["type"] == "server_error"
    assert "secret" not in response.text
    assert "the secret of the trace" in caplog.text


def test_kinds_of_failure_that_are_counted_are_bounded() -> None:
    state = State()

    async def act(client: httpx.AsyncClient) -> None:
        for seed in range(5):
            body = asking(scenario={"status": 503, "times": 1, "seed": seed})
            await client.post("/audio/speech", json=body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "_MAX_COUNTED", 3)
        using(act, state)
    assert len(state.failed) == 3


def test_voices_and_models_are_listed_as_openais_programs_look_for_them() -> None:
    async def act(client: httpx.AsyncClient) -> list[Any]:
        paths = ["/audio/voices", "/audio/voices?model=hexgrad/Kokoro-82M", "/audio/models"]
        paths += ["/models/canopylabs/orpheus-3b-0.1-ft", "/models/tts-1"]
        return [(await client.get(path)).json() for path in paths]

    openai, kokoro, models, orpheus, tts = using(act)
    assert {"id": "marin", "name": "marin", "language": "en-us"} in openai["voices"]
    assert "af_alloy" in [voice["id"] for voice in kokoro["voices"]]
    assert {"id": "tts-1", "name": "tts-1"} in models["models"]
    assert (orpheus["id"], orpheus["object"]) == ("canopylabs/orpheus-3b-0.1-ft", "model")
    assert tts["id"] == "tts-1"


def test_an_unknown_model_is_not_told_about() -> None:
    response = using(lambda client: client.get("/models/a/b"))
    assert response.status_code == 404
    assert error(response)["code"] == "model_not_found"


def test_many_streams_at_once_do_not_mix() -> None:
    texts = ["One.", "Two two.", "Three three three.", "Four."] * 5

    async def act(client: httpx.AsyncClient) -> list[bytes]:
        bodies = [asking(text, scenario={"dialect": "D"}) for text in texts]
        answers = [client.post("/audio/speech", json=body) for body in bodies]
        return [response.content for response in await asyncio.gather(*answers)]

    together = using(act)
    assert together[:4] * 5 == together
    assert len(set(together)) == 4
