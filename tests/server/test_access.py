from __future__ import annotations

import asyncio

import httpx
import pytest

from streamplay.server.access import Access
from streamplay.server.app import State
from tests.support.server import asking, serving

PAGE = "http://evil.example"
OWN = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n"


def answered(
    access: Access, method: str = "GET", path: str = "/models", **headers: str | bytes
) -> httpx.Response:
    async def ask() -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with serving(State(access=access)) as base_url, httpx.AsyncClient() as client:
            return await client.request(method, base_url + path, headers=sent)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "localhost.", "127.0.0.1:1", "127.8.9.1", "[::1]:5"]
)
def test_on_loopback_it_answers_to_loopbacks_names(host: str) -> None:
    assert answered(Access(), host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "127.evil.example", "localhost.evil.example:80", "10.0.0.1", "[::2]"),
        *("[", "", "evil.example@localhost", "localhost@evil.example", "localhost/evil", "0.0.0.0"),
        *("127.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "localhost:80:80"),
    ],
)
def test_on_loopback_it_answers_to_no_other_name(host: str) -> None:
    response = answered(Access(), host=host)
    assert response.status_code == 403
    assert "--allow-host" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n", b"200"),
        (b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n", b"403"),
        (b"GET http://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n", b"403"),
        (b"GET HTTP://evil.example?/v1/models HTTP/1.1\r\nHost: localhost\r\n", b"403"),
        (b"GET ftp://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n", b"403"),
        (OWN + b"Origin: http://localhost\r\n", b"200"),
        (OWN + b"Origin: http://localhost\r\nOrigin: http://evil.example\r\n", b"403"),
        (b"GET http://localhost/v1/models HTTP/1.1\r\nHost: localhost\r\n", b"200"),
        (b"GET /v1/models HTTP/1.1\r\n", b"400"),
        (b"GET /v1/models HTTP/1.0\r\n", b"200"),
    ],
)
def test_every_name_of_the_server_in_a_request_is_checked(head: bytes, status: bytes) -> None:
    async def ask() -> bytes:
        async with serving() as base_url:
            where = httpx.URL(base_url)
            reader, writer = await asyncio.open_connection(where.host, where.port)
            writer.write(head + b"\r\n")
            line = await reader.readline()
            writer.close()
            return line

    assert asyncio.run(ask()).split()[1] in (status, b"400")


def test_a_name_can_be_let_in_and_elsewhere_names_do_not_matter() -> None:
    assert answered(Access(hosts=["Speech.lan"]), host="speech.lan:80").status_code == 200
    assert answered(Access(loopback=False), host="speech.lan").status_code == 200


@pytest.mark.parametrize("origin", [PAGE, "null", "http://localhost:3000", "", "\xff"])
def test_no_page_of_another_origin_is_answered(origin: str) -> None:
    for path, method in (("/models", "GET"), ("/audio/speech", "POST"), ("/models", "OPTIONS")):
        response = answered(Access(), method, path, origin=origin.encode("latin-1"))
        assert response.status_code == 403
        assert "access-control-allow-origin" not in response.headers


def test_its_own_origin_is_answered() -> None:
    own = {"host": "localhost:7", "origin": "http://localhost:7"}
    assert answered(Access(), **own).status_code == 200
    assert answered(Access(), **own | {"origin": "http://localhost:8"}).status_code == 403


@pytest.mark.parametrize("let_in", [PAGE, PAGE + "/", "*"])
def test_an_origin_that_is_let_in_may_read_the_answer(let_in: str) -> None:
    response = answered(Access(origins=[let_in]), origin=PAGE)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["vary"] == "Origin"


def test_a_browser_asks_for_leave_without_the_key() -> None:
    access = Access(origins=[PAGE], require_key=True, key="right")
    asked = {
        "origin": PAGE,
        "access_control_request_method": "POST",
        "access_control_request_headers": "authorization",
    }
    response = answered(access, "OPTIONS", "/audio/speech", **asked)
    assert response.status_code == 204
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "authorization"


def test_a_stream_can_be_read_by_a_page_too() -> None:
    async def ask() -> httpx.Response:
        state = State(access=Access(origins=[PAGE]))
        async with serving(state) as base_url, httpx.AsyncClient() as client:
            where = f"{base_url}/audio/speech"
            return await client.post(where, json=asking("One."), headers={"origin": PAGE})

    response = asyncio.run(ask())
    assert response.text.endswith("data: [DONE]\n\n")
    assert response.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize("sent", [b"Bearer \xff\xfe", b"Bearer " + "schlüssel".encode(), b"\xff"])
def test_a_key_of_any_bytes_is_only_wrong(sent: bytes) -> None:
    access = Access(require_key=True, key="right")
    assert answered(access, authorization=sent).status_code == 401
