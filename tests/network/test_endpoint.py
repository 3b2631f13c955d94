from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.errors import InvalidRequest
from streamplay.network.endpoint import DEFAULT_BASE_URL, Endpoint, find_endpoint, is_loopback

KEY = "tgp-secret-0123456789"
ENVIRON = {"TOGETHER_API_KEY": KEY}


def refused(environ: dict[str, str] | None = None, **given: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        find_endpoint(environ or {}, **given)
    return caught.value


def test_nothing_given_is_together_itself() -> None:
    endpoint = find_endpoint(ENVIRON)
    assert (endpoint.base_url, endpoint.api_key) == (DEFAULT_BASE_URL, KEY)
    assert (endpoint.together, endpoint.secure, endpoint.loopback) == (True, True, False)


def test_an_argument_wins_over_the_environment() -> None:
    environ = {"TOGETHER_BASE_URL": "http://there:1/v1"}
    assert find_endpoint(environ).base_url == "http://there:1/v1"
    assert find_endpoint(environ, base_url="http://here:2/v1/").base_url == "http://here:2/v1"


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.together.ai/v1",
        "https://api.together.xyz/v1",
        "https://together.ai",
        "https://API.Together.AI./v1",
        "https://eu.api.together.ai:8443/v1",
        "http://localhost:8000/v1",
        "http://127.0.0.1:8000/v1",
        "http://127.9.9.9/v1",
        "http://[::1]:8000/v1",
    ],
)
def test_the_key_goes_to_its_own_hosts_and_this_machine(base_url: str) -> None:
    assert find_endpoint(ENVIRON, base_url=base_url).api_key == KEY


@pytest.mark.parametrize(
    "base_url",
    [
        "https://example.com/v1",
        "https://api.together.ai.example.com/v1",
        "https://nottogether.ai/v1",
        "https://together.ai-api.com/v1",
        "https://example.com/together.ai",
        "http://localhost.example.com/v1",
        "http://127.evil.example/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://127.0.0.1-evil.example/v1",
        "http://127.local/v1",
        "http://[::ffff:127.0.0.1]/v1",
        "http://10.0.0.1:8000/v1",
        "http://[::2]:8000/v1",
        "http://0.0.0.0:8000/v1",
        "https://api.openai.com/v1",
    ],
)
def test_the_key_goes_to_no_other_host(base_url: str) -> None:
    assert find_endpoint(ENVIRON, base_url=base_url).api_key is None


def test_the_key_goes_to_the_host_that_the_environment_names() -> None:
    environ = ENVIRON | {"TOGETHER_BASE_URL": "https://speech.lan:8000/v1"}
    assert find_endpoint(environ).api_key == KEY
    assert find_endpoint(environ, base_url="https://SPEECH.lan/v2").api_key == KEY
    assert find_endpoint(environ, base_url="https://other.lan/v1").api_key is None


OPEN = (
    "http://speech.lan:8000/v1",
    "HTTP://Speech.LAN/v1",
    "http://10.0.0.1/v1",
    "http://[::2]/v1",
)


@pytest.mark.parametrize("base_url", OPEN)
def test_over_http_the_key_of_the_environment_stays_here(base_url: str) -> None:
    environ = ENVIRON | {"TOGETHER_BASE_URL": base_url}
    for endpoint in (find_endpoint(environ), find_endpoint(environ, base_url=base_url)):
        assert (endpoint.api_key, endpoint.withheld) == (None, True)
    sent = find_endpoint(environ, insecure_http=True)
    assert (sent.api_key, sent.withheld) == (KEY, False)


@pytest.mark.parametrize("base_url", OPEN)
@pytest.mark.parametrize("given", [{"api_key": "given"}, {"api_key_env": "TOGETHER_API_KEY"}])
def test_over_http_a_key_that_was_meant_for_the_server_is_an_error(
    base_url: str, given: dict[str, str]
) -> None:
    error = refused(ENVIRON, base_url=base_url, **given)
    assert [error.field] == list(given)
    assert "insecure_http=True (--insecure-http)" in str(error)
    assert KEY not in str(error)
    assert find_endpoint(ENVIRON, base_url=base_url, insecure_http=True, **given).api_key


@pytest.mark.parametrize("base_url", OPEN)
def test_without_a_key_nothing_is_withheld(base_url: str) -> None:
    for endpoint in (
        find_endpoint({}, base_url=base_url),
        find_endpoint(ENVIRON, base_url=base_url),  # it is no host of this key
        find_endpoint(ENVIRON, base_url=base_url, api_key=""),
    ):
        assert (endpoint.api_key, endpoint.withheld) == (None, False)


@pytest.mark.parametrize(
    "base_url", ["http://localhost/v1", "http://127.0.0.1/v1", "http://[::1]/"]
)
def test_over_http_the_key_goes_to_this_machine(base_url: str) -> None:
    assert find_endpoint({}, base_url=base_url, api_key="given").api_key == "given"


def test_to_together_no_key_goes_over_http_whatever_is_asked() -> None:
    assert (
        refused(ENVIRON, base_url="http://api.together.ai", insecure_http=True).field == "base_url"
    )


def test_a_broken_url_in_the_environment_trusts_nobody() -> None:
    environ = ENVIRON | {"TOGETHER_BASE_URL": "speech.lan"}
    assert find_endpoint(environ, base_url="http://speech.lan/v1").api_key is None
    assert "TOGETHER_BASE_URL" in str(refused(environ))


def test_a_key_that_was_meant_for_the_server_goes_to_any() -> None:
    url = "https://example.com/v1"
    environ = ENVIRON | {"OTHER_KEY": " other-key\n"}
    assert find_endpoint(environ, base_url=url, api_key="given").api_key == "given"
    assert find_endpoint(environ, base_url=url, api_key_env="OTHER_KEY").api_key == "other-key"
    assert find_endpoint(environ, base_url=url, api_key_env="TOGETHER_API_KEY").api_key == KEY


def test_an_argument_wins_over_a_variable_and_may_be_no_key_at_all() -> None:
    assert (
        find_endpoint(ENVIRON, api_key="given", api_key_env="TOGETHER_API_KEY").api_key == "given"
    )
    assert find_endpoint(ENVIRON, api_key="").api_key is None


@pytest.mark.parametrize("environ", [{}, {"OTHER_KEY": ""}, {"OTHER_KEY": " \n"}])
def test_a_named_variable_must_hold_a_key(environ: dict[str, str]) -> None:
    error = refused(environ, api_key_env="OTHER_KEY")
    assert error.field == "api_key_env"
    assert "OTHER_KEY" in str(error)


@pytest.mark.parametrize("key", ["tgp_v1_0123abcd", "sk-0123", "SK_" + "0123ABCD" * 5, "a key"])
def test_a_key_that_is_given_for_the_name_of_its_variable_is_not_shown(key: str) -> None:
    error = refused({}, api_key_env=key)
    assert error.field == "api_key_env"
    assert key not in str(error)


@pytest.mark.parametrize("key", ["two words", "sécret", "line\nbreak", "nul\0"])
def test_a_key_that_no_header_carries_is_refused_unseen(key: str) -> None:
    error = refused(api_key=key)
    assert error.field == "api_key"
    assert key not in str(error)
    assert key not in repr(error)


def test_a_key_is_not_shown_to_everyone_on_the_way_to_together() -> None:
    error = refused(ENVIRON, base_url="http://api.together.ai/v1")
    assert error.field == "base_url"
    assert "https://" in str(error)


@pytest.mark.parametrize(
    "base_url",
    [
        "localhost:8000/v1",
        "ftp://localhost/v1",
        "https://",
        "https:///v1",
        "https://user:password@example.com/v1",
        "https://api.together.ai@example.com/v1",
        "https://api.together.ai\\@example.com/v1",
        "https://example.com\\.together.ai/v1",
        "https://example.com/v1?key=password",
        "https://example.com/v1#together.ai",
        "https://exa mple.com/v1",
        "https://exam\nple.com/v1",
        "https://ａpi.together.ai/v1",
        "https://example.com:99999/v1",
        "https://example.com:port/v1",
        "https://./v1",
        "https://a..b/v1",
        f"https://{'a' * 64}.com/v1",
        "https://[:::]/v1",
        "https://[1.2.3.4]/v1",
        "https://999.1.1.1/v1",
        "https://127.1/v1",
    ],
)
def test_what_two_parsers_could_read_as_two_hosts_is_refused(base_url: str) -> None:
    error = refused(base_url=base_url)
    assert error.field == "base_url"
    assert "password" not in str(error)


@given(
    st.text(max_size=30)
    | st.from_regex(r"https?://([a-z:@.\\/?#]{1,30}|[0-9.]{1,9}|\[[0-9a-f:.]{1,9}\])")
)
def test_any_text_is_a_server_or_a_typed_error(base_url: str) -> None:
    try:
        endpoint = find_endpoint(ENVIRON, base_url=base_url)
    except InvalidRequest:
        return
    # httpx must see the same host, or the key would go to another one.
    assert httpx.URL(endpoint.base_url).host.rstrip(".") == endpoint.host


def test_together_asks_for_a_key_and_says_how_to_set_it() -> None:
    with pytest.raises(InvalidRequest) as caught:
        find_endpoint({}).require_key()
    assert caught.value.field == "api_key"
    assert "TOGETHER_API_KEY" in str(caught.value)
    find_endpoint(ENVIRON).require_key()
    find_endpoint({}, base_url="http://localhost/v1").require_key()


def test_the_key_is_in_no_representation() -> None:
    assert KEY not in repr(find_endpoint(ENVIRON))


@pytest.mark.parametrize(
    ("host", "api"),
    [
        ("api.together.ai", "together"),
        ("api.openai.com", "openai"),
        ("openai.com.example.com", None),
        ("127.0.0.1", None),
    ],
)
def test_the_shape_of_known_hosts_is_known(host: str, api: str | None) -> None:
    assert Endpoint(f"https://{host}/v1", host).api == api


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.0.1", "::1"])
def test_this_machine_is_known_by_its_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost.lan", "128.0.0.1", "0.0.0.0", "::", "example.com", ""),
        *("127.evil.example", "127.0.0.1.evil.example", "127.0.0.1-evil", "127.", "127.1", "127"),
        *("127.0.0.0.1", "127.0.0.256", "0127.0.0.1", "0x7f.0.0.1", "2130706433", "127.0.0.1\0"),
        *("127.0.0.１", "::ffff:127.0.0.1", "::1%lo", "::2", ":"),
    ],
)
def test_no_other_machine_is_this_one(host: str) -> None:
    assert not is_loopback(host)
