"""A Locust user that makes the same measurement, for a load from several machines.

A locustfile needs one line, ``from streamplay.bench.locust import SpeechUser``; then::

    locust -f locustfile.py --headless -u 20 --run-time 1m --speech-target model=…,base_url=…
    locust -f locustfile.py --master …   and, on each machine,   locust -f locustfile.py --worker

Locust's page shows our measures, a row for each. Workers send HdrHistograms, which the master adds
up; ``--speech-result FILE`` writes the sum. Each worker measures in a child process, because gevent
replaces the sockets of the process that Locust runs in.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.event import AsyncResult
from locust import User, constant, events, task
from locust.runners import MasterRunner, WorkerRunner

from streamplay.bench import texts
from streamplay.bench.histogram import Histograms
from streamplay.bench.measures import BY_NAME

if TYPE_CHECKING:
    from locust.argument_parser import LocustArgumentParser
    from locust.env import Environment
    from locust.rpc import Message

_CLOSE_SECONDS: Final = 5.0

# The type of our messages from a worker to the master.
_STOP: Final = "streamplay-stop"
_LAST: Final = "streamplay-last"


class Measurer:
    """The child process that measures for this worker.

    Parameters
    ----------
    targets : sequence of str
        As for ``streamplay bench``.
    keep : Path, optional
        A file that gets every request's measures, a line of JSON for each.
    """

    def __init__(self, targets: list[str], keep: Path | None) -> None:
        command = [sys.executable, "-m", "streamplay.bench.agent", *targets]
        self._process = subprocess.Popen(  # noqa: S603  our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._waiting: dict[int, AsyncResult] = {}
        self._numbers = itertools.count()
        # Line buffered: other workers may write to the same file.
        self._keep = keep.open("a", buffering=1, encoding="utf-8") if keep else None
        # Wait until it has imported everything: that is not the first request's time.
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        if not ready:
            raise RuntimeError("the measuring process did not start: it has said why")
        self.targets: int = json.loads(ready)["targets"]
        self._reader = gevent.spawn(self._read)

    def ask(self, target: int, text: str) -> dict[str, Any]:
        """Make one request, and return what was measured."""
        number, result = next(self._numbers), AsyncResult()
        self._waiting[number] = result
        order = {"id": number, "target": target, "text": text, "intended": time.perf_counter()}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = result.get()
        return found

    def close(self) -> None:
        """End the child when its requests have ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join(_CLOSE_SECONDS)
        if self._process.poll() is None:
            self._process.terminate()
        if self._keep:
            self._keep.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = json.loads(line)
            if self._keep:
                self._keep.write(line)
            if "id" in found:
                self._waiting.pop(found["id"]).set(found)
        for left in self._waiting.values():
            left.set({"error": "ConnectionLost", "message": "the measuring process ended"})


class _Run:
    """The state of a run: the child process of a worker, the sum of a master."""

    def __init__(self) -> None:
        self.measurer: Measurer | None = None
        self.histograms = Histograms()
        self.turns = itertools.count()
        self.workers: set[str] = set()
        self.done: set[str] = set()

    @property
    def complete(self) -> bool:
        """Whether every worker has sent its last report."""
        return self.done >= self.workers


_RUN: Final = _Run()


class SpeechUser(User):
    """Requests one text after another, from each target in turn."""

    wait_time = constant(0)

    @task
    def speak(self) -> None:
        """Make one request, and pass every measure of it to Locust."""
        options = self.environment.parsed_options
        assert _RUN.measurer is not None
        said = texts.find(options.speech_texts)
        turn = next(_RUN.turns)
        index = turn % _RUN.measurer.targets
        found = _RUN.measurer.ask(index, said[turn % len(said)])
        _tell(self.environment, found)


def _tell(environment: Environment, found: dict[str, Any]) -> None:
    target = found.get("target", "")
    fire: Any = environment.events.request.fire
    common = {"request_type": target, "response_length": found.get("bytes", 0), "context": {}}
    if found["error"]:
        _RUN.histograms.errors[target, found["error"]] += 1
        problem = RuntimeError(f"{found['error']}: {found['message']}")
        fire(name="total", response_time=found.get("total", 0), exception=problem, **common)
        return
    _RUN.histograms.record(target, found["values"])
    for name, value in found["values"].items():
        if value is not None and BY_NAME[name].unit == "ms":
            fire(name=name, response_time=value, exception=None, **common)


def _add_arguments(parser: LocustArgumentParser) -> None:
    add = parser.add_argument
    add("--speech-target", action="append", default=[], help="as streamplay bench takes them")
    add("--speech-texts", default=texts.DEFAULT_SET, help="a built-in set, or a file")
    add("--speech-result", default="", help="where the master writes the merged result")
    add("--speech-keep", default="", help="where each worker appends every request's measures")


def _begin(environment: Environment, **_: Any) -> None:
    """Register the messages between master and workers."""
    runner: Any = environment.runner
    if isinstance(runner, WorkerRunner):
        runner.register_message(_STOP, _report_last, concurrent=True)
    elif isinstance(runner, MasterRunner):
        runner.register_message(_LAST, _merge_last)


def _report(client_id: str, data: dict[str, Any]) -> None:
    del client_id
    data["streamplay"] = _RUN.histograms.encoded()


def _merge(client_id: str, data: dict[str, Any]) -> None:
    del client_id
    if "streamplay" in data:
        _RUN.histograms.merge(data["streamplay"])


def _report_last(environment: Environment, msg: Message) -> None:
    """Send the last report when all requests have ended."""
    del msg
    runner: Any = environment.runner
    runner.stop()
    runner.send_message(_LAST, _RUN.histograms.encoded())


def _merge_last(environment: Environment, msg: Message) -> None:
    del environment
    _RUN.histograms.merge(msg.data)
    _RUN.done.add(msg.node_id)


def _gather(environment: Environment, **_: Any) -> None:
    """Wait for the last report of every worker: Locust's master alone waits half a second."""
    runner = environment.runner
    if not isinstance(runner, MasterRunner):
        return
    _RUN.done.clear()
    # Including those that are missing.
    _RUN.workers = set(runner.clients)
    runner.send_message(_STOP)
    until = time.monotonic() + environment.stop_timeout + _CLOSE_SECONDS
    while not _RUN.complete and time.monotonic() < until:
        gevent.sleep(0.05)


def _end(environment: Environment) -> None:
    if _RUN.measurer is not None:
        _RUN.measurer.close()
    options: Any = environment.parsed_options
    if options.speech_result and not options.worker:
        if isinstance(environment.runner, MasterRunner):
            environment.runner.stop()
        found = _RUN.histograms.to_dict() | {"complete": _RUN.complete}
        text = json.dumps(found, indent=1)
        Path(options.speech_result).write_text(text + "\n", encoding="utf-8")


def _start(environment: Environment, **_: Any) -> None:
    """Reset our figures with each test, as Locust does its own; start the child once."""
    _RUN.histograms = Histograms()
    options: Any = environment.parsed_options
    if _RUN.measurer is None and not isinstance(environment.runner, MasterRunner):
        keep = Path(options.speech_keep) if options.speech_keep else None
        _RUN.measurer = Measurer(options.speech_target, keep)


# Locust's hooks are not typed.
_hooks: Final[Any] = events
_hooks.init_command_line_parser.add_listener(_add_arguments)
_hooks.init.add_listener(_begin)
_hooks.test_start.add_listener(_start)
_hooks.report_to_master.add_listener(_report)
_hooks.worker_report.add_listener(_merge)
_hooks.test_stop.add_listener(_gather)
_hooks.quitting.add_listener(_end)
