"""One benchmark from beginning to end: costs, load, result, files."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any

from streamplay.bench import baseline, export, history, objective
from streamplay.bench.interrupts import Interrupts
from streamplay.bench.load import Runner, raise_descriptor_limit
from streamplay.bench.result import conclude
from streamplay.bench.setup import Setup
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from streamplay.bench.objective import Condition
    from streamplay.bench.plan import Load
    from streamplay.bench.result import Result
    from streamplay.bench.sample import Sample
    from streamplay.bench.side_by_side import PastRun
    from streamplay.bench.target import Target


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files to write; None: not written."""

    csv: Path | None = None
    html: Path | None = None
    png: Path | None = None
    markdown: Path | None = None
    traces: Path | None = None
    append: Path | None = None


def cost(targets: Sequence[Target], load: Load) -> str:
    """Return one line: how many requests and characters, and to which servers.

    Raises
    ------
    InvalidRequest
        If `max_chars` allows fewer requests than were asked for, or none; or if one of the texts
        cannot be sent.
    """
    for target, text in product(targets, load.texts):
        target.request(text)
    requests, characters, exact = load.planned(len(targets))
    _check_bound(targets, load, characters)
    where = ", ".join(dict.fromkeys(target.base_url for target in targets))
    each = f"to {len(targets)} targets at {where}" if len(targets) > 1 else f"to {where}"
    if requests == 0:
        bound = f"at most {characters} characters" if characters else "no bound but --duration"
        return f"as many requests as {load.duration:g} s allow, {bound}, {each}"
    about = "" if exact else "about "
    warm = load.processes * len(load.warmups(len(targets)))
    note = f" (of these {warm} to warm up)" if warm else ""
    return f"{about}{requests} requests{note}, {characters} characters, {each}"


def cost_of_all(targets: Sequence[Target], loads: Sequence[Load], max_chars: int | None) -> str:
    """Return one line: what several loads, one after another, will take together.

    Raises
    ------
    InvalidRequest
        If that is more than `max_chars`.
    """
    planned = [load.planned(len(targets)) for load in loads]
    requests, characters = (sum(each[part] for each in planned) for part in (0, 1))
    if max_chars is not None and characters > max_chars:
        raise InvalidRequest(
            "max_chars",
            f"about {characters} characters are planned, and {max_chars} allowed",
            allowed="more characters, or fewer rates, or a shorter --duration",
        )
    where = ", ".join(dict.fromkeys(target.base_url for target in targets))
    return f"about {requests} requests at {len(loads)} rates, {characters} characters, to {where}"


def _check_bound(targets: Sequence[Target], load: Load, characters: int) -> None:
    if load.max_chars is None or load.requests is None:
        return
    wanted = replace(load, max_chars=None).planned(len(targets))[1]
    if wanted > load.max_chars or not characters:
        raise InvalidRequest(
            "max_chars",
            f"{wanted} characters are planned, and {load.max_chars} allowed",
            allowed="more characters, or fewer or shorter requests",
        )


def run(
    targets: Sequence[Target],
    load: Load,
    *,
    command: str,
    watch: Callable[[Sample], object] = lambda _: None,
    interrupts: Interrupts | None = None,
) -> Result:
    """Put the load on the targets, and return the result."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    setup = Setup(targets, load)
    raise_descriptor_limit()
    with local_server(targets) as local:
        if load.processes > 1:
            from streamplay.bench import processes

            done = processes.run(setup, interrupts or Interrupts(), local=local)
        else:
            runner = Runner(targets, load, local=local, watch=watch, interrupts=interrupts)
            done = asyncio.run(runner())
    result = conclude(done, targets, command=command, seed=load.seed, started=started)
    return replace(result, setup=setup.to_dict())


@contextlib.contextmanager
def local_server(targets: Sequence[Target]) -> Iterator[str | None]:
    """Run the built-in voice's server inside the block, if a target is local; give its base URL."""
    if not any(target.options.local for target in targets):
        yield None
        return
    from streamplay.server.child import LocalServer

    with LocalServer() as server:
        yield server.base_url


def judge(
    result: Result,
    objectives: list[Condition],
    limits: list[Condition],
    earlier: list[dict[str, Any]],
) -> Result:
    """Return the result with a verdict on every objective and limit."""
    if not objectives and not limits:
        return result
    targets = result.to_dict()["targets"]
    if not result.valid:
        why = f"the run is not valid: {result.invalid[0]}"
        return replace(result, verdicts=objective.unjudged([*objectives, *limits], targets, why))
    verdicts = objective.judge(objectives, targets)
    return replace(result, verdicts=verdicts + baseline.judge(limits, targets, earlier))


def missed(result: Result) -> bool:
    """Return whether an objective or a limit was missed, or could not be judged."""
    return any(verdict["verdict"] in {"missed", "not judged"} for verdict in result.verdicts)


def check(files: Files) -> None:
    """Check before the first request that every file can be written.

    Raises
    ------
    FileFailed
        If one cannot be written, or matplotlib is needed and not installed.
    """
    for path in filter(None, (files.csv, files.html, files.png, files.markdown, files.append)):
        export.check(path)
    if files.append:
        history.load(files.append)
    if files.traces:
        export.make_folder(files.traces)
    if files.png:
        from streamplay.bench import png

        png.matplotlib()


def write(result: Result, files: Files) -> list[str]:
    """Write every requested file; return what the history says, in sentences.

    Raises
    ------
    FileFailed
        If one cannot be written.
    """
    runs: list[PastRun] = []
    if files.append:
        history.append(files.append, result)
        runs = history.load(files.append)
    if files.csv:
        export.write_csv(files.csv, result)
    if files.traces:
        export.write_traces(files.traces, result)
    if files.html:
        from streamplay.bench.html.page import page

        export.write_text(files.html, page(result, runs))
    if files.png:
        from streamplay.bench.png import write_png

        write_png(files.png, result)
    if files.markdown:
        from streamplay.bench.table import markdown

        export.write_text(files.markdown, markdown(result))
    return history.sentences(runs)
