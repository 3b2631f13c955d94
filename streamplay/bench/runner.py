"""One benchmark from beginning to end: costs, load, result, files."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any

from streamplay.bench import baseline, export, objective
from streamplay.bench.load import Runner
from streamplay.bench.result import conclude
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from streamplay.bench.interrupts import Interrupts
    from streamplay.bench.objective import Condition
    from streamplay.bench.plan import Load
    from streamplay.bench.result import Result
    from streamplay.bench.sample import Sample
    from streamplay.bench.target import Target


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files to write; None: not written."""

    csv: Path | None = None
    html: Path | None = None
    png: Path | None = None
    markdown: Path | None = None
    traces: Path | None = None


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
    warm = len(load.warmups(len(targets)))
    note = f" (of these {warm} to warm up)" if warm else ""
    return f"{about}{requests} requests{note}, {characters} characters, {each}"


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
    raise_descriptor_limit()
    with local_server(targets) as local:
        runner = Runner(targets, load, local=local, watch=watch, interrupts=interrupts)
        done = asyncio.run(runner())
    return conclude(done, targets, command=command, seed=load.seed, started=started)


@contextlib.contextmanager
def local_server(targets: Sequence[Target]) -> Iterator[str | None]:
    """Run the built-in voice's server inside the block, if a target is local; give its base URL."""
    if not any(target.options.local for target in targets):
        yield None
        return
    from streamplay.server.child import LocalServer

    with LocalServer() as server:
        yield server.base_url


def raise_descriptor_limit() -> None:
    """Raise the limit of open files as far as the system allows: 1024 are too few."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


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
    for path in filter(None, (files.csv, files.html, files.png, files.markdown)):
        export.check(path)
    if files.traces:
        export.make_folder(files.traces)
    if files.png:
        from streamplay.bench import png

        png.matplotlib()


def write(result: Result, files: Files) -> None:
    """Write every requested file.

    Raises
    ------
    FileFailed
        If one cannot be written.
    """
    if files.csv:
        export.write_csv(files.csv, result)
    if files.traces:
        export.write_traces(files.traces, result)
    if files.html:
        from streamplay.bench.html.page import page

        export.write_text(files.html, page(result))
    if files.png:
        from streamplay.bench.png import write_png

        write_png(files.png, result)
    if files.markdown:
        from streamplay.bench.table import markdown

        export.write_text(files.markdown, markdown(result))
