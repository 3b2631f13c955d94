"""The result of a run: every measure of every target, comparisons, and whether it is valid."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench.compare import Pair, pair
from streamplay.bench.lag import LAG_LIMIT_MS
from streamplay.bench.measures import BY_NAME, MEASURES, SCHEMA
from streamplay.bench.sample import Values, measured
from streamplay.bench.statistics import PERCENTILES, Summary, summarise
from streamplay.bench.steady import SlowStart, given_between, slow_start, whole_load
from streamplay.policy.learning import Memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamplay.bench.load import LoadRun
    from streamplay.bench.sample import Sample
    from streamplay.bench.target import Target


@dataclass(frozen=True)
class Row:
    """One request that counts, and its measures; no measures if it failed.

    `own_stalls` are those that may be the tool's own lateness; they are in no measure.
    """

    sample: Sample
    values: Values
    own_stalls: int = 0


@dataclass(frozen=True)
class Steady:
    """The part of a run in which the load was whole, and the target warm.

    Parameters
    ----------
    since, until : float
        By the run's clock.
    rows : list of Row
        The target's complete requests that began and ended in it.
    throughput : dict
        What the target gave in a second of it.
    """

    since: float
    until: float
    rows: list[Row]
    throughput: dict[str, float]

    @property
    def requests(self) -> int:
        """How many requests it holds whole."""
        return len(self.rows)

    def summary(self, name: str) -> Summary | None:
        """Return the summary of a measure; None if it was never measured there."""
        found = [value for row in self.rows if (value := row.values.get(name)) is not None]
        return summarise(found, share=BY_NAME[name].unit == "share") if found else None

    def to_dict(self, begun: float) -> dict[str, Any]:
        """Return it as JSON-ready dictionaries; times in seconds since `begun`."""
        return {
            "since_s": round(self.since - begun, 3),
            "until_s": round(self.until - begun, 3),
            "requests": self.requests,
            "throughput": {name: _round(value) for name, value in self.throughput.items()},
            "measures": {
                each.name: _measure(each.unit, self.summary(each.name))
                for each in MEASURES
                if each.compared
            },
        }


@dataclass(frozen=True)
class Outcome:
    """The results of one target.

    Parameters
    ----------
    target : Target
        The target.
    rows : list of Row
        Every request, in the order in which they ended.
    summaries : dict
        A summary for each measure; None if it was never measured.
    errors : dict
        The number of failures, for each type of error.
    own_errors : dict
        Those that may be the tool's own: they are not in `errors`.
    begun, seconds : float
        When the run began, and how long it took.
    slow_start : SlowStart, optional
        The first requests, where they were slower than the later ones.
    steady : Steady, optional
        The part in which the load was whole; None where no request lies in it.
    """

    target: Target
    rows: list[Row]
    summaries: dict[str, Summary | None]
    errors: dict[str, int]
    own_errors: dict[str, int] = field(default_factory=dict)
    begun: float = 0.0
    seconds: float = 0.0
    slow_start: SlowStart | None = None
    steady: Steady | None = None

    @property
    def complete(self) -> int:
        """The number of complete requests."""
        return len(self.rows) - sum(self.errors.values()) - self.unjudged

    @property
    def unjudged(self) -> int:
        """The number of requests that failed, maybe by the tool's own lateness."""
        return sum(self.own_errors.values())

    @property
    def blurred(self) -> int:
        """The number of complete requests of which a moment may be the tool's own lateness."""
        late = [each for each in self.rows if each.sample.complete and each.sample.late is not None]
        names = ("sent", "headers", "first_byte", "first_audio", "total")
        return sum(any(each.values.get(name) is None for name in names) for each in late)

    @property
    def voice(self) -> str:
        """The requested voice; for the built-in voice, the one that really spoke."""
        asked = self.target.request(".").voice or ""
        spoke = {row.sample.voice for row in self.rows if row.sample.complete}
        return spoke.pop() if self.target.options.local and len(spoke) == 1 else asked

    @property
    def throughput(self) -> dict[str, float | None]:
        """What the complete requests gave in a second of the run; None for a run without time."""
        whole = [row.sample for row in self.rows if row.sample.complete]
        sums = {
            "audio_seconds_per_second": sum(sample.seconds for sample in whole),
            "characters_per_second": sum(len(sample.job.text) for sample in whole),
            "requests_per_second": len(whole),
        }
        if not self.seconds:
            return dict.fromkeys(sums)
        return {name: _round(total / self.seconds) for name, total in sums.items()}

    def values(self, name: str) -> list[float]:
        """Return the values of one measure, from every request that has it."""
        found = (row.values.get(name) for row in self.rows)
        return [value for value in found if value is not None]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready dictionaries."""
        return {
            "name": self.target.name,
            "model": self.target.model,
            "voice": self.voice,
            "base_url": self.target.base_url,
            "requests": len(self.rows),
            "characters": sum(len(row.sample.job.text) for row in self.rows),
            "errors": self.errors,
            "unjudged": self.unjudged,
            "throughput": self.throughput,
            "warmup": None if self.slow_start is None else self._warmup(self.slow_start),
            "steady": None if self.steady is None else self.steady.to_dict(self.begun),
            "measures": {
                each.name: _measure(each.unit, self.summaries[each.name]) for each in MEASURES
            },
        }

    def _warmup(self, found: SlowStart) -> dict[str, Any]:
        return {
            "measure": found.measure,
            "requests": found.requests,
            "until_s": round(self.warm_at - self.begun, 3),
            "first": _round(found.first),
            "then": _round(found.then),
        }

    @property
    def warm_at(self) -> float:
        """When the last request of the slow beginning had ended, by the run's clock."""
        count = 0 if self.slow_start is None else self.slow_start.requests
        return max((row.sample.ended for row in in_order(self.rows)[:count]), default=self.begun)


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of complete requests in the order in which they were due."""
    return sorted((row for row in rows if row.sample.complete), key=lambda row: row.sample.intended)


@dataclass(frozen=True)
class Result:
    """The result of a benchmark.

    Parameters
    ----------
    command, seed, started
        How the run was made.
    outcomes : list of Outcome
        One for each target.
    pairs : list of Pair
        One for each two targets and each measure that is compared.
    run : LoadRun
        What was observed.
    invalid : tuple of str
        Why the figures would mislead; empty if they are valid.
    notes : tuple of str
        Facts that make nothing invalid.
    verdicts : list of dict
        One for each objective or limit and each target.
    capacity : dict, optional
        The result of a search for the capacity.
    sweep : dict, optional
        The result of a sweep over rates.
    setup : dict, optional
        How the run was made: `streamplay.bench.setup`.
    """

    command: str
    seed: int
    started: str
    outcomes: list[Outcome]
    pairs: list[Pair]
    run: LoadRun
    invalid: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    capacity: dict[str, Any] | None = None
    sweep: dict[str, Any] | None = None
    setup: dict[str, Any] | None = None

    @property
    def valid(self) -> bool:
        """Whether the tool itself was quick enough."""
        return not self.invalid

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "schema": SCHEMA,
            "command": self.command,
            "seed": self.seed,
            "started": self.started,
            "valid": self.valid,
            "invalid": list(self.invalid),
            "notes": list(self.notes),
            "targets": [outcome.to_dict() for outcome in self.outcomes],
            "pairs": [
                {**asdict(each), "ci95": list(each.ci95) if each.ci95 else None, "says": each.says}
                for each in self.pairs
            ],
            "verdicts": self.verdicts,
            **({"capacity": self.capacity} if self.capacity else {}),
            **({"sweep": self.sweep} if self.sweep else {}),
            **({"setup": self.setup} if self.setup else {}),
            "tool": self._tool(),
        }

    def _tool(self) -> dict[str, Any]:
        """Return what the tool itself was like, and what happened while it was late."""
        run, own = self.run, Counter[str]()
        for outcome in self.outcomes:
            own.update(outcome.own_errors)
        since = overload(run)
        return {
            "loop_lag_ms": run.lag.facts(),
            "late_starts": run.late_starts,
            "cpu_seconds": round(run.lag.cpu_seconds, 3),
            "seconds": round(run.ended - run.begun, 3),
            "processes": run.processes,
            "errors": dict(own),
            "stalls": sum(row.own_stalls for each in self.outcomes for row in each.rows),
            "invalid_since_s": None if since is None else round(since - run.begun, 3),
            "streams_at_invalid": None if since is None else run.streams_at(since),
        }


def overload(run: LoadRun) -> float | None:
    """Return since when an invalid run was invalid, by its clock; None if it is valid."""
    if run.lag.valid:
        return None
    return run.begun if run.late_since is None else run.late_since


def conclude(
    run: LoadRun, targets: Sequence[Target], *, command: str, seed: int, started: str
) -> Result:
    """Measure every sample, and summarise them."""
    rows = _rows(run, targets)
    seconds = max(0.0, run.ended - run.begun)
    whole = whole_load([(sample.begun, sample.ended) for sample in run.samples])
    outcomes = [
        _steadied(replace(_outcome(target, rows[index], seconds), begun=run.begun), whole)
        for index, target in enumerate(targets)
    ]
    pairs = [
        found
        for a, b in combinations(outcomes, 2)
        for found in (_pair(a, b, each.name) for each in MEASURES if each.compared)
        if found is not None
    ]
    return Result(
        command,
        seed,
        started,
        outcomes,
        pairs,
        run,
        tuple(_faults(run)),
        tuple(_notes(run, outcomes)),
    )


def _rows(run: LoadRun, targets: Sequence[Target]) -> defaultdict[int, list[Row]]:
    """Measure in the order in which requests ended: the policy learns from each for the next."""
    rows: defaultdict[int, list[Row]] = defaultdict(list)
    memories = [Memory() for _ in targets]
    for sample in (*run.warmups, *run.samples):
        index = sample.job.target
        values: Values = {}
        own_stalls = 0
        if sample.complete:
            where = targets[index].base_url, targets[index].model
            values, own_stalls = measured(sample, memories[index], *where)
        if not sample.job.warmup:
            rows[index].append(Row(sample, values, own_stalls))
    return rows


def _outcome(target: Target, rows: list[Row], seconds: float) -> Outcome:
    failed = [row.sample for row in rows if row.sample.error]
    errors = Counter(str(sample.error) for sample in failed if not sample.own_error)
    own = Counter(str(sample.error) for sample in failed if sample.own_error)
    outcome = Outcome(target, rows, {}, dict(errors), dict(own), seconds=seconds)
    for each in MEASURES:
        found = outcome.values(each.name)
        share = each.unit == "share"
        outcome.summaries[each.name] = summarise(found, share=share) if found else None
    return outcome


# In which a cold server shows: how long it takes to begin, and to go on.
_OF_A_WARM_SERVER: Final = ("first_audio", "rtf")


def _steadied(outcome: Outcome, whole: tuple[float, float] | None) -> Outcome:
    """Return an outcome with its slow beginning, if there is one, and its steady part."""
    rows = in_order(outcome.rows)
    starts = [
        slow_start(name, [v for row in rows if (v := row.values.get(name)) is not None])
        for name in _OF_A_WARM_SERVER
    ]
    slow = max(filter(None, starts), key=lambda start: start.requests, default=None)
    outcome = replace(outcome, slow_start=slow)
    if whole is None:
        return outcome
    since, until = max(whole[0], outcome.warm_at), whole[1]
    inside = [row for row in rows if since <= row.sample.intended and row.sample.ended <= until]
    if not inside:
        return outcome
    given = given_between([row.sample for row in rows], since, until)
    return replace(outcome, steady=Steady(since, until, inside, given))


def _pair(a: Outcome, b: Outcome, name: str) -> Pair | None:
    """Compare two targets turn by turn; None if one of them lacks the measure."""
    theirs = {row.sample.job.turn: row.values.get(name) for row in b.rows}
    both = [
        (mine, other)
        for row in a.rows
        if (mine := row.values.get(name)) is not None
        and (other := theirs.get(row.sample.job.turn)) is not None
    ]
    return pair(a.target.name, b.target.name, name, both) if both else None


def _measure(unit: str, summary: Summary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    numbers = {
        "mean": summary.mean,
        "sd": summary.sd,
        **{name: summary.percentiles.get(name) for name in PERCENTILES},
        "max": summary.max,
    }
    rounded = {key: None if value is None else _round(value) for key, value in numbers.items()}
    ends = {key: [_round(end) for end in pair_] for key, pair_ in summary.ci95.items()}
    return {"unit": unit, "n": summary.n, **rounded, "outliers": summary.outliers, "ci95": ends}


def _round(value: float) -> float:
    """Round to a microsecond: further digits are noise."""
    return round(value, 4)


def _faults(run: LoadRun) -> list[str]:
    since = overload(run)
    if since is None:
        return []
    lag = run.lag.facts()["p99"]
    late = f"the tool's own event loop was {lag:.1f} ms late at p99, beyond {LAG_LIMIT_MS:g} ms"
    when = f"since {max(0.0, since - run.begun):.1f} s"
    if run.most_streams <= 1:
        return [f"{late}, {when}: measure on an idle machine"]
    streams = run.streams_at(since)
    beyond = f"{streams} stream{'' if streams == 1 else 's'}"
    where = f"{when}, and beyond {beyond}"
    return [f"{late}, {where}: ask for fewer at a time, for --processes, or of an idle machine"]


def _notes(run: LoadRun, outcomes: Sequence[Outcome]) -> list[str]:
    notes = []
    if run.interrupted:
        cut = f"; {run.cut_off} more were on their way, and cut off" if run.cut_off else ""
        notes.append(f"interrupted after {len(run.samples)} requests{cut}")
    for outcome in outcomes:
        failed = sum(outcome.errors.values())
        if failed:
            notes.append(
                f"{outcome.target.name}: {failed} of {len(outcome.rows)} requests failed, and are "
                "in no percentile"
            )
        if outcome.unjudged:
            notes.append(
                f"{outcome.target.name}: {outcome.unjudged} more failed while the tool itself was "
                "late: they are the tool's, and not counted against the server"
            )
        if outcome.blurred:
            notes.append(
                f"{outcome.target.name}: moments of {outcome.blurred} of {outcome.complete} "
                "requests are not counted, for the tool itself was late then: N is smaller there"
            )
        if outcome.slow_start is not None:
            notes.append(f"{outcome.target.name}: {_told_slow(outcome, outcome.slow_start)}")
        whole = sum(len(row.sample.arrivals) == 1 for row in outcome.rows if row.sample.complete)
        if whole:
            came = f"{whole} of {outcome.complete} answers came at once"
            notes.append(f"{outcome.target.name}: {came}: stalls and continuity are n/a for them")
        voice = outcome.summaries["first_voice"]
        if voice and voice.outliers:
            notes.append(
                f"{outcome.target.name}: outliers in first_voice (beyond 1.5 interquartile "
                f"ranges), which count: {voice.outliers}"
            )
    return notes


def _told_slow(outcome: Outcome, found: SlowStart) -> str:
    until = outcome.warm_at - outcome.begun
    return (
        f"the first {found.requests} requests, until {until:.1f} s, were slower: {found.measure} "
        f"{found.first:.4g} against {found.then:.4g}. The server was cold, maybe. They count: "
        f"--warmup {found.requests} leaves them out"
    )
