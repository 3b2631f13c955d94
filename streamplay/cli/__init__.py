"""The command line: a module for each command, imported only when that command runs."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys

_GC_WAS_ON = gc.isenabled()
gc.disable()  # collections free nothing of what is imported, and take 2 ms before a request leaves
try:
    from streamplay.cli import console, parser, signals, status, stored_key
    from streamplay.cli.native_messages import kept_from_the_screen
    from streamplay.errors import StreamPlayError
finally:
    if _GC_WAS_ON:
        gc.enable()

TYPE_CHECKING = False  # typing takes 5 ms to import, before a request leaves
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

__all__ = ["main"]

_SOUNDING: Final = frozenset({"say", "play", "live", "devices", "doctor", "replay"})
"""The commands that open the audio system, whose libraries print lines of their own."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name; those of the process unless given.

    Returns
    -------
    int
        The exit status: see `streamplay.cli.status`.
    """
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may be typed
        from streamplay.cli import completing

        completing.answer()
    console.prepare()
    # numpy's BLAS would start threads, which takes 40 ms; streamplay multiplies no matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    stored_key.load(os.environ)
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
    finally:
        console.flush()
        if argv is not None:
            signals.go_on()  # the caller lives on
    if console.lost() and code == status.OK:
        console.tell(f"cannot write standard output: {console.lost()}")
        code = status.OUTPUT
    if argv is None and signals.is_ending():
        # Files are finished and the output is flushed. The interpreter's own end takes a while,
        # gives signals back their default, and waits for a sound device that may never answer.
        os._exit(code)
    return code


def _run(words: list[str]) -> int:
    try:
        command, args = parser.parse(words)
        args.words = words  # as typed: `bench` prints them in its result
        with kept_from_the_screen() if words[0] in _SOUNDING else contextlib.nullcontext():
            return command.run(args)
    except SystemExit as exit_:  # argparse raises it after --help and --version
        return int(exit_.code or 0)
    except StreamPlayError as error:
        console.tell(str(error))
        return status.of_error(error)
    except KeyboardInterrupt:
        return status.INTERRUPTED
    except BrokenPipeError:
        return status.OK  # the reader of our output has closed it, as `head` does
    except Exception as error:  # noqa: BLE001  a bug is reported in one line, without a traceback
        return _tell_bug(error)


def _lacking(error: Exception) -> str | None:
    """Return what the system has refused, where that is no fault of ours; otherwise None."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return "memory"
    if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
        return "open files"
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return "threads"
    return None


def _tell_bug(error: Exception) -> int:
    if os.environ.get("STREAMPLAY_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if (lacking := _lacking(error)) is not None:
        console.tell(f"the system gives no more {lacking}. See: ulimit -a")
        return status.FAILED
    console.tell(
        f"a bug: {type(error).__name__}: {error}. "
        "Please report it, with what STREAMPLAY_DEBUG=1 prints before this line"
    )
    return status.FAILED
