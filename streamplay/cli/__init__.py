"""The command line: one module a command, imported only when it is run."""

from __future__ import annotations

import os
import sys

from streamplay.cli import console, parser, status
from streamplay.errors import StreamPlayError

TYPE_CHECKING = False  # typing takes 5 ms to import, before a request leaves
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name; those of the process unless given.

    Returns
    -------
    int
        The exit status, as `streamplay.cli.status` tells them.
    """
    console.prepare()
    # numpy's BLAS would start threads, for matrices that nobody has: 40 ms of every import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    finally:
        console.flush()


def _run(words: list[str]) -> int:
    try:
        command, args = parser.parse(words)
        args.words = words  # what the user typed, for a command that tells it
        return command.run(args)
    except SystemExit as exit_:  # argparse leaves this way after --help and --version
        return int(exit_.code or 0)
    except StreamPlayError as error:
        console.tell(str(error))
        return status.of_error(error)
    except KeyboardInterrupt:
        return status.INTERRUPTED
    except BrokenPipeError:
        return status.OK  # who reads our output has had enough, as with `head`
    except Exception as error:  # noqa: BLE001  the last net: a bug is told, never thrown at a user
        return _tell_bug(error)


def _tell_bug(error: Exception) -> int:
    if os.environ.get("STREAMPLAY_DEBUG"):
        import traceback

        traceback.print_exception(error)
    console.tell(
        f"a bug: {type(error).__name__}: {error}. "
        "Please report it, with what STREAMPLAY_DEBUG=1 prints before this line"
    )
    return status.FAILED
