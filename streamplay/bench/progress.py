"""The progress of a run: requests made, rate, failures, percentiles so far."""

from __future__ import annotations

import time
from bisect import insort
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from streamplay.bench.statistics import PERCENTILES, needed, percentile
from streamplay.bench.table import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from streamplay.bench.sample import Sample
    from streamplay.bench.target import Target

_A_SECOND: Final = 4
"""Refreshes a second: each takes about a millisecond of the event loop's time."""

_BAR: Final = 30


class Tally:
    """The results so far, for each target.

    Parameters
    ----------
    targets : sequence of Target
        The targets.
    total : int or None
        The number of requests in all, if it is known.
    duration : float or None
        For how many seconds requests are begun.
    """

    def __init__(
        self, targets: Sequence[Target], total: int | None, duration: float | None
    ) -> None:
        self._names = [target.name for target in targets]
        self._total = total
        self._duration = duration
        self._begun = time.perf_counter()
        self._ended = 0
        self._audio = 0.0
        self._errors = [Counter[str]() for _ in targets]
        self._first_audio: list[list[float]] = [[] for _ in targets]
        self._in_all: list[list[float]] = [[] for _ in targets]

    def take(self, sample: Sample) -> None:
        """Count one request."""
        index = sample.job.target
        self._ended += 1
        self._audio += sample.seconds
        if sample.error is not None:
            self._errors[index][sample.error] += 1
            return
        if sample.arrivals:
            insort(self._first_audio[index], 1000 * (sample.arrivals[0][0] - sample.intended))
        insort(self._in_all[index], 1000 * (sample.ended - sample.intended))

    @property
    def share(self) -> float | None:
        """The share that is done, from 0 to 1; None if it is unknown."""
        shares = []
        if self._total:
            shares.append(self._ended / self._total)
        if self._duration:
            shares.append((time.perf_counter() - self._begun) / self._duration)
        return min(1.0, max(shares)) if shares else None

    def progress(self) -> str:
        """Return one line: requests made, and their rate."""
        seconds = max(time.perf_counter() - self._begun, 1e-9)
        of = f" of {self._total}" if self._total else ""
        share = self.share
        bar = "" if share is None else f"{'━' * round(share * _BAR):<{_BAR}} {share:4.0%}  "
        speed = f"{self._ended / seconds:.1f} requests/s, {self._audio / seconds:.1f} s of audio/s"
        return f"{bar}{self._ended}{of} requests, {seconds:.0f} s, {speed}"

    def rows(self) -> list[list[str]]:
        """Return a row for each target."""
        return [
            [
                name,
                str(len(self._in_all[index])),
                ", ".join(f"{count} {kind}" for kind, count in self._errors[index].items()) or "-",
                _running(self._first_audio[index]),
                _running(self._in_all[index]),
            ]
            for index, name in enumerate(self._names)
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        del console, options
        yield Text(self.progress())
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("TARGET", "OK", "FAILED", "FIRST AUDIO ms", "ALL RECEIVED ms"):
            table.add_column(column)
        for row in self.rows():
            table.add_row(*map(Text, row))
        yield table


def _running(ranked: Sequence[float]) -> str:
    """Return the median and the p95, if there are enough requests: a row fits 80 columns."""
    stated = (
        f"{name} {number(percentile(ranked, p))}"
        for name, p in PERCENTILES.items()
        if name in ("p50", "p95") and len(ranked) >= needed(p)
    )
    return "  ".join(stated) or "-"


class View:
    """A context manager that shows a tally on standard error.

    Parameters
    ----------
    tally : Tally
        The results to show.
    """

    def __init__(self, tally: Tally) -> None:
        from rich.console import Console
        from rich.live import Live

        # No thread draws: it would take the interpreter's lock from the event loop at any moment.
        # A request that ends draws, at most `_A_SECOND` times a second.
        self._live = Live(tally, console=Console(stderr=True), auto_refresh=False, transient=True)
        self._tally = tally
        self._drawn = 0.0

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def take(self, sample: Sample) -> None:
        """Count a request, and draw if that is due."""
        self._tally.take(sample)
        now = time.perf_counter()
        if now - self._drawn >= 1 / _A_SECOND:
            self._drawn = now
            self._live.refresh()
