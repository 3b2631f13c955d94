"""Hostile input for every reader of foreign input.

A reader may raise typed errors, and nothing else. `hostile` yields the same inputs in every run:
each value of a valid document replaced by each of `VALUES`, each byte place of it by each of
`TOKENS`, and documents that nest deeply or never end.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, Final

from benchmarks.trust import seeds
from benchmarks.trust.readers import READERS
from streamplay.errors import StreamPlayError
from streamplay.network.framing import FramingError
from streamplay.server.json_fields import Refusal
from streamplay.server.scenario import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPED: Final = (StreamPlayError, FramingError, Refusal, ScenarioError, argparse.ArgumentTypeError)
"""What a reader may raise; those that are no `StreamPlayError` have one caller, which converts."""

# Hostile values

_LONG: Final = "9" * 400
VALUES: Final = (
    *("null", "true", "false", "-1", "0", "0.5", "1e999", "-1e999", "NaN", "Infinity"),
    *(_LONG, f"-{_LONG}", "9" * 5000, "1" * 400 + ".5", "1e-400", '""', '" "', '"\\u0000"'),
    *('"\\ud800"', '"\\u001b]0;x\\u0007"', '"\\u202e"', '"\\n\\r\\t"', f'"{"x" * 100_000}"'),
    *("[]", "{}", "[[]]", "[null]", '[""]', '["\\ud800"]', "[1, 2, 3]", '{"": ""}', '{"a": {}}'),
    *(f"[{_LONG}]", "[" * 990 + "]" * 990, '{"a":' * 300 + "1" + "}" * 300),
)
"""JSON. `tomllib` takes some of them; the others are no TOML, which is an input, too."""

TOKENS: Final = (
    *(b"\0", b"\xff", b"\xed\xa0\x80", b"\x1b[2J", b"\xc2\x9b", b"\r", b"\n", b"\r\n\r\n", b" "),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xf0\x9f\x98\x80", b"\xe2\x80\xae", b"9" * 400, b"9" * 5000),
    *(
        b"-",
        b"=",
        b":",
        b",",
        b"/",
        b"%00",
        b"[",
        b"]",
        b"{",
        b'"',
        b"\\",
        b"<",
        b"&#0;",
        b"&#xD800;",
    ),
)

_ENDLESS: Final = (
    *(b"[" * 200_000, b'{"a":' * 100_000, b"<a>" * 20_000, b"> " * 20_000, b"- " * 20_000),
    *(b"(" * 20_000, b"*" * 20_000, b"`" * 20_001, b"\0" * 1000, b"\xff" * 1000, b"9" * 10_000),
    *(b"", b" ", b"\n", b"a=" * 10_000, b"\r\n" * 10_000, b"x" * 1_000_000, b"\x1b" * 1000),
)
_PLACES: Final = 24
"""Places of a seed at which tokens are put: its ends and some between."""


def hostile(name: str) -> Iterator[bytes]:
    """Yield hostile input for a reader, always the same."""
    reader = READERS[name]
    yield from _ENDLESS
    for seed in reader.seeds:
        yield seed
        if reader.kind == "json":
            yield from _damaged_json(seed)
        elif reader.kind == "toml":
            yield from _damaged_toml(seed)
        step = max(1, len(seed) // _PLACES)
        for at in range(0, len(seed) + 1, step):
            yield seed[:at]
            for token in TOKENS:
                yield seed[:at] + token + seed[at:]
                yield seed[:at] + token + seed[at + len(token) :]


def _damaged_json(seed: bytes) -> Iterator[bytes]:
    """Yield a document, or lines of documents, with each value replaced by each of `VALUES`."""
    lines = seed.decode().splitlines()
    for number, line in enumerate(lines):
        document = json.loads(line)
        for place in _places(document):
            marked = json.dumps(_replaced(document, place, "\ue000"))
            for value in VALUES:
                # By text: json.dumps writes no number that JSON's readers refuse.
                new = marked.replace('"\\ue000"', value)
                yield "\n".join((*lines[:number], new, *lines[number + 1 :])).encode()


def _damaged_toml(seed: bytes) -> Iterator[bytes]:
    lines = seed.decode().splitlines()
    for number, line in enumerate(lines):
        name, equals, _ = line.partition(" = ")
        if equals:
            for value in VALUES:
                changed = (*lines[:number], f"{name} = {value}", *lines[number + 1 :])
                yield "\n".join(changed).encode()


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(inner, (*path, key))


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


def outcome(name: str, data: bytes) -> str:
    """Have a reader read; return the type of its error, or ``read``. Other errors pass."""
    try:
        READERS[name].read(data)
    except TYPED as error:
        str(error)  # composes the sentence from what was read
        return type(error).__name__
    return "read"


def found() -> Iterator[tuple[str, bytes]]:
    """Yield what once raised an error that was not typed: a reader's name, and its input."""
    deep, long = "[" * 100_000, "9" * 5000
    header = '{"streamplay_trace": 1, "samplerate": 24000}\n'
    yield "arrival trace", deep.encode()
    yield "arrival trace", f'{{"streamplay_trace": 1, "samplerate": {_LONG}}}'.encode()
    yield "arrival trace", f'{header}{{"t": {_LONG}, "frames": 1}}'.encode()
    yield "arrival trace", f'{header}{{"t": 1, "frames": {_LONG}}}'.encode()
    yield "remembered", seeds.LEARNED.replace(b'"level": 1.0', f'"level": {_LONG}'.encode())
    for name in ("configuration of say", "configuration of live", "tables of the configuration"):
        yield name, f"voice = {long}".encode()
    yield "target", f"model={long}".encode()
    yield "target", f"model={deep}".encode()
    yield "targets' file", f"[a]\nvoice = {long}".encode()
    yield "proxies", b"http://a\xed\xa0\x80b:c@a.example:80"
    yield "lines of JSON", b'{"type": "x", "y": "' + b"A" * 1024 + b'!"}\n'
    yield "HTML", f'<ol start="{long}"><li>x</ol>'.encode()
    yield "baseline", seeds.RESULT.replace(b'"requests": 2', b'"requests": 1e999')
    yield "baseline", seeds.RESULT.replace(b'"p50": 1.0', f'"p50": {_LONG}'.encode())
    yield "--from", long.encode()
    yield "Retry-After", b"\x1c5"  # found by atheris, as are these:
    yield "say --extra", b"--"
    yield "say --decode-as", b"--"
