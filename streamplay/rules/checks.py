"""The options of `streamplay.options.Options`, looked at. Pure, and quick to import."""

from __future__ import annotations

import math
import os

from streamplay.errors import InvalidRequest

TYPE_CHECKING = False  # as in families
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

LOUDEST: Final = 20.0
"""dB of amplification. What passes full scale is limited; beyond this little else is left."""

MOST_AHEAD: Final = 16
"""Pieces asked for ahead: more than anybody hears in the time that one takes."""


def check_options(given: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest` where one of the options given is wrong."""
    for name, allowed in _CHOICES.items():
        if name in given and given[name] not in allowed:
            listed = ", ".join(each for each in allowed if each is not None)
            raise InvalidRequest(name, f"{given[name]!r} is not offered", allowed=listed)
    if given.get("local") and given.get("base_url") is not None:
        raise InvalidRequest("base_url", "and local name two servers", allowed="one of them")
    for name, check in _CHECKS.items():
        if name in given:
            check(given[name])


def check_latency(value: float | str | None) -> None:
    """Raise `InvalidRequest` unless `value` is None, ``"low"``, ``"high"`` or seconds."""
    good = value in (None, "low", "high") or (
        isinstance(value, (int, float)) and math.isfinite(value) and value >= 0
    )
    if not good:
        raise InvalidRequest("latency", f"{value!r} is no time", allowed="low, high, or seconds")


def check_wake(value: float) -> None:
    """Raise `InvalidRequest` unless `value` is milliseconds, at most ten seconds of them."""
    if not isinstance(value, (int, float)) or not 0 <= value <= 10_000:
        raise InvalidRequest("wake", f"{value!r} is no time", allowed="0 to 10000 milliseconds")


def check_prebuffer(value: float | str) -> None:
    """Raise `InvalidRequest` unless `value` is ``"auto"`` or milliseconds."""
    good = value == "auto" or (
        isinstance(value, (int, float)) and math.isfinite(value) and value >= 0
    )
    if not good:
        raise InvalidRequest("prebuffer", f"{value!r} is no time", allowed="auto, or milliseconds")


def check_gap_weight(value: float) -> None:
    """Raise `InvalidRequest` unless `value` is a finite number of at least 1."""
    if not isinstance(value, (int, float)) or not 1 <= value < math.inf:
        raise InvalidRequest("gap_weight", f"{value!r} is no weight", allowed="1 or more")


def check_remember(value: object) -> None:
    """Raise `InvalidRequest` unless `value` is None or names a file."""
    if value is not None and not (isinstance(value, (str, os.PathLike)) and os.fspath(value)):
        raise InvalidRequest("remember", f"{value!r} is no file", allowed="a path")


def check_prefetch(value: int) -> None:
    """Raise `InvalidRequest` unless `value` is a number of pieces, at most `MOST_AHEAD`."""
    if not isinstance(value, int) or not 0 <= value <= MOST_AHEAD:
        allowed = f"0 to {MOST_AHEAD}"
        raise InvalidRequest("prefetch", f"{value!r} is no number of pieces", allowed=allowed)


def check_pause(value: float | None) -> None:
    """Raise `InvalidRequest` unless `value` is None, or milliseconds below ten seconds."""
    if value is not None and not (isinstance(value, (int, float)) and 0 <= value < 1e4):
        raise InvalidRequest("pause_ms", f"{value!r} is no time", allowed="below 10000")


def check_volume(value: float) -> None:
    """Raise `InvalidRequest` unless `value` is a level in dB, at most `LOUDEST`."""
    if not isinstance(value, (int, float)) or math.isnan(value) or value > LOUDEST:
        allowed = f"dB, at most {LOUDEST:g}"
        raise InvalidRequest("volume", f"{value!r} is no level", allowed=allowed)


_CHOICES: Final[dict[str, tuple[str | None, ...]]] = {
    "fallback": (None, "local"),
    "engine": ("auto", "native", "python"),
    "on_error": ("stop", "continue"),
}
_CHECKS: Final[dict[str, Callable[[Any], None]]] = {
    "latency": check_latency,
    "prebuffer": check_prebuffer,
    "gap_weight": check_gap_weight,
    "remember": check_remember,
    "prefetch": check_prefetch,
    "pause_ms": check_pause,
    "volume": check_volume,
    "wake": check_wake,
}
