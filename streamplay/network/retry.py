"""Which failures are worth another attempt, and how long to wait for it.

Pure: time and random numbers are arguments. Whether another attempt is *allowed* is decided by
the caller: only while nothing has been played.

The numbers are those of the official SDKs (together-python and openai-python,
``_base_client.py``): 408, 409, 429 and 5xx; 0.5 s doubling to 8 s, less up to
a quarter at random; an advice of more than a minute is not waited for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from streamplay.errors import ConnectFailed, ConnectionLost, ServerRefused, Truncated

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTEMPTS: Final = 4
"""Requests that are sent at most, the first one included."""

LONGEST_ADVICE: Final = 60.0
"""Seconds. A server that says "in an hour" is told to the user instead."""

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 8.0
_JITTER: Final = 0.25

_STATUSES: Final = frozenset({408, 409, 429})

# Beyond this a number is a date: seconds since 1970 as of 2001.
_EPOCH: Final = 1e9

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER: Final = r"\d{1,15}(?:\.\d{1,15})?"


def worth_retrying(error: BaseException) -> bool:
    """Tell whether the same request may well succeed a little later.

    A server that is busy or failed, and connections that were refused or
    broke. Time-outs are not: a user who set a limit does not want to wait four
    times as long. Unknown hosts and bad certificates stay as they are.
    """
    if isinstance(error, ServerRefused):
        return error.status in _STATUSES or error.status >= 500
    if isinstance(error, ConnectFailed):
        return isinstance(error.__cause__, ConnectionError)
    return isinstance(error, ConnectionLost)


def is_busy(error: BaseException) -> bool:
    """Tell whether a server may have refused for others that it is busy with."""
    if isinstance(error, ServerRefused):
        return error.status in (409, 429, 503)
    return isinstance(error, ConnectionLost) or (
        isinstance(error, ConnectFailed) and isinstance(error.__cause__, ConnectionError)
    )


def wait_before(
    error: BaseException, attempts: int, roll: float, begun: bool = False
) -> float | None:
    """Return the seconds to wait after `attempts` attempts; None: give up.

    Parameters
    ----------
    error : BaseException
        How the last attempt failed.
    attempts : int
        How many have been made, 1 after the first.
    roll : float
        A random number in [0, 1), so that many clients do not return at once.
    begun : bool
        Whether audio had come. What ended too early then may have been cut on its way: it is
        repeated once and not three times: some servers always end like that.
    """
    cut = begun and attempts == 1 and isinstance(error, Truncated)
    if attempts >= ATTEMPTS or not (cut or worth_retrying(error)):
        return None
    advice = error.retry_after if isinstance(error, ServerRefused) else None
    if advice is not None:
        return advice if advice <= LONGEST_ADVICE else None
    wait = min(_FIRST_WAIT * 2.0 ** (attempts - 1), _LONGEST_WAIT)
    return wait * (1 - _JITTER * roll)


def notice(problem: str, attempt: int, wait: float) -> str:
    """Return what a user is told before attempt number `attempt`, which `wait` seconds later is."""
    return f"{problem}; attempt {attempt} of {ATTEMPTS} in {wait:.1f} s"


def read_notice(sentence: str) -> tuple[str, float] | None:
    """Return the problem and the wait that a `notice` tells; None where the sentence is none."""
    found = re.fullmatch(rf"(.*); attempt \d+ of {ATTEMPTS} in (\d+\.\d) s", sentence, re.DOTALL)
    return (found[1], float(found[2])) if found else None


def read_advice(headers: Mapping[str, str], now: float) -> float | None:
    """Return how many seconds the server asks to wait, or None.

    Parameters
    ----------
    headers : mapping
        The response's, with names in lower case or compared without case:
        ``retry-after-ms``, ``retry-after`` (seconds, or a date: RFC 9110,
        10.2.3), ``x-ratelimit-reset`` (seconds, a moment as seconds since
        1970, or a duration such as ``6m0s``), in this order.
    now : float
        Seconds since 1970, for the dates where the response tells none itself.
    """
    now = _date(headers.get("date", "")) or now
    candidates = (
        _scaled(headers.get("retry-after-ms", ""), 0.001),
        _after(headers.get("retry-after", ""), now),
        _after(headers.get("x-ratelimit-reset", ""), now),
    )
    return next((wait for wait in candidates if wait is not None), None)


def _after(value: str, now: float) -> float | None:
    """Read seconds, a date or a duration as seconds from now."""
    seconds = _scaled(value, 1.0)
    if seconds is not None and seconds > _EPOCH:
        # Some count milliseconds since 1970.
        seconds = max(0.0, (seconds / 1000 if seconds > _EPOCH * 1000 else seconds) - now)
    if seconds is not None:
        return seconds
    date = _date(value)
    return _duration(value) if date is None else max(0.0, date - now)


def _scaled(value: str, unit: float) -> float | None:
    # float() strips less than str.strip() does: "\x1c5" would be its ValueError.
    number = re.fullmatch(_NUMBER, value.strip(), re.ASCII)
    return None if number is None else float(number[0]) * unit


def _date(value: str) -> float | None:
    # Here, not above: it takes 10 ms to import, and only errors need it.
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None


def _duration(value: str) -> float | None:
    """Read a duration such as ``6m0s`` or ``20ms``."""
    if not re.fullmatch(rf"(?:{_NUMBER}(?:ms|[smhd]))+", value.strip()):
        return None
    parts = re.findall(rf"({_NUMBER})(ms|[smhd])", value)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
