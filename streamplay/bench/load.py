"""A load on the targets: each request begins when it is due.

Closed loop: a fixed number of requests at a time, each begun when an earlier one has ended; a slow
server gets fewer requests, as from a fixed number of users. Open loop: each request begins when
the schedule says, even if earlier ones have not ended, and its latency counts from that moment. So
a server that hangs delays all requests that were due meanwhile (coordinated omission:
https://github.com/giltene/wrk2). The number of connections is not limited, so that no request
waits in the queue of a pool.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamplay.bench.lag import LATE_START_MS, Lag
from streamplay.bench.observe import import_decoding, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streamplay.bench.plan import Job, Load
    from streamplay.bench.sample import Sample
    from streamplay.bench.target import Target
    from streamplay.network.api import SpeechApi

# The selector may sleep a millisecond too long; the last part of a wait polls the clock.
_SPIN_SECONDS: Final = 0.0015

# Begin one after another: otherwise the opening of many connections at once is measured.
_RAMP_SECONDS: Final = 0.01
_LONGEST_RAMP_SECONDS: Final = 5.0


@dataclass
class LoadRun:
    """What was observed of a load.

    Attributes
    ----------
    samples : list of Sample
        The requests that count, in the order in which they ended.
    lag : Lag
        The lag of the tool itself.
    begun, ended : float
        When the part that counts began and ended.
    warmups : list of Sample
        The requests that do not count.
    interrupted : bool
        Whether it was stopped before its time.
    """

    samples: list[Sample] = field(default_factory=list)
    warmups: list[Sample] = field(default_factory=list)
    lag: Lag = field(default_factory=Lag)
    begun: float = 0.0
    ended: float = 0.0
    interrupted: bool = False

    @property
    def late_starts(self) -> int:
        """How many requests began too late."""
        late = LATE_START_MS / 1000
        return sum(sample.begun - sample.intended > late for sample in self.samples)


class Runner:
    """Puts a load on targets.

    Parameters
    ----------
    targets : sequence of Target
        The targets.
    load : Load
        Which requests, and when.
    local : str, optional
        The base URL of the built-in voice's server, if a target is local.
    watch : callable, optional
        Takes each sample when its request has ended.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        load: Load,
        *,
        local: str | None = None,
        watch: Callable[[Sample], object] = lambda _: None,
    ) -> None:
        self._targets = targets
        self._load = load
        self._local = local
        self._watch = watch
        self._clock = time.perf_counter
        self.run = LoadRun()
        self._apis: list[SpeechApi] = []
        self._stopped = False

    def stop(self) -> None:
        """Begin no more requests; wait for those that have begun."""
        self._stopped = self.run.interrupted = True

    async def __call__(self) -> LoadRun:
        """Make all requests; return what was observed."""
        import_decoding()
        async with AsyncExitStack() as stack:
            for target in self._targets:
                self._apis.append(await stack.enter_async_context(target.client(self._local)))
            for job in self._load.warmups(len(self._targets)):
                self.run.warmups.append(await self._make(job, self._clock()))
            stack.enter_context(_on_interrupt(self.stop))
            stack.enter_context(_settled())
            async with self.run.lag:
                self.run.begun = self._clock()
                await (self._closed() if self._load.rate is None else self._open())
                self.run.ended = self._clock()
        return self.run

    async def _closed(self) -> None:
        jobs = self._jobs()

        async def user(number: int) -> None:
            await asyncio.sleep(min(number * _RAMP_SECONDS, _LONGEST_RAMP_SECONDS))
            for job in jobs:
                self._take(await self._make(job, None))

        async with asyncio.TaskGroup() as group:
            for number in range(self._load.concurrency):
                group.create_task(user(number))

    async def _open(self) -> None:
        async with asyncio.TaskGroup() as group:
            for job in self._load.jobs(len(self._targets)):
                due = self.run.begun + (job.due or 0.0)
                if self._load.duration is not None and (job.due or 0.0) >= self._load.duration:
                    return
                await self._wait_until(due)
                if self._stopped:
                    return
                group.create_task(self._do(job, due))

    async def _do(self, job: Job, due: float) -> None:
        self._take(await self._make(job, due))

    async def _wait_until(self, due: float) -> None:
        while True:
            left = due - self._clock()
            if left <= 0:
                return
            await asyncio.sleep(max(0.0, left - _SPIN_SECONDS))

    def _jobs(self) -> Iterator[Job]:
        """Yield the requests of the closed loop until the duration is over."""
        duration = self._load.duration
        for job in self._load.jobs(len(self._targets)):
            over = duration is not None and self._clock() - self.run.begun >= duration
            if self._stopped or over:
                return
            yield job

    async def _make(self, job: Job, due: float | None) -> Sample:
        """Make one request; without a `due` time it is due now."""
        target = self._targets[job.target]
        request = target.request(job.text)
        async with AsyncExitStack() as stack:
            client = self._apis[job.target]
            if self._load.cold:
                # Its certificates have been read: that is not the server's time.
                client = await stack.enter_async_context(client.beside())
            intended = self._clock() if due is None else due
            return await observe(client, request, job, intended, keep=self._load.play)

    def _take(self, sample: Sample) -> None:
        self.run.samples.append(sample)
        self._watch(sample)


@contextmanager
def _settled() -> Iterator[None]:
    """Exclude the objects that exist now from garbage collections inside the block."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _on_interrupt(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` on the first Ctrl-C, so that what was measured is printed; a second one raises."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        act()

    # On Windows and outside the main thread there is no handler: the first Ctrl-C raises.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)
