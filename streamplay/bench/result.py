"""The result of a run: every measure of every target, comparisons, and whether it is valid."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from streamplay.bench.compare import Pair, pair
from streamplay.bench.lag import LAG_LIMIT_MS
from streamplay.bench.measures import MEASURES, SCHEMA
from streamplay.bench.sample import measure
from streamplay.bench.statistics import PERCENTILES, Summary, summarise
from streamplay.policy.learning import Memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamplay.bench.load import LoadRun
    from streamplay.bench.sample import Sample
    from streamplay.bench.target import Target

Values = dict[str, float | None]


@dataclass(frozen=True)
class Row:
    """One request that counts, and its measures; no measures if it failed."""

    sample: Sample
    values: Values


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
    """

    target: Target
    rows: list[Row]
    summaries: dict[str, Summary | None]
    errors: dict[str, int]

    @property
    def complete(self) -> int:
        """The number of complete requests."""
        return len(self.rows) - sum(self.errors.values())

    @property
    def voice(self) -> str:
        """The requested voice; for the built-in voice, the one that really spoke."""
        asked = self.target.request(".").voice or ""
        spoke = {row.sample.voice for row in self.rows if row.sample.complete}
        return spoke.pop() if self.target.options.local and len(spoke) == 1 else asked

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
            "measures": {
                each.name: _measure(each.unit, self.summaries[each.name]) for each in MEASURES
            },
        }


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
            "tool": {
                "loop_lag_ms": self.run.lag.facts(),
                "late_starts": self.run.late_starts,
                "cpu_seconds": round(self.run.lag.cpu_seconds, 3),
                "seconds": round(self.run.ended - self.run.begun, 3),
            },
        }


def conclude(
    run: LoadRun, targets: Sequence[Target], *, command: str, seed: int, started: str
) -> Result:
    """Measure every sample, and summarise them."""
    rows = _rows(run, targets)
    outcomes = [_outcome(target, rows[index]) for index, target in enumerate(targets)]
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
        if sample.complete:
            target = targets[index]
            values = measure(sample, memories[index], target.base_url, target.model)
        if not sample.job.warmup:
            rows[index].append(Row(sample, values))
    return rows


def _outcome(target: Target, rows: list[Row]) -> Outcome:
    errors = Counter(row.sample.error for row in rows if row.sample.error)
    outcome = Outcome(target, rows, {}, dict(errors))
    for each in MEASURES:
        found = outcome.values(each.name)
        share = each.unit == "share"
        outcome.summaries[each.name] = summarise(found, share=share) if found else None
    return outcome


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
    # None: the run ended before the first beat was due, so the lag was below the limit.
    lag = run.lag.facts()["p99"] or 0.0
    if lag > LAG_LIMIT_MS:
        late = f"the tool's own event loop was {lag:.1f} ms late at p99, beyond {LAG_LIMIT_MS:g} ms"
        return [f"{late}: ask for fewer streams at a time, or of an idle machine"]
    return []


def _notes(run: LoadRun, outcomes: Sequence[Outcome]) -> list[str]:
    notes = []
    if run.interrupted:
        notes.append(f"interrupted after {len(run.samples)} requests")
    for outcome in outcomes:
        failed = sum(outcome.errors.values())
        if failed:
            notes.append(
                f"{outcome.target.name}: {failed} of {len(outcome.rows)} requests failed, and are "
                "in no percentile"
            )
        whole = sum(len(row.sample.arrivals) == 1 for row in outcome.rows if row.sample.complete)
        if whole:
            came = f"{whole} of {outcome.complete} answers came at once"
            notes.append(f"{outcome.target.name}: {came}: stalls and continuity are n/a for them")
        voice = outcome.summaries["first_voice"]
        if voice and voice.outliers:
            notes.append(
                f"{outcome.target.name}: {voice.outliers} outliers in first_voice (beyond 1.5 "
                "interquartile ranges); they count"
            )
    return notes
