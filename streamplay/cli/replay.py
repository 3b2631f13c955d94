"""``streamplay replay``: plays or simulates a recorded arrival trace."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamplay.cli import console, options, report, status
from streamplay.policy.jitter import policy
from streamplay.policy.learning import Memory, Source
from streamplay.rules.option_table import GAP_WEIGHT
from streamplay.trace import load

if TYPE_CHECKING:
    import argparse

    from streamplay.cli.parser import Parser
    from streamplay.policy.jitter import Policy
    from streamplay.policy.simulate import Played
    from streamplay.trace import Trace


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``replay``."""
    add = parser.add_argument
    add("traces", nargs="+", metavar="TRACE", help="a file that say --record wrote")
    add("--simulate", action="store_true", default=None, help="compute the times, without playing")
    add("--json", action="store_true", default=None, help="print a line of JSON for each trace")
    options.add_sound(parser, "device", "latency", "prebuffer", "gap_weight")
    options.quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Play the traces in order: what is learned from one is used for the next."""
    traces = [(name, load(Path(name))) for name in args.traces]
    rows = _Rows(as_json=bool(args.json))
    if args.simulate:
        _simulate(args, traces, rows)
    else:
        asyncio.run(_hear(args, traces, rows))
    rows.end()
    return status.OK


def _simulate(args: argparse.Namespace, traces: list[tuple[str, Trace]], rows: _Rows) -> None:
    from streamplay.policy.simulate import play

    memory = Memory()
    for name, trace in traces:
        chosen = _policy(args, trace, memory, trace.samplerate)
        rows.add(name, play(trace, chosen) if trace.arrivals else None)


async def _hear(args: argparse.Namespace, traces: list[tuple[str, Trace]], rows: _Rows) -> None:
    from streamplay.options import Options
    from streamplay.playback.session import Session
    from streamplay.replay import replay

    notify = options.notifier(args)
    wanted = Options(device=args.device, latency=args.latency, notify=notify)
    session = Session(wanted, time.perf_counter, follow=True)
    memory = Memory()
    try:
        for name, trace in traces:
            choose = partial(_policy, args, trace, memory)
            rows.add(name, await replay(trace, session, choose) if trace.arrivals else None)
    finally:
        await session.close()


def _policy(args: argparse.Namespace, trace: Trace, memory: Memory, samplerate: int) -> Policy:
    return policy(
        "auto" if args.prebuffer is None else args.prebuffer,
        samplerate,
        gap_weight=args.gap_weight or GAP_WEIGHT,
        memory=memory,
        source=Source(trace.host, trace.model, trace.voice),
    )


class _Rows:
    """The results: a line of JSON at once for each, or a table at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._rows: list[list[str]] = []

    def add(self, name: str, played: Played | None) -> None:
        """Add the result of one trace; None: no audio arrived in it."""
        facts = _facts(played)
        if self._as_json:
            console.out(report.as_json({"trace": name, **facts}))
        else:
            self._rows.append([name, *map(_cell, facts.values())])

    def end(self) -> None:
        """Print the table."""
        if not self._as_json:
            columns = ("TRACE", "WAIT ms", "STALLS", "STALLED ms", "SAFE START ms", "FINISHED ms")
            report.table(columns, self._rows)


def _facts(played: Played | None) -> dict[str, Any]:
    """Return the values of one line; None where nothing could be measured."""
    return {
        "wait_ms": _ms(played.wait) if played else None,
        "stalls": len(played.gaps) if played else 0,
        "stall_ms": _ms(played.gap) if played else 0.0,
        "safe_start_ms": _ms(played.safe_start) if played else None,
        "finished_ms": _ms(played.finished) if played else None,
    }


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3) + 0.0  # never -0.0


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
