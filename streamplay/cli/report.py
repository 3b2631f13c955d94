"""Receipts and tables for people, and JSON for programs."""

from __future__ import annotations

import json
import os
import sys

from streamplay.cli import console
from streamplay.errors import printable

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Final

    from streamplay.errors import StreamPlayError
    from streamplay.receipt import Receipt


def as_json(value: Any) -> str:
    """Return one line of JSON in ASCII: right in any locale, without control characters."""
    return json.dumps(value, allow_nan=False)


_LONGEST_CELL: Final = 200
"""Characters of a cell on a terminal; a pipe gets all."""


def safe(text: str) -> str:
    """Return `text` with U+FFFD for every character that could control a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


_NARROW: Final = 60
"""Columns. A table that does not fit fewer is printed cell by cell."""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to standard output: with rich for a terminal, in plain columns otherwise."""
    if console.is_terminal(sys.stdout):
        rows = [[printable(cell, _LONGEST_CELL) for cell in row] for row in rows]
    rows = [[safe(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    if console.is_terminal(sys.stdout):
        if console.columns() < _NARROW and sum(widths) + 2 * len(widths) > console.columns():
            _print_records(columns, rows)
        else:
            _rich_table(columns, rows)
        return
    for row in (columns, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.out("  ".join(cells).rstrip())


def _print_records(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a row of its own for each cell: a narrow screen would break the words of a table."""
    width = max(map(len, columns))
    for number, row in enumerate(rows):
        if number:
            console.out("")
        for column, cell in zip(columns, row, strict=True):
            if cell:
                console.out(console.wrapped(f"{column:<{width}}  {cell}", console.columns()))


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rich_table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        rich_table.add_column(column, overflow="fold")
    for row in rows:
        rich_table.add_row(*map(Text, row))
    Console().print(rich_table)


def receipt_text(receipt: Receipt) -> str:
    """Return a receipt as a few readable lines."""
    return "\n".join(f"{name:<9}{text}" for name, text in _lines(receipt))


def _lines(receipt: Receipt) -> Iterator[tuple[str, str]]:
    if receipt.voice or receipt.model:
        yield "voice", f"{receipt.voice}, {receipt.model}, from {receipt.base_url}"
    else:
        yield "sound", receipt.base_url  # that of a file
    yield "audio", _audio(receipt)
    yield "output", _output(receipt)
    yield "frames", _frames(receipt)
    yield "moments", _moments(receipt)
    yield "stalls", _stalls(receipt)
    yield "result", _result(receipt)


def _audio(receipt: Receipt) -> str:
    fmt = receipt.format
    asked = f"{fmt.requested.encoding} at {fmt.requested.samplerate} Hz"
    got = f"{fmt.effective} at {fmt.samplerate} Hz"
    seconds = receipt.frames.received / fmt.samplerate
    text = f"{seconds:.2f} s, {got}"
    return text if asked == got else f"{text} ({_why(fmt.source)}; asked for {asked})"


def _why(source: str) -> str:
    reasons = {
        "model": "the model's own",
        "header": "a header said so",
        "user": "told by --decode-as",
    }
    return reasons.get(source, "as asked")


def _output(receipt: Receipt) -> str:
    output = receipt.output
    if output.kind == "none":
        return "none"
    where = "silent clock, no sound" if output.kind == "silent" else output.name
    latency = "" if output.latency_ms is None else f", latency {output.latency_ms:.0f} ms"
    return f"{where}, {output.samplerate} Hz{latency}, {output.engine} callback"


def _frames(receipt: Receipt) -> str:
    frames = receipt.frames
    ends = ("played", "flushed", "trimmed", "muted", "unplayed")
    spent = " + ".join(f"{getattr(frames, end)} {end}" for end in ends if getattr(frames, end))
    saved = f"; {frames.saved} saved" if frames.saved else ""
    return f"{frames.received} received = {spent or 'none'}{saved}"


def _moments(receipt: Receipt) -> str:
    moments = receipt.ms
    named = {
        "headers": moments.headers,
        "first audio": moments.first_audio,
        "first sound": moments.first_sound,
        "first voice": moments.first_voice,
        "finished": moments.finished,
    }
    told = [f"{name} {value:.0f}" for name, value in named.items() if value is not None]
    return f"{', '.join(told)} ms" if told else "none"


def _stalls(receipt: Receipt) -> str:
    stalls, late = receipt.stalls, receipt.device_underflows
    text = "none"
    if stalls.count:
        total, longest = f"{stalls.total_ms:.0f} ms", f"{stalls.longest_ms:.0f} ms"
        text = f"{stalls.count}, {total} in all, the longest {longest}"
    return f"{text}; late callbacks: {late}" if late else text


def _result(receipt: Receipt) -> str:
    if receipt.error is not None:
        return f"{receipt.error.type}: {receipt.error.message}"
    if receipt.interrupted:
        return "interrupted"
    return "complete" if receipt.complete else "incomplete"


def blank(asked: Mapping[str, Any], error: StreamPlayError | None = None) -> Receipt:
    """Return the receipt of a request that was never begun.

    Parameters
    ----------
    asked : mapping
        The arguments of the `Player`.
    error : StreamPlayError, optional
        Why it was not begun.
    """
    from streamplay.models import DEFAULT_MODEL, default_voice, effective_format
    from streamplay.receipt import ErrorFacts, FormatFacts, Receipt, RequestedFormat

    model = asked.get("model", DEFAULT_MODEL)
    requested = RequestedFormat(asked.get("encoding", "pcm_s16le"), asked.get("sample_rate", 24000))
    expected, source = effective_format(model, requested.encoding, requested.samplerate)
    if "decode_as" in asked:
        expected, source = asked["decode_as"], "user"
    facts = FormatFacts(
        requested, expected.encoding, expected.samplerate, expected.channels, source
    )
    voice = asked.get("voice") or default_voice(model) or ""
    receipt = Receipt(model=model, voice=voice, base_url=_base_url(asked), format=facts)
    if error is not None:
        name, code = type(error).__name__, getattr(error, "status", None)
        receipt.error = ErrorFacts(name, str(error), code)
    return receipt


def _base_url(asked: Mapping[str, Any]) -> str:
    from streamplay.network.endpoint import BASE_URL_VARIABLE, DEFAULT_BASE_URL

    if asked.get("local"):
        return "local"
    return str(asked.get("base_url") or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL)
