"""What C libraries print on descriptor 2: kept from the screen where it is known to mean nothing.

PortAudio, as Debian builds it, cannot be asked to be silent about a device that fails; ALSA,
JACK, libsndfile and libmpg123 print lines of their own. What matters of them comes back as a
typed error. So while a command plays, descriptor 2 is a pipe that a thread reads: known lines are
dropped (printed after all with ``STREAMPLAY_DEBUG=1``), everything else goes on to where
descriptor 2 led before. Python's own standard error keeps writing there directly.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

# PortAudio's PA_ENSURE and PA_UNLESS, ALSA's SNDERR, libjack's start-up, libmpg123's and
# libsndfile's warnings: as their sources print them.
# Python compiles it when the first line comes: that takes 2 ms.
_KNOWN: Final = (
    rb"^\s*("
    rb"Expression '.*' failed in '.*', line: \d+"
    rb"|(ALSA lib |\[?ALSA\]?:? )"
    rb"|PaAlsa|PortAudio |.*pa_linux_alsa\.c"
    rb"|.*(underrun|overrun) occurred"
    rb"|(jack server is not running|Cannot connect to server|JackShm|.*jackd.*)"
    rb"|.*libmpg123|Warning: Xing stream|Note: (Illegal|Trying)|\[.*(mpg123|layer3|parse).*\]"
    rb"|.*fuzzy seeking|.*(part2_3_length|big_values|missing bits)"
    rb"|connect\(2\) call to .* failed|attempt to connect to server failed"
    rb"|.*pulse(audio)?.*(Connection refused|Connection terminated)"
    rb"|(Failed to create secure directory|Home directory not accessible).*"
    rb")"
)


@contextlib.contextmanager
def kept_from_the_screen() -> Iterator[None]:
    """Drop the known lines of C libraries on descriptor 2 while the block runs."""
    if sys.stderr is None or os.environ.get("STREAMPLAY_DEBUG"):
        yield
        return
    try:
        if sys.stderr.fileno() != 2:  # a program that has put another stream there
            yield
            return
        before = os.dup(2)
    except (OSError, ValueError, AttributeError):
        yield
        return
    reading, writing = os.pipe()
    python = sys.stderr
    sys.stderr = open(  # noqa: SIM115, PTH123 - closed below; it stands for the stream before
        os.dup(before), "w", buffering=1, encoding=python.encoding, errors=python.errors
    )
    os.dup2(writing, 2)
    os.close(writing)
    reader = threading.Thread(
        target=_pass_on, args=(reading, before), name="streamplay-stderr", daemon=True
    )
    reader.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.close()
        sys.stderr = python
        os.dup2(before, 2)  # the last writer of the pipe, but for children that live on
        reader.join(0.2)
        os.close(before)


def _pass_on(reading: int, where: int) -> None:
    """Pass on what is no known line."""
    where = os.dup(where)
    with os.fdopen(reading, "rb") as lines, contextlib.suppress(OSError):
        for line in lines:
            if not re.match(_KNOWN, line):
                os.write(where, line)
    with contextlib.suppress(OSError):
        os.close(where)
