"""One player plays once: what was heard of it, and what it took."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.comparison.ear import Ear, judge
from benchmarks.comparison.peers import python_of
from benchmarks.comparison.rows import FIRST_BYTE_MS

if TYPE_CHECKING:
    from benchmarks.comparison.peers import Peer
    from benchmarks.comparison.rows import Row
    from tests.support.nullsink import NullSink

RATE = 24000

BUSY_SECONDS = (0.5, 2.5)
"""After the first sound: while this passes, the processor time is what playing takes."""


@dataclass(frozen=True)
class Stand:
    """Where everyone plays."""

    sink: NullSink
    url: str
    venvs: Path

    def start(self, peer: Peer, row: Row) -> subprocess.Popen[bytes]:
        """Start a player, in a group of its own."""
        command = peer.command(row.way, row.load, self.url, row.schedule)
        if peer.python:
            command = [str(python_of(self.venvs / peer.folder)), *command]
        everything = os.environ | self.sink.environment
        # As it is installed: nobody's modules are compiled anew at each start.
        everything.pop("PYTHONDONTWRITEBYTECODE", None)
        return subprocess.Popen(
            command,
            env={name: it for name, it in everything.items() if not name.startswith("TOGETHER")},
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


class Performance:
    """A player at work."""

    def __init__(self, stand: Stand, peer: Peer, row: Row) -> None:
        self._row = row
        self._ear = Ear(stand.sink.environment)
        self.facts: dict[str, Any] = {}
        self._begun = time.perf_counter()
        self._process = stand.start(peer, row)
        self._takes_orders = peer.python
        self._errors = b""
        self._listener = threading.Thread(target=self._read_errors, daemon=True)
        self._listener.start()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors = self._process.stderr.read()

    def run(self) -> dict[str, Any]:
        """Have it play to its end; return the facts."""
        killer = threading.Timer(self._row.patience, self._kill)
        killer.start()
        if self._row.way == "warm":
            self._go()
        if self._row.cut_after and self._ear.hears(self._row.patience):
            self._stop()
        self._end()
        killer.cancel()
        time.sleep(0.3)
        heard = self._ear.close()
        self._tell(judge(heard, round(self._row.seconds * RATE)))
        return self.facts

    def _go(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        if self._process.stdout.readline():
            self._begun = time.perf_counter()
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()

    def _stop(self) -> None:
        assert self._ear.first is not None
        assert self._process.stdin is not None
        begin, end = BUSY_SECONDS
        _sleep_until(self._ear.first + begin)
        before = _cpu_seconds(self._process.pid)
        _sleep_until(self._ear.first + end)
        self.facts["busy"] = (_cpu_seconds(self._process.pid) - before) / (end - begin)
        _sleep_until(self._ear.first + self._row.cut_after)
        stopped = time.perf_counter()
        if self._takes_orders:
            with suppress(BrokenPipeError):
                self._process.stdin.write(b"stop\n")
                self._process.stdin.flush()
        else:
            self._kill()
        self._stopped = stopped

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _end(self) -> None:
        self._listener.join()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.facts |= {
            "status": self._process.returncode,
            "wall": time.perf_counter() - self._begun,
            "cpu": usage.ru_utime + usage.ru_stime,
            "rss": usage.ru_maxrss / 1024,
        }
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def _tell(self, judged: dict[str, float]) -> None:
        ear = self._ear
        if ear.first is None or ear.last is None:
            self.facts["trouble"] = self._errors.decode(errors="replace").strip()[-200:]
            return
        self.facts |= judged
        self.facts["first"] = 1000 * (ear.first - self._begun)
        self.facts["after_byte"] = self.facts["first"] - FIRST_BYTE_MS
        self.facts["sounded"] = 1000 * (ear.last - ear.first)
        if self._row.cut_after:
            self.facts["stop"] = 1000 * (ear.last - self._stopped)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.perf_counter()))


def _cpu_seconds(group: int) -> float:
    """Return the processor time of all threads of a session that live, in seconds."""
    total = 0.0
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            if process.name.isdigit() and os.getsid(int(process.name)) == group:
                for thread in (process / "task").iterdir():
                    total += int((thread / "schedstat").read_text().split()[0]) / 1e9
    return total
