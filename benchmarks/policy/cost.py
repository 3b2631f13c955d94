"""What the start policy costs, beside the rules that other players ship.

    .venv/bin/python -m benchmarks.policy.cost [--count 10000] [--svg docs/policy.svg] [--json FILE]

Plays families of servers in virtual time and prints Markdown with bootstrap intervals. Parameters
are chosen on one half of the traces (`--tune`) and reported on the other.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.policy.families import FAMILIES, RATE, family
from benchmarks.policy.front import draw_front
from streamplay.policy import jitter, learning
from streamplay.policy.jitter import Auto, Fixed
from streamplay.policy.learning import Memory
from streamplay.policy.simulate import play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from streamplay.policy.jitter import Policy
    from streamplay.trace import Trace

WEIGHTS: Final = (1, 2, 5, 10, 20)

BLOCK: Final = 250
"""Utterances that are drawn together by the bootstrap: what is learned ties neighbours, and a
server that changes is the same for 200."""

RESAMPLES: Final = 2000

TUNED: Final = "tune"
REPORTED: Final = "frozen"
"""The two halves: seeds. What is reported was drawn after the parameters had been chosen."""


class TwoPieces:
    """Starts with the second piece, whatever it holds; resumes with the next."""

    def __init__(self) -> None:
        self._came = 0

    def on_request(self, characters: int) -> None:
        """Begin to count."""
        self._came = 0

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Return a level that the first piece alone does not reach."""
        self._came += 1
        return 1 if self._came > 1 else frames + 1

    def on_end(self, *, learn: bool) -> int:
        """Learn nothing."""
        return 1


class Growing:
    """0.6 s at first, and 0.3 s more with each stall, up to 1.5 s."""

    def __init__(self) -> None:
        self._seconds = 0.6

    def on_request(self, characters: int) -> None:
        """Begin anew."""
        self._seconds = 0.6

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Return what the stalls so far have taught."""
        if dry:
            self._seconds = min(self._seconds + 0.3, 1.5)
        return round(self._seconds * RATE)

    def on_end(self, *, learn: bool) -> int:
        """Forget it."""
        return 1


RULES: Final[dict[str, Callable[[], Policy]]] = {
    "immediate": lambda: Fixed(0, RATE),
    "100 ms": lambda: Fixed(100, RATE),
    "300 ms": lambda: Fixed(300, RATE),
    "600 ms": lambda: Fixed(600, RATE),
    "1000 ms": lambda: Fixed(1000, RATE),
    "two pieces": TwoPieces,
    "0.6 s + 0.3 s": Growing,
}


@dataclass(frozen=True)
class Score:
    """What many utterances came to: one number each, seconds."""

    wait: NDArray[np.float64]
    gap: NDArray[np.float64]
    gaps: NDArray[np.float64]
    regret: NDArray[np.float64]

    def cost(self, weight: float) -> NDArray[np.float64]:
        """Return wait + weight × gaps of each."""
        return self.wait + weight * self.gap

    @property
    def stalled(self) -> NDArray[np.float64]:
        """1 where it stalled."""
        return (self.gaps > 0).astype(float)


def score(traces: list[Trace], policies: Iterator[Policy]) -> Score:
    """Play each trace with its policy."""
    played = [play(trace, policy) for trace, policy in zip(traces, policies, strict=False)]
    columns = [(each.wait, each.gap, len(each.gaps), each.regret) for each in played]
    return Score(*np.array(columns).T)


def learners(weight: float, *, cold: bool) -> Iterator[Policy]:
    """Yield policies that learn from each other; the cold ones do not."""
    memory = Memory()
    while True:
        yield Auto(RATE, weight, Memory() if cold else memory)


def fixed(rule: str) -> Iterator[Policy]:
    """Yield one policy again and again."""
    while True:
        yield RULES[rule]()


def interval(values: NDArray[np.float64], seed: int = 0) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval, by a bootstrap of blocks."""
    whole = len(values) // BLOCK * BLOCK
    blocks = values[:whole].reshape(-1, BLOCK).mean(axis=1)
    draw = np.random.default_rng(seed)
    means = blocks[draw.integers(0, len(blocks), (RESAMPLES, len(blocks)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


GROUPS: Final = {
    "all": FAMILIES,
    "without slow and cold": ("fast", "pauses", "bursts", "near", "changing"),
}
"""What is averaged over, each family counting the same; the slow ones cost most."""


class Table:
    """All scores of one half: by family and rule, and by family and weight."""

    def __init__(self, count: int, seed: str, weights: tuple[int, ...] = WEIGHTS) -> None:
        self.fixed: dict[tuple[str, str], Score] = {}
        self.auto: dict[tuple[str, int], Score] = {}
        for name in FAMILIES:
            traces = list(family(name, count, seed))
            for rule in RULES:
                self.fixed[name, rule] = score(traces, fixed(rule))
            for weight in weights:
                learning_ones = learners(weight, cold=name == "cold")
                self.auto[name, weight] = score(traces, learning_ones)

    def cost(self, name: str, rule: str | None, weight: int) -> NDArray[np.float64]:
        """Return the costs of a rule, or of the policy set to this weight; of a group too."""
        if name in GROUPS:
            costs = np.array([self.cost(each, rule, weight) for each in GROUPS[name]])
            return np.asarray(costs.mean(axis=0))
        chosen = self.auto[name, weight] if rule is None else self.fixed[name, rule]
        return chosen.cost(weight)


def report(table: Table) -> Iterator[str]:
    """Yield the lines of the report: Markdown."""
    yield from _costs(table)
    yield from _hindsight(table)
    yield from _shares(table)
    yield from _details(table)


def _costs(table: Table) -> Iterator[str]:
    for group, members in GROUPS.items():
        yield f"### Cost over families: {group} ({', '.join(members)})\n"
        yield _row("w", "policy", *RULES)
        yield _row(*["---"] * (2 + len(RULES)))
        for weight in WEIGHTS:
            costs = [_with_interval(table.cost(group, rule, weight)) for rule in (None, *RULES)]
            yield _row(str(weight), *costs)
        yield "\nWhat the policy saves beside each, utterance by utterance:\n"
        yield _row("w", *RULES)
        yield _row(*["---"] * (1 + len(RULES)))
        for weight in WEIGHTS:
            own = table.cost(group, None, weight)
            saved = [_with_interval(table.cost(group, rule, weight) - own) for rule in RULES]
            yield _row(str(weight), *saved)
        yield ""


def _hindsight(table: Table) -> Iterator[str]:
    yield "\n### Each family: the policy, and the fixed rule that hindsight would choose for it\n"
    yield _row("family", "w", "policy", "best rule", "its cost", "policy − rule")
    yield _row(*["---"] * 6)
    for name in FAMILIES:
        for weight in WEIGHTS:
            own = table.cost(name, None, weight)
            costs = {rule: table.cost(name, rule, weight) for rule in RULES}
            best = min(costs, key=lambda rule: float(costs[rule].mean()))
            more = _with_interval(own - costs[best])
            yield _row(
                name, str(weight), f"{own.mean():.3f}", best, f"{costs[best].mean():.3f}", more
            )


def _shares(table: Table) -> Iterator[str]:
    yield "\n### Share of utterances that stalled, in %; asked for: 100/w\n"
    yield _row(
        "family", "immediate", *(f"w = {weight}: {100 / weight:g}" for weight in WEIGHTS[1:])
    )
    yield _row(*["---"] * (1 + len(WEIGHTS)))
    for name in FAMILIES:
        at_once = 100 * table.fixed[name, "immediate"].stalled.mean()
        shares = [_percent(table.auto[name, weight].stalled) for weight in WEIGHTS[1:]]
        yield _row(name, f"{at_once:.1f}", *shares)


def _details(table: Table) -> Iterator[str]:
    yield "\n### Each rule in each family\n"
    yield _row("family", "rule", "stalled %", "gaps", "gap s", "wait p50", "wait p95", "regret s")
    yield _row(*["---"] * 8)
    for name in FAMILIES:
        for rule in RULES:
            yield _detail(name, rule, table.fixed[name, rule])
        for weight in WEIGHTS:
            yield _detail(name, f"policy, w = {weight}", table.auto[name, weight])


def _detail(name: str, rule: str, made: Score) -> str:
    p50, p95 = np.quantile(made.wait, [0.5, 0.95])
    return _row(
        name,
        rule,
        _percent(made.stalled),
        _with_interval(made.gaps, 2),
        _with_interval(made.gap),
        f"{p50:.3f}",
        f"{p95:.3f}",
        _with_interval(made.regret),
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _with_interval(values: NDArray[np.float64], digits: int = 3) -> str:
    mean, low, high = interval(values)
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _percent(values: NDArray[np.float64]) -> str:
    mean, low, high = interval(100 * values)
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


# Tuning


def tune(count: int) -> Iterator[str]:
    """Yield what other parameters would have cost, on the half that is not reported."""
    grid: list[dict[str, float]] = [{}]
    grid += [{"DECAY": value} for value in (0.94, 0.955, 0.98, 0.99)]
    grid += [{"LEVEL_STEP": value} for value in (0.0, 0.006)]
    grid += [{"PACE_SECONDS": value} for value in (0.1, 1.0)]
    grid += [{"RESUME_SECONDS": value} for value in (0.05, 0.2)]
    grid += [{"LATENESS_FACTOR": value} for value in (1.0, 5.0, 1000.0)]
    yield "Mean cost over all families, and the share of bursts that stalled (%).\n"
    yield _row("", *(f"w = {weight}" for weight in WEIGHTS[1:]), "at w = 10", "at w = 20")
    yield _row(*["---"] * (len(WEIGHTS) + 2))
    for changes in grid:
        with _parameters(changes):
            tuned = _tuned(count)
        name = ", ".join(f"{key} = {value}" for key, value in changes.items()) or "as it is"
        yield _row(name, *tuned)


def _tuned(count: int) -> list[str]:
    """Return the costs at each weight, and the shares of bursts that stall."""
    costs, shares = [], {}
    for weight in WEIGHTS[1:]:
        scores = {
            name: score(list(family(name, count, TUNED)), learners(weight, cold=name == "cold"))
            for name in FAMILIES
        }
        costs.append(f"{np.mean([each.cost(weight).mean() for each in scores.values()]):.3f}")
        shares[weight] = _percent(scores["bursts"].stalled)
    return [*costs, shares[10], shares[20]]


class _parameters:  # noqa: N801 - reads as a statement
    """Other parameters for a while."""

    def __init__(self, changes: dict[str, float]) -> None:
        self._changes = changes
        self._kept: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> None:
        for name, value in self._changes.items():
            module = learning if hasattr(learning, name) else jitter
            self._set(module, name, value)
        weights = tuple(learning.DECAY**age for age in range(learning.KEPT))
        self._set(learning, "_WEIGHTS", weights)

    def __exit__(self, *_: object) -> None:
        for module, name, value in reversed(self._kept):
            setattr(module, name, value)

    def _set(self, module: Any, name: str, value: Any) -> None:
        self._kept.append((module, name, getattr(module, name)))
        setattr(module, name, value)


def main() -> None:
    """Run it, or tune."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="utterances of each family")
    parser.add_argument("--tune", action="store_true", help="other parameters, on the other half")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the means")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the front")
    args = parser.parse_args()
    if args.tune:
        for line in tune(args.count):
            print(line, flush=True)
        return
    table = Table(args.count, REPORTED)
    for line in report(table):
        print(line)
    if args.svg:
        args.svg.write_text(_picture(table))
    if args.json:
        args.json.write_text(json.dumps(_means(table), indent=1) + "\n")


def _picture(table: Table) -> str:
    def point(name: str, scores: list[Score]) -> tuple[str, float, float]:
        wait = float(np.mean([each.wait.mean() for each in scores]))
        return name, wait, float(np.mean([each.gap.mean() for each in scores]))

    policy = [
        point(f"w = {weight}", [table.auto[name, weight] for name in FAMILIES])
        for weight in WEIGHTS
    ]
    rules = [point(rule, [table.fixed[name, rule] for name in FAMILIES]) for rule in RULES]
    return draw_front(policy, rules, "Over all families: the policy (w = 1 to 20) and fixed rules")


def _means(table: Table) -> list[dict[str, Any]]:
    scores = {**table.fixed, **{(name, f"w={w}"): made for (name, w), made in table.auto.items()}}
    return [
        {
            "family": name,
            "rule": rule,
            "stalled": made.stalled.mean(),
            "gaps": made.gaps.mean(),
            "gap": made.gap.mean(),
            "wait": made.wait.mean(),
            "wait_p50": float(np.quantile(made.wait, 0.5)),
            "wait_p95": float(np.quantile(made.wait, 0.95)),
            "regret": made.regret.mean(),
        }
        for (name, rule), made in scores.items()
    ]


if __name__ == "__main__":
    main()
