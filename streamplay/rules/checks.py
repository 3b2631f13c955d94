"""Whether a value may be given to an option: a check for each kind in the table. Pure.

What depends on more than one field of a request is checked by `streamplay.rules.fields`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import partial

from streamplay.errors import InvalidRequest
from streamplay.rules.option_table import ENCODINGS, OPTIONS

TYPE_CHECKING = False  # as in option_table
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

_EXACT: Final = 2**53  # whole numbers up to it are floats, too
_LONGEST_TIME: Final = 1e9  # thirty years of seconds, twelve days of milliseconds

_LANGUAGE: Final = r"[a-z]{2,3}(-[a-z0-9]{2,8})*"


def check_options(given: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest` where one of the options given is wrong.

    Names that are no options are left to the caller.
    """
    for name, value in given.items():
        if name in OPTIONS:
            check_option(name, value)
    if given.get("local") and given.get("base_url") is not None:
        raise InvalidRequest("base_url", "and local name two servers", allowed="one of them")


def check_option(name: str, value: object, *, called: str = "") -> None:
    """Raise `InvalidRequest` unless `value` may be given as the option `name`.

    Parameters
    ----------
    called : str
        What the error calls it, where that is not `name`: a request's own name for the field.
    """
    option = OPTIONS[name]
    if value is None and option.default is None:
        return
    _CHECKS[option.kind](called or name, value, option.allowed)


def check_volume(value: object) -> None:
    """Raise `InvalidRequest` unless `value` is a level in dB that a player's volume may have."""
    check_option("volume", value)


def check_text(called: str, value: Any) -> str:
    """Return a text that is not empty and can be sent as UTF-8; raise `InvalidRequest`."""
    _check_type(called, value, (str,), "text")
    if not value.strip():
        raise InvalidRequest(called, "is empty", allowed="text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # Half of a surrogate pair: an undecodable byte of a file or an argument.
        problem = f"character {error.start + 1} is no Unicode character"
        raise InvalidRequest(called, problem, allowed="UTF-8 text") from None
    return str(value)


def _check_type(called: str, value: object, types: tuple[type, ...], allowed: str) -> None:
    if not isinstance(value, types):
        raise InvalidRequest(called, f"is {type(value).__name__}", allowed=allowed)


def check_documented(fields: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest` if a request has an encoding or a language that Together has not.

    Other servers may have more: what they do not know they refuse themselves.
    """
    _check_choice("response_encoding", fields["response_encoding"], ENCODINGS)
    language = fields["language"]
    if language is None:
        return
    if not isinstance(language, str) or not re.fullmatch(_LANGUAGE, language):
        problem = f"{language!r} is no language"
        raise InvalidRequest("language", problem, allowed="en, or a lower-case locale: zh-hk")


def _check_string(called: str, value: Any, _: object) -> None:
    # What an address or a key may hold is decided by network.endpoint.
    _check_type(called, value, (str,), "str")


def _check_choice(called: str, value: Any, allowed: Sequence[object]) -> None:
    # By type as well: True would pass for 1, and 32000.0 for 32000.
    if not any(value == one and type(value) is type(one) for one in allowed):
        named = ", ".join(str(one) for one in allowed)
        raise InvalidRequest(called, f"{value!r} is not offered", allowed=named)


def _check_switch(called: str, value: Any, _: object) -> None:
    _check_choice(called, value, (True, False))


def _check_number(
    called: str,
    value: Any,
    allowed: tuple[float, float],
    *,
    noun: str,
    told: str,
    types: tuple[type, ...] = (int, float),
) -> None:
    least, most = allowed
    if not _is_number(value, types) or not least <= value <= most:
        problem = f"{_shown(value)} is no {noun}"
        raise InvalidRequest(called, problem, allowed=told.format(least, most))


def _check_word_or_time(called: str, value: Any, words: Sequence[str], *, unit: str) -> None:
    is_word = isinstance(value, str) and value in words
    if not is_word and not (_is_number(value, (int, float)) and 0 <= value <= _LONGEST_TIME):
        allowed = f"{', '.join(words)}, or {unit}"
        raise InvalidRequest(called, f"{_shown(value)} is no time", allowed=allowed)


def _is_number(value: Any, types: tuple[type, ...]) -> bool:
    """Tell whether it is a number that can be reckoned with as a float."""
    is_number = isinstance(value, types) and not isinstance(value, bool)
    return is_number and (isinstance(value, float) or abs(value) <= _EXACT)


def _shown(value: object) -> str:
    """Return a value as a message names it: `repr` refuses whole numbers of 4301 digits."""
    is_huge = isinstance(value, int) and abs(value) > _EXACT
    return "a number of many digits" if is_huge else repr(value)


def _check_device(called: str, value: Any, _: object) -> None:
    _check_type(called, value, (str, int), "str or int")


def _check_file(called: str, value: Any, _: object) -> None:
    if not (isinstance(value, (str, os.PathLike)) and os.fspath(value)):
        raise InvalidRequest(called, f"{value!r} is no file", allowed="a path")


def _check_format(called: str, value: Any, _: object) -> None:
    # An AudioFormat is known by what it has: its module imports dataclasses.
    if not isinstance(value, str) and not hasattr(value, "samplerate"):
        raise InvalidRequest(called, f"is {type(value).__name__}", allowed="str or AudioFormat")


def _check_rules(called: str, value: Any, _: object) -> None:
    if isinstance(value, str) or not isinstance(value, Sequence):
        problem = f"is {type(value).__name__}"
        raise InvalidRequest(called, problem, allowed='a list such as ["omg/oh my god"]')
    for rule in value:
        source, _slash, replacement = check_text(called, rule).partition("/")
        if not source.strip() or not replacement.strip():
            problem = f"{rule!r} lacks a side"
            raise InvalidRequest(called, problem, allowed="SOURCE/REPLACEMENT")


def _check_fields(called: str, value: Any, _: object) -> None:
    _check_type(called, value, (Mapping,), "a mapping")
    for key in value:
        if not isinstance(key, str):
            problem = f"the key {key!r} is no text"
            raise InvalidRequest(called, problem, allowed="names of fields")


def _check_servers(_called: str, value: Any, _: object) -> None:
    from streamplay.rules.alternatives import check_alternatives  # most players have none

    check_alternatives(value)


def _check_callable(called: str, value: Any, _: object) -> None:
    if not callable(value):
        raise InvalidRequest(called, f"is {type(value).__name__}", allowed="a callable")


_CHECKS: Final[dict[str, Callable[[str, Any, Any], object]]] = {
    "text": lambda called, value, _: check_text(called, value),
    "string": _check_string,
    "language": lambda called, value, _: check_text(called, value),
    "encoding": lambda called, value, _: check_text(called, value),
    "choice": _check_choice,
    "bit rate": _check_choice,
    "switch": _check_switch,
    "rate": partial(_check_number, noun="rate", told="{} to {} Hz", types=(int,)),
    "pieces": partial(_check_number, noun="number of pieces", told="{} to {}", types=(int,)),
    "factor": partial(_check_number, noun="factor", told="{:g} to {:g}"),
    "weight": partial(_check_number, noun="weight", told="{:g} or more"),
    "seconds": partial(_check_number, noun="time", told="seconds, more than 0"),
    "milliseconds": partial(_check_number, noun="time", told="{} to {} milliseconds"),
    "decibels": partial(_check_number, noun="level", told="dB, at most {1:g}"),
    "latency": partial(_check_word_or_time, unit="seconds"),
    "prebuffer": partial(_check_word_or_time, unit="milliseconds"),
    "device": _check_device,
    "file": _check_file,
    "format": _check_format,
    "rules": _check_rules,
    "fields": _check_fields,
    "servers": _check_servers,
    "callable": _check_callable,
}
"""The check of each kind: it takes the name to use, the value and what the table allows."""
