from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.errors import (
    BadRequest,
    ConnectFailed,
    ConnectionLost,
    InvalidRequest,
    RateLimited,
    ServerFailed,
    ServerRefused,
    TimedOut,
    Truncated,
)
from streamplay.network import retry
from streamplay.network.retry import (
    ATTEMPTS,
    LONGEST_ADVICE,
    is_busy,
    read_advice,
    wait_before,
    worth_retrying,
)

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


def failed_by(cause: BaseException) -> ConnectFailed:
    error = ConnectFailed("no connection")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_busy_or_failing_server_is_asked_again(status: int) -> None:
    assert worth_retrying(ServerRefused("busy", status=status))


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 413, 422])
def test_a_server_that_means_it_is_not_asked_again(status: int) -> None:
    assert not worth_retrying(BadRequest("no", status=status))


def test_refused_and_reset_connections_are_tried_again() -> None:
    assert worth_retrying(ConnectionLost("reset"))
    assert worth_retrying(failed_by(ConnectionRefusedError()))
    assert worth_retrying(failed_by(ConnectionResetError()))


@pytest.mark.parametrize(
    "error",
    [
        TimedOut("chunk", 1),
        TimedOut("connect", 1),
        Truncated("short"),
        InvalidRequest("voice", "wrong"),
        failed_by(socket.gaierror(-2, "unknown host")),
        failed_by(OSError("no route")),
        ConnectFailed("bad certificate"),
    ],
)
def test_what_another_attempt_would_not_mend_is_not_tried(error: Exception) -> None:
    assert not worth_retrying(error)
    assert wait_before(error, 1, 0.0) is None


def test_what_ended_too_early_once_it_had_begun_is_tried_once_more() -> None:
    error = Truncated("short")
    assert wait_before(error, 1, 0.0, begun=True) == 0.5
    assert wait_before(error, 2, 0.0, begun=True) is None
    assert wait_before(TimedOut("chunk", 1), 1, 0.0, begun=True) is None


def test_waits_double_from_half_a_second() -> None:
    error = ServerFailed("down", status=503)
    assert [wait_before(error, attempts, 0.0) for attempts in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert wait_before(error, 4, 0.0) is None


@given(st.integers(1, ATTEMPTS - 1), st.floats(0, 1, exclude_max=True))
def test_chance_shortens_a_wait_by_a_quarter_at_most(attempts: int, roll: float) -> None:
    longest = 0.5 * 2 ** (attempts - 1)
    wait = wait_before(ServerFailed("down", status=500), attempts, roll)
    assert wait is not None
    assert 0.75 * longest <= wait <= longest


def test_the_servers_advice_is_waited_for() -> None:
    assert wait_before(RateLimited("slow", status=429, retry_after=7.0), 1, 0.9) == 7.0
    assert wait_before(RateLimited("slow", status=429, retry_after=0.0), 3, 0.9) == 0.0


def test_an_advice_of_hours_is_not_waited_for() -> None:
    error = RateLimited("slow", status=429, retry_after=60.5)
    assert wait_before(error, 1, 0.0) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:20 GMT"}, 20.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:59:00 GMT"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "soon", "x-ratelimit-reset": "4"}, 4.0),
        ({"x-ratelimit-reset": "1800000012"}, 12.0),
        ({"x-ratelimit-reset": "1800000012000"}, 12.0),
        ({"x-ratelimit-reset": "1700000000"}, 0.0),
        ({"x-ratelimit-reset": "1d"}, 86400.0),
        ({"x-ratelimit-reset": "6m0s"}, 360.0),
        ({"x-ratelimit-reset": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset": "20ms"}, 0.02),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e9999"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": ""}, None),
        ({"x-ratelimit-reset": "6 minutes"}, None),
    ],
)
def test_each_way_of_saying_when_is_understood(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert read_advice(headers, NOW) == seconds


def test_a_date_is_read_by_the_servers_own_clock() -> None:
    headers = {
        "date": "Fri, 15 Jan 2027 09:00:00 GMT",
        "retry-after": "Fri, 15 Jan 2027 09:00:05 GMT",
    }
    assert read_advice(headers, NOW) == 5.0


@given(st.text(max_size=40) | st.from_regex(r"[0-9hmsd.:, -]{0,30}", fullmatch=True))
def test_any_header_is_read_without_a_fault(value: str) -> None:
    names = ("retry-after", "retry-after-ms", "x-ratelimit-reset", "date")
    advice = read_advice(dict.fromkeys(names, value), NOW)
    assert advice is None or advice >= 0


@pytest.mark.parametrize("problem", ["it refuses", "a; b\nc", ""])
def test_a_notice_is_read_back(problem: str) -> None:
    assert retry.read_notice(retry.notice(problem, 2, 1.25)) == (problem, 1.2)
    assert retry.read_notice("attempt 2 of 4 in 1.0 s") is None
    assert retry.read_notice(f"{problem}; speaking with the built-in voice instead") is None


@pytest.mark.parametrize("value", ["\x1c5", "5\x1f", "\u0665", "\u2002" + "5"])
def test_odd_white_space_and_digits_are_no_fault(value: str) -> None:
    assert read_advice({"retry-after": value}, NOW) in (None, 5.0)


@pytest.mark.parametrize(
    ("error", "busy"),
    [
        *((ServerRefused("x", status=status), True) for status in (409, 429, 503)),
        *((ServerRefused("x", status=status), False) for status in (400, 408, 410, 500, 504)),
        (ConnectionLost("x"), True),
        (failed_by(ConnectionRefusedError()), True),
        (failed_by(OSError()), False),
        (TimedOut("connect", 1), False),
    ],
)
def test_a_server_that_may_be_busy_with_others_is_known(error: Exception, busy: bool) -> None:
    assert is_busy(error) is busy


def test_an_advice_of_just_a_minute_is_followed() -> None:
    error = RateLimited("slow", status=429, retry_after=LONGEST_ADVICE)
    assert wait_before(error, 1, 0.5) == LONGEST_ADVICE
