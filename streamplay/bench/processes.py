"""A load that several processes share: one seed, one schedule, one clock, one result.

Each process counts all jobs and makes every n-th. What they measured is put together request by
request, not as percentiles, so that percentiles, intervals and pairs are those of one process. The
clock is `time.perf_counter`, which is one for all processes of Linux, macOS and Windows.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from typing import IO, TYPE_CHECKING, Any, Final, Self

from streamplay.bench.interrupts import CUT
from streamplay.bench.load import LoadRun
from streamplay.bench.worker import READY
from streamplay.errors import StreamPlayError

if TYPE_CHECKING:
    from streamplay.bench.interrupts import Interrupts
    from streamplay.bench.setup import Setup

# From the last `ready` to the beginning: each has read the moment by then.
_START_SECONDS: Final = 0.25

_COMMAND: Final = (sys.executable, "-m", "streamplay.bench.worker")


def run(setup: Setup, interrupts: Interrupts, *, local: str | None = None) -> LoadRun:
    """Put the load on the targets from `Load.processes` processes; return what they observed.

    Raises
    ------
    StreamPlayError
        If one of the processes ended without a result.
    """
    with ExitStack() as stack:
        workers = [
            stack.enter_context(_Worker(setup, index, local))
            for index in range(setup.load.processes)
        ]

        def interrupted(count: int) -> None:
            for worker in workers:
                worker.interrupt(count)

        stack.enter_context(interrupts.telling(interrupted))
        for worker in workers:
            worker.await_ready()
        start = time.perf_counter() + _START_SECONDS
        for worker in workers:
            worker.send(f"start {start!r}\n")
        return merged([worker.result() for worker in workers])


def merged(runs: list[LoadRun]) -> LoadRun:
    """Return several processes' runs as one."""
    latest = max(runs, key=lambda run: run.lag.facts()["p99"] or 0.0).lag
    latest.cpu_seconds = sum(run.lag.cpu_seconds for run in runs)
    since = [run.late_since for run in runs if run.late_since is not None and not run.lag.valid]
    return LoadRun(
        samples=sorted((s for run in runs for s in run.samples), key=lambda s: s.ended),
        warmups=[sample for run in runs for sample in run.warmups],
        lag=latest,
        begun=min(run.begun for run in runs),
        ended=max(run.ended for run in runs),
        interrupted=any(run.interrupted for run in runs),
        cut_off=sum(run.cut_off for run in runs),
        processes=len(runs),
        late_since=min(since, default=None),
    )


class _Worker:
    """One process: a context manager that ends it."""

    def __init__(self, setup: Setup, index: int, local: str | None) -> None:
        # In a session of its own: a Ctrl-C at the terminal reaches it by us alone.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self._process = subprocess.Popen(  # noqa: S603  our own module
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **apart
        )
        order = {"setup": setup.to_dict(), "index": index, "local": local}
        self.send(json.dumps(order) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()  # the end of its input ends it
        self._process.wait()

    def await_ready(self) -> None:
        """Wait until it has imported everything, and has made its warm-up."""
        if self._output.readline() != READY:
            raise _died()

    def send(self, line: str) -> None:
        """Send it a line; a process that has ended already takes none."""
        assert self._process.stdin is not None
        data = memoryview(line.encode())
        with suppress(BrokenPipeError):
            while data:
                data = data[os.write(self._process.stdin.fileno(), data) :]

    def interrupt(self, count: int) -> None:
        """Tell it of a signal: called by the handler."""
        self.send("cut\n" if count >= CUT else "stop\n")

    def result(self) -> LoadRun:
        """Wait for what it observed."""
        data = b"".join(iter(lambda: self._output.read(1 << 20), b""))
        try:
            found: LoadRun = pickle.loads(data)  # noqa: S301  from our own child
        except (EOFError, pickle.UnpicklingError):
            raise _died() from None
        return found

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


def _died() -> StreamPlayError:
    return StreamPlayError(
        "a measuring process ended without a result", remedy="Try again with fewer --processes"
    )
