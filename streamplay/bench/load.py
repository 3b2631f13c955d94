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
import time
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Final

from streamplay.bench import lateness
from streamplay.bench.interrupts import CUT, Interrupts
from streamplay.bench.lag import LATE_START_MS, Lag
from streamplay.bench.observe import import_decoding, observe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence

    from streamplay.bench.plan import Job, Load
    from streamplay.bench.sample import Sample
    from streamplay.bench.target import Target
    from streamplay.network.api import SpeechApi

# The selector may sleep a millisecond too long; the last part of a wait polls the clock.
_SPIN_SECONDS: Final = 0.0015

# Begin one after another: otherwise the opening of many connections at once is measured.
_RAMP_SECONDS: Final = 0.01
_LONGEST_RAMP_SECONDS: Final = 5.0

# So many more objects: those of 600 streams, or what 2000 to 4000 requests that have failed leave.
_COLLECT_AFTER: Final = 200_000


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
    cut_off : int
        The requests that were on their way when it was; they are in no figure.
    processes : int
        The processes that measured; `lag` is that of the one that was latest.
    late_since : float or None
        When an overload of the tool began; None if there was none.
    """

    samples: list[Sample] = field(default_factory=list)
    warmups: list[Sample] = field(default_factory=list)
    lag: Lag = field(default_factory=Lag)
    begun: float = 0.0
    ended: float = 0.0
    interrupted: bool = False
    cut_off: int = 0
    processes: int = 1
    late_since: float | None = None

    @property
    def late_starts(self) -> int:
        """How many requests began too late."""
        late = LATE_START_MS / 1000
        return sum(sample.begun - sample.intended > late for sample in self.samples)

    def streams_at(self, moment: float) -> int:
        """Return how many requests were on their way at a moment."""
        return sum(sample.begun <= moment < sample.ended for sample in self.samples)

    @property
    def most_streams(self) -> int:
        """The largest number of requests that were on their way at once."""
        turns = [(sample.begun, 1) for sample in self.samples]
        turns += [(sample.ended, -1) for sample in self.samples]
        return max(accumulate(step for _, step in sorted(turns)), default=0)

    def judge_lateness(self) -> None:
        """Note with each sample how late the tool was meanwhile."""
        self.late_since = self.lag.late_since()
        for sample in self.samples:
            sample.late = lateness.judge(
                self.lag,
                intended=sample.intended,
                begun=sample.begun,
                ended=sample.ended,
                moments=sample.moments,
                arrivals=sample.arrivals,
            )


@dataclass(frozen=True, kw_only=True)
class Share:
    """The part of a load that one of several processes makes.

    Parameters
    ----------
    index, processes : int
        It makes every job whose number leaves `index` when divided by `processes`.
    start : callable, optional
        Is awaited when all is ready; returns when the schedule begins, by the clock that all
        processes share. Without it: at once.
    """

    index: int = 0
    processes: int = 1
    start: Callable[[], Awaitable[float]] | None = None


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
    interrupts : Interrupts, optional
        The signals that end the run.
    share : Share, optional
        The part of the load that is made here: all, unless given.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        load: Load,
        *,
        local: str | None = None,
        watch: Callable[[Sample], object] = lambda _: None,
        interrupts: Interrupts | None = None,
        share: Share | None = None,
    ) -> None:
        self._targets = targets
        self._load = load
        self._local = local
        self._watch = watch
        self._interrupts = interrupts or Interrupts()
        self._share = share or Share()
        self._clock = time.perf_counter
        self.run = LoadRun()
        self._apis: list[SpeechApi] = []
        self._stopped = False
        self._schedule: asyncio.Task[None] | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None  # a fault of this program, no server's

    def stop(self) -> None:
        """Begin no more requests; wait for those that have begun."""
        self._stopped = self.run.interrupted = True
        if self._schedule is not None:
            self._schedule.cancel()

    def cut(self) -> None:
        """Begin no more requests, and cut off those that have begun."""
        self.stop()
        for request in self._requests:
            request.cancel()

    async def __call__(self) -> LoadRun:
        """Make all requests; return what was observed."""
        import_decoding()
        loop = asyncio.get_running_loop()

        def interrupted(count: int) -> None:
            loop.call_soon_threadsafe(self.cut if count >= CUT else self.stop)

        async with AsyncExitStack() as stack:
            stack.enter_context(self._interrupts.telling(interrupted))
            for target in self._targets:
                self._apis.append(await stack.enter_async_context(target.client(self._local)))
            await self._scheduled(self._warm_up())
            stack.enter_context(_settled())
            begin = await self._share.start() if self._share.start else None
            async with self.run.lag:
                self.run.begun = begin or self._clock()
                await self._scheduled(self._closed() if self._load.rate is None else self._open())
                await self._end_of_requests()
                self.run.ended = self._clock()
        self.run.judge_lateness()
        return self.run

    async def _scheduled(self, schedule: Coroutine[None, None, None]) -> None:
        """Run a part of the load, until it ends or is stopped."""
        self._schedule = asyncio.create_task(schedule)
        if self._stopped:
            self._schedule.cancel()
        await asyncio.wait([self._schedule])
        if not self._schedule.cancelled():
            self._schedule.result()
        self._schedule = None

    async def _end_of_requests(self) -> None:
        while self._requests:
            await asyncio.wait(self._requests)
        if self._failure is not None:
            raise self._failure

    async def _warm_up(self) -> None:
        for job in self._load.warmups(len(self._targets)):
            self.run.warmups.append(await self._make(job, self._clock()))

    async def _closed(self) -> None:
        jobs, share = self._jobs(), self._share
        users = range(share.index, self._load.concurrency, share.processes)
        between = between_users(self._load.concurrency)

        async def user(number: int) -> None:
            begin = self.run.begun + number * between
            await self._wait_until(begin)
            for job in jobs:
                # A task of its own: the users end when the run is stopped, their requests do not.
                await asyncio.wait([self._begin(job, None)])

        async with asyncio.TaskGroup() as group:
            for number in users:
                group.create_task(user(number))

    async def _open(self) -> None:
        duration = self._load.duration
        for job in self._shared(self._load.jobs(len(self._targets))):
            after = job.due or 0.0
            if duration is not None and after >= duration:
                return
            await self._wait_until(self.run.begun + after)
            self._begin(job, self.run.begun + after)

    def _begin(self, job: Job, due: float | None) -> asyncio.Task[None]:
        request = asyncio.create_task(self._do(job, due))
        self._requests.add(request)
        request.add_done_callback(self._done)
        return request

    def _done(self, request: asyncio.Task[None]) -> None:
        self._requests.discard(request)
        if request.cancelled():
            self.run.cut_off += 1
        elif (error := request.exception()) is not None:
            self._failure = error
            self.cut()

    async def _do(self, job: Job, due: float | None) -> None:
        sample = await self._make(job, due)
        self.run.samples.append(sample)
        self._watch(sample)

    async def _wait_until(self, due: float) -> None:
        while True:
            left = due - self._clock()
            if left <= 0:
                return
            await asyncio.sleep(max(0.0, left - _SPIN_SECONDS))

    def _shared(self, jobs: Iterator[Job]) -> Iterator[Job]:
        """Yield the jobs of this process: every process counts all of them."""
        return islice(jobs, self._share.index, None, self._share.processes)

    def _jobs(self) -> Iterator[Job]:
        """Yield the requests of the closed loop until the duration is over."""
        duration = self._load.duration
        for job in self._shared(self._load.jobs(len(self._targets))):
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


def between_users(count: int) -> float:
    """Return the seconds from one user's beginning to the next one's."""
    return min(_RAMP_SECONDS, _LONGEST_RAMP_SECONDS / count)


@contextmanager
def _settled() -> Iterator[None]:
    """Let the garbage collector run rarely inside the block, and not over what exists now.

    A collection stops the loop for 0.3 ms for each thousand objects, and a stream has some 300. A
    request that has ended well is freed without it.
    """
    gc.collect()
    gc.freeze()
    usual = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def raise_descriptor_limit() -> None:
    """Raise the limit of open files as far as the system allows: 1024 are too few."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
