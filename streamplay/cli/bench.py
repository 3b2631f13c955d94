"""``streamplay bench``: latency, measured as it is heard."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import ExitStack, suppress
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamplay.cli import bench_compare, console, options, report, status
from streamplay.cli.signals import ENDING, end_by
from streamplay.cli.usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamplay.bench.interrupts import Interrupts
    from streamplay.bench.objective import Condition
    from streamplay.bench.plan import Load
    from streamplay.bench.result import Result
    from streamplay.bench.runner import Files
    from streamplay.bench.sample import Sample
    from streamplay.bench.setup import Mode, Setup
    from streamplay.bench.target import Target
    from streamplay.cli.parser import Parser
    from streamplay.player import Player

_LOAD: Final = (
    *("requests", "duration", "concurrency", "rate", "arrivals", "warmup", "cold", "seed"),
    *("max_chars", "play", "processes"),
)

_MISSED: Final = 5
"""The exit status when an objective or the baseline was missed."""


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``bench``."""
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="KEY=VALUE,… (model, voice, base_url and any other flag of the request), or a TOML "
        "file with a table for each; without one, what the flags say. "
        "compare A.json B.json …: earlier runs side by side",
    )
    _add_load(parser)
    _add_results(parser)
    options.add_request(parser)
    options.add_server(parser)
    options.quiet(parser)


def _add_load(parser: Parser) -> None:
    add = parser.add_argument_group("load").add_argument
    add("--requests", type=options.count, metavar="N", help="requests to each target (default: 60)")
    add("--duration", type=options.seconds, metavar="SECONDS", help="begin no request after this")
    add("--concurrency", type=options.count, metavar="N", help="N requests at a time (default: 1)")
    add("--rate", type=_rate, metavar="R", help="begin R requests a second")
    add(
        "--arrivals",
        choices=("poisson", "constant"),
        help="when requests begin, with --rate (default: poisson)",
    )
    add(
        "--warmup", type=_count_or_none, metavar="N", help="requests that do not count (default: 1)"
    )
    add("--cold", action="store_true", default=None, help="a new connection for each request")
    add("--texts", metavar="SET|FILE", help="short, sentence, paragraph, sentence-de …, or a file")
    add(
        "--seed",
        type=_count_or_none,
        metavar="N",
        help="the seed of all random choices (default: 0)",
    )
    add("--processes", type=options.count, metavar="N", help="share the load (default: 1)")
    add("--play", action="store_true", default=None, help="play the answers, one after another")
    add("--max-chars", type=options.count, metavar="N", help="the most characters to pay for")


def _add_results(parser: Parser) -> None:
    add = parser.add_argument_group("results").add_argument
    add("--json", action="store_true", default=None, help="print the result as JSON")
    add("--csv", type=Path, metavar="FILE", help="write a row for each request")
    add("--html", type=Path, metavar="FILE", help="write a report with figures")
    add("--png", type=Path, metavar="FILE", help="write the main figures as a picture")
    add("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown")
    add("--traces", type=Path, metavar="DIR", help="write an arrival trace for each request")
    add(
        "--objective",
        action="append",
        metavar="EXPR",
        help="a condition to meet, such as 'continuity_100 >= 99%%'",
    )
    add(
        *("--find-capacity",),
        action="store_true",
        default=None,
        help="find the highest rate that meets the objectives; --rate is the first to try, "
        "--duration the time for each",
    )
    add(
        *("--sweep",),
        type=_rates,
        metavar="R,R,…",
        help="try these rates one after another, ascending; --duration is the time for each",
    )
    add("--append", type=Path, metavar="FILE", help="add the result to a history, a line each")
    add("--rerun", type=Path, metavar="FILE", help="make the requests of an earlier --json again")
    add("--baseline", type=Path, metavar="FILE", help="the --json of an earlier run")
    add(
        "--fail-if",
        action="append",
        metavar="EXPR",
        help="a change not to exceed, such as 'first_voice.p95 > +10%%'",
    )
    add("--explain", action="store_true", default=None, help="explain the measures and end")


def run(args: argparse.Namespace) -> int:
    """Measure, print, and compare with objectives and baseline."""
    from streamplay.bench import baseline, measures, objective, runner
    from streamplay.bench.interrupts import Interrupts

    if args.targets[:1] == ["compare"]:
        return bench_compare.run(args)
    if args.explain:
        console.out(measures.explained())
        return status.OK
    if bool(args.fail_if) is not bool(args.baseline):
        raise UsageError(
            "--baseline names an earlier run, and --fail-if what may not have changed since then",
            see="streamplay bench",
        )
    if args.local and args.base_url:
        raise UsageError("--local and --base-url name two servers")
    setup = _again(args) if args.rerun else _setup(args)
    objectives = [objective.parse(text) for text in setup.objectives]
    limits = [objective.parse(text, relative=True) for text in args.fail_if or ()]
    earlier = baseline.load(args.baseline) if args.baseline else []
    cost, files = _cost(setup, objectives), _files(args)
    runner.check(files)
    if args.fallback:
        _tell(args, "--fallback is not used: a benchmark tells a failure, and speaks with no other")
    for notice in sorted({each.notice for each in setup.targets if each.notice}):
        _tell(args, notice)
    _tell(args, cost)
    with Interrupts() as interrupts:
        result = _measure(args, setup, objectives, interrupts)
        result = runner.judge(result, objectives, limits, earlier)
        # Print before writing files: a full disk must not lose a result that was paid for.
        _print(args, result)
        for sentence in runner.write(result, files):
            _tell(args, sentence)
        if interrupts.received is not None and interrupts.received in ENDING[1:]:
            end_by(interrupts.received)
    return _status(result, interrupts)


def _setup(args: argparse.Namespace) -> Setup:
    """Return what the flags ask for."""
    from streamplay.bench import target
    from streamplay.bench.setup import Setup

    targets, load = target.read(args.targets, _common(args)), _load(args)
    mode: Mode = "find_capacity" if args.find_capacity else "sweep" if args.sweep else "once"
    if mode != "once" and (args.concurrency or args.requests):
        flag = "--find-capacity" if args.find_capacity else "--sweep"
        raise UsageError(f"{flag} is about rates, and --duration is the time for each")
    if args.sweep and (args.rate or args.find_capacity):
        raise UsageError("--sweep names all rates: no --rate, no --find-capacity")
    return Setup(targets, load, mode, args.sweep or (), tuple(args.objective or ()))


def _again(args: argparse.Namespace) -> Setup:
    """Return what an earlier run has asked for."""
    from streamplay.bench import setup

    given = [name for name in (*_LOAD, "texts", "sweep", "find_capacity") if getattr(args, name)]
    if given or args.targets or _common(args):
        raise UsageError("--rerun makes the same requests: only flags of the results go with it")
    found = setup.load(args.rerun)
    return replace(found, objectives=tuple(args.objective)) if args.objective else found


def _cost(setup: Setup, objectives: list[Condition]) -> str:
    """Return a sentence with the requests and characters to come; a search has no own limit."""
    from streamplay.bench import runner, sweep

    targets, load = setup.targets, setup.load
    if load.play and load.processes > 1:
        raise UsageError("--play and --processes: only one process can play")
    if setup.mode == "once":
        return runner.cost(targets, load)
    if setup.mode == "sweep":
        steps = sweep.loads(load, setup.rates, objectives, len(targets))
        return runner.cost_of_all(targets, steps, load.max_chars)
    if load.max_chars is None and not all(target.on_this_machine for target in targets):
        raise UsageError("--find-capacity asks ever more: bound it with --max-chars")
    bound = "" if load.max_chars is None else f", at most {load.max_chars} characters"
    return f"as many requests as are needed{bound}"


def _measure(
    args: argparse.Namespace,
    setup: Setup,
    objectives: list[Condition],
    interrupts: Interrupts,
) -> Result:
    """Measure once, or at one rate after another."""
    from streamplay.bench import capacity, sweep

    targets, load = setup.targets, setup.load
    once = partial(_once, args, targets, interrupts)
    told: dict[str, Any] = {
        "targets": len(targets),
        "watch": lambda step: _tell(args, capacity.told(step)),
        "interrupts": interrupts,
    }
    if setup.mode == "once":
        return replace(once(load), setup=setup.to_dict())
    if setup.mode == "sweep":
        swept, result = sweep.sweep(once, load, setup.rates, objectives, **told)
        facts: dict[str, Any] = {"sweep": swept.to_dict()}
        says = swept.says
    else:
        found, result = capacity.search(once, load, objectives, **told)
        facts, says = {"capacity": found.to_dict()}, found.says
    _tell(args, says)
    notes = (*result.notes, says)
    return replace(result, seed=load.seed, notes=notes, setup=setup.to_dict(), **facts)


def _once(
    args: argparse.Namespace, targets: Sequence[Target], interrupts: Interrupts, load: Load
) -> Result:
    from streamplay.bench import runner
    from streamplay.player import Player

    with ExitStack() as stack:
        watchers: list[Callable[[Sample], None]] = []
        stack.enter_context(interrupts.telling(partial(_tell_of_waiting, args)))
        if not args.quiet and load.processes == 1 and console.is_terminal(sys.stderr):
            from streamplay.bench.progress import Tally, View

            total = load.requests and load.requests * len(targets)
            tally = Tally(targets, total, load.duration)
            watchers.append(stack.enter_context(View(tally)).take)
        if load.play:
            watchers.append(_hear(stack.enter_context(Player(notify=options.notifier(args)))))
        return runner.run(
            targets,
            load,
            command=_command(args.words),
            watch=lambda sample: [watch(sample) for watch in watchers],
            interrupts=interrupts,
        )


def _tell_of_waiting(args: argparse.Namespace, count: int) -> None:
    if count > 1:
        return
    with suppress(RuntimeError):  # the handler has come upon its own thread inside a write
        _tell(args, "waiting for the requests that have begun; Ctrl-C again cuts them off")


def _hear(player: Player) -> Callable[[Sample], None]:
    """Return a function that plays the sound of each request, one after another."""

    def hear(sample: Sample) -> None:
        if sample.sound:
            player.play(iter(sample.sound), sample.samplerate)
        sample.sound = None

    return hear


def _command(words: Sequence[str]) -> str:
    """Return the command line of this run; a key is never part of it."""
    return shlex.join(["streamplay", *words])


def _common(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options that the flags give to every target."""
    from streamplay.bench.target import KEYS

    given = {name: getattr(args, name, None) for name in KEYS}
    common = {name: value for name, value in given.items() if value is not None}
    if args.extra is not None:
        common["extra"] = dict(args.extra)
    if args.decode_as is not None:
        encoding, rate = args.decode_as
        common["decode_as"] = encoding if rate is None else f"{encoding}@{rate}"
    return common


def _load(args: argparse.Namespace) -> Load:
    from streamplay.bench import texts
    from streamplay.bench.plan import Load

    if args.rate and args.concurrency:
        raise UsageError("--rate begins requests by the clock, --concurrency by their ends")
    if args.arrivals and not args.rate:
        raise UsageError("--arrivals belongs to --rate")
    given = {name: getattr(args, name) for name in _LOAD if getattr(args, name) is not None}
    if args.duration and not args.requests:
        given["requests"] = None
    said = texts.DEFAULT_SET if args.texts is None else args.texts
    return Load(texts=texts.find(said), **given)


def _files(args: argparse.Namespace) -> Files:
    from streamplay.bench.runner import Files

    return Files(**{each.name: getattr(args, each.name) for each in fields(Files)})


def _print(args: argparse.Namespace, result: Result) -> None:
    from streamplay.bench import table

    if args.json:
        console.out(report.as_json(result.to_dict()))
        return
    for outcome in result.outcomes:
        console.prose(report.safe(table.heading(outcome)))
        for line in filter(None, (table.throughput(outcome), table.steady(outcome))):
            console.prose(line)
        if outcome.complete:
            report.table(table.NARROW, list(table.narrow_rows(outcome)))
        console.out("")
    for sentence in table.sentences(result):
        console.prose(report.safe(sentence))


def _status(result: Result, interrupts: Interrupts) -> int:
    from streamplay.bench import runner

    if runner.missed(result):
        return _MISSED
    if interrupts.received is not None:
        return status.of_signal(interrupts.received)
    return status.OK if any(outcome.complete for outcome in result.outcomes) else status.FAILED


def _tell(args: argparse.Namespace, sentence: str) -> None:
    if not args.quiet:
        console.tell(sentence)


def _rate(text: str) -> float:
    """Read a number above 0."""
    try:
        return options.seconds(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0") from None


def _rates(text: str) -> tuple[float, ...]:
    """Read numbers above 0, ascending, between commas."""
    rates = tuple(_rate(part.strip()) for part in text.split(","))
    if list(rates) != sorted(set(rates)):
        raise argparse.ArgumentTypeError(f"{text!r} does not ascend")
    return rates


def _count_or_none(text: str) -> int:
    """Read a whole number, 0 included."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)
