"""The environment's proxies, as other programs read them."""

from __future__ import annotations

import pytest

from streamplay.network.endpoint import find_endpoint
from streamplay.network.proxies import BrokenProxyError, Proxy, proxy_for, proxy_settings


def proxy(base_url: str, **environ: str) -> Proxy | None:
    return proxy_for(find_endpoint({}, base_url=base_url), proxy_settings(environ))


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("http://one:3128", Proxy("http", "one", 3128)),
        ("one:3128", Proxy("http", "one", 3128)),
        ("one", Proxy("http", "one", 80)),
        ("https://one/", Proxy("https", "one", 443)),
        ("HTTP://ONE:1", Proxy("http", "one", 1)),
        ("http://[::1]:8080", Proxy("http", "::1", 8080)),
        ("socks5://one", Proxy("socks5", "one", 1080)),
        ("socks5h://u:p%40ss@one:9", Proxy("socks5h", "one", 9, "u", "p@ss")),
        ("http://user@one:9", Proxy("http", "one", 9, "user", "")),
    ],
)
def test_a_proxy_is_read_from_its_url(named: str, meant: Proxy) -> None:
    assert proxy("http://speech.invalid/v1", http_proxy=named) == meant
    assert "p@ss" not in repr(meant)


@pytest.mark.parametrize(
    "named",
    [
        "nonsense://one",
        "socks4://one",
        "http://",
        "http://one:port",
        "http://one:0",
        "http://one:65536",
        "http://one/path",
        "http://one two",
        "http://a:b@c:d@one",
        "http://ö",
    ],
)
def test_what_is_no_proxy_is_told_by_the_name_of_its_setting(named: str) -> None:
    with pytest.raises(BrokenProxyError) as caught:
        proxy("https://speech.invalid/v1", ALL_PROXY=named)
    assert caught.value.setting == "all_proxy"
    assert named not in str(caught.value)


def test_each_scheme_has_its_own_before_that_for_all() -> None:
    environ = {"http_proxy": "a:1", "HTTPS_PROXY": "b:2", "all_proxy": "c:3"}
    assert proxy("http://speech.invalid", **environ) == Proxy("http", "a", 1)
    assert proxy("https://speech.invalid", **environ) == Proxy("http", "b", 2)
    del environ["http_proxy"]
    assert proxy("http://speech.invalid", **environ) == Proxy("http", "c", 3)
    assert proxy("http://speech.invalid", http_proxy="a:1", HTTP_PROXY="b:2") == Proxy(
        "http", "a", 1
    )
    assert proxy("http://speech.invalid") is None


def test_this_machine_is_reached_directly() -> None:
    for base_url in ("http://localhost", "http://127.0.0.1:8880/v1", "http://[::1]/v1"):
        assert proxy(base_url, all_proxy="nonsense://") is None


@pytest.mark.parametrize(
    ("exceptions", "direct"),
    [
        ("*", True),
        ("speech.example.com", True),
        ("example.com", True),
        (".example.com", True),
        ("*.example.com", True),
        ("a, b ,EXAMPLE.COM", True),
        ("example.com:443", True),
        ("example.com:80", False),
        ("ample.com", False),
        ("com.example", False),
        ("", False),
        (",", False),
    ],
)
def test_exceptions_name_hosts_with_those_below_them(exceptions: str, direct: bool) -> None:
    found = proxy("https://speech.example.com", all_proxy="one:1", no_proxy=exceptions)
    assert (found is None) is direct


def test_an_address_may_be_an_exception() -> None:
    for host, exception in (
        ("http://192.0.2.1", "192.0.2.1"),
        ("http://[2001:db8::1]", "[2001:db8::1]"),
    ):
        assert proxy(host, all_proxy="one:1", no_proxy=exception) is None
    assert proxy("http://[2001:db8::1]", all_proxy="one:1", NO_PROXY="2001:db8::1") is None
    assert proxy("http://192.0.2.11", all_proxy="one:1", no_proxy="192.0.2.1") is not None


def test_a_visitor_of_a_cgi_program_cannot_name_the_proxy() -> None:
    environ = {"HTTP_PROXY": "evil:1", "REQUEST_METHOD": "POST"}
    assert proxy("http://speech.invalid", **environ) is None
