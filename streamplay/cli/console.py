"""Standard output and standard error, which may be closed, gone or narrow.

Results go to standard output, everything else to standard error. Neither may
end a command that is still keeping a file: a terminal that hung up gives
``EIO``, a reader that left gives ``EPIPE``, and a stream closed by the parent is
``None``.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from typing import TextIO


def prepare() -> None:
    """Let standard output print any text: what its encoding lacks becomes ``?``."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def out(text: str) -> None:
    """Print one result to standard output, at once."""
    _write(sys.stdout, text)


def tell(sentence: str) -> None:
    """Tell one line on standard error."""
    _write(sys.stderr, f"streamplay: {sentence}")


def err(text: str) -> None:
    """Print text to standard error as it is."""
    _write(sys.stderr, text)


def flush() -> None:
    """Write out what is buffered, so that the interpreter's exit finds nothing to fail on."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                _discard(stream)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person is at the other end of `stream`."""
    return stream is not None and not stream.closed and stream.isatty()


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    try:
        stream.write(text + "\n")
        stream.flush()
    except (OSError, ValueError):
        _discard(stream)


def _discard(stream: TextIO) -> None:
    # What is buffered would be written again at exit, and fail again with a
    # message of the interpreter's: let it go nowhere.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
