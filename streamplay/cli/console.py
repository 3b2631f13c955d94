"""Standard output and standard error, either of which may be closed.

Results go to standard output, everything else to standard error. What a terminal is shown holds no
character that could control it: the user's own words, names of files and devices, and a server's
words all come through here. A failure to write to them must
not end a command that is still writing a file: a terminal that was closed gives ``EIO``, a pipe
without a reader gives ``EPIPE``, and a stream that the parent process closed is ``None``.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys

from streamplay.errors import LONGEST_MESSAGE, printable

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final, TextIO

COLUMNS: Final = 80
"""Fallback width when the terminal's is unknown."""

DUMB_TERMINALS: Final = ("", "dumb", "unknown")
"""What TERM says of terminals that can only print."""

_JOINERS: Final = re.compile("([\u00ad\u200c\u200d\U000e0020-\U000e007f]+)")
"""Persian and Indic words, emoji of several people, and flags of regions are written with these,
which Python takes for unprintable; they control no terminal."""

_above: list[Callable[[Callable[[], None]], None]] = []
"""Prints above the status lines, while there are any."""

_ENDED: Final = frozenset({errno.EPIPE, errno.EIO})
"""The reader has gone: it wants no more, and nothing is lost."""

_lost: Final[list[OSError]] = []


def prepare() -> None:
    """Make standard output print ``?`` for characters that its encoding lacks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def out(text: str) -> None:
    """Print one result to standard output, at once."""
    _write(sys.stdout, _rows(text) if is_terminal(sys.stdout) else text)


def lost() -> str:
    """Return why a result could not be written to standard output; empty: it was written."""
    return _lost[0].strerror or str(_lost[0]) if _lost else ""


def _rows(text: str) -> str:
    """Return text of several lines, each of them printable."""
    return "\n".join(
        "\t".join(_printable(part, sys.maxsize) for part in row.split("\t"))
        for row in text.split("\n")
    )


def _printable(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """Return `text` as `printable` does, with the joiners that words and emoji are written with."""
    parts = _JOINERS.split(text)
    if len(parts) == 1 or len(text) > limit:
        return printable(text, limit)
    return "".join(
        part if index % 2 else printable(part, limit) for index, part in enumerate(parts)
    )


def prose(sentence: str) -> None:
    """Print a sentence to standard output; on a terminal it is wrapped to the terminal's width."""
    _write(sys.stdout, wrapped(sentence, columns()) if is_terminal(sys.stdout) else sentence)


def tell(sentence: str) -> None:
    """Print one message to standard error, after the name of the program.

    On a terminal it is wrapped between words to the terminal's width; elsewhere it is one line.
    """
    text = f"streamplay: {_printable(sentence)}"
    if is_terminal(sys.stderr) and len(text) * 2 > (width := columns()):
        text = wrapped(text, width)
    _write(sys.stderr, text)


def wrapped(text: str, width: int, indent: str = "  ") -> str:
    """Return `text` with line breaks between words, so that no row takes more than `width` cells.

    Rows after the first are indented. A word that is wider than a row, such as a path, stays whole:
    it can be copied then.
    """
    rows: list[str] = []
    words = text.lstrip(" ")
    row = " " * (len(text) - len(words))
    for word in words.split(" "):
        if row.strip() and cells(row) + 1 + cells(word) > width:
            rows.append(row)
            row = indent + word
        else:
            row = f"{row} {word}" if row.strip() else row + word
    return "\n".join([*rows, row])


def cells(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def err(text: str) -> None:
    """Print lines of text to standard error."""
    _write(sys.stderr, "\n".join(map(_printable, text.split("\n"))))


def flush() -> None:
    """Write what is buffered, so that the interpreter cannot fail to write it when it exits."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError) as error:
                _discard(stream, error)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether `stream` is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def is_dumb() -> bool:
    """Return whether the terminal can only print."""
    return sys.platform != "win32" and os.environ.get("TERM", "") in DUMB_TERMINALS


@contextlib.contextmanager
def printing_above(above: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Have all that is printed inside the block printed by `above`, over the status lines."""
    _above.append(above)
    try:
        yield
    finally:
        _above.remove(above)


def columns() -> int:
    """Return the terminal's width: of standard output, or else of standard error.

    As `shutil.get_terminal_size` finds it; importing shutil takes 5 ms.
    """
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with contextlib.suppress(ValueError, OSError):
                return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    return COLUMNS


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    if _above and is_terminal(stream):
        _above[-1](lambda: _print(stream, text))
    else:
        _print(stream, text)


def _print(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except (OSError, ValueError) as error:
        _discard(stream, error)


def _discard(stream: TextIO, error: Exception) -> None:
    if stream is sys.stdout and isinstance(error, OSError) and error.errno not in _ENDED:
        _lost.append(error)
    # At exit the interpreter would try to write the buffer again, fail, and print a message:
    # let it write to the null device.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
