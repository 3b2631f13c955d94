"""How long the way is: own functions and objects that one `say` passes through.

Four stretches, counted with ``sys.setprofile`` in all threads:

- *asked*: from `Player.say` until the network client is asked for the answer,
- *sent*: the same until the request is handed to httpx, or to a socket where that is our own,
- *played*: from the wake-up in which audio bytes came until their frames are in the ring,
- *heard*: from the wake-up in which the pump reads that the last frame was heard until
  `Utterance.wait` may return.

Counted are streamplay's own functions that were entered (each once, comprehensions and lambdas
left out), the objects whose methods these are, their modules, and queues: `asyncio.Queue`,
`collections.deque` and `queue.SimpleQueue` that something was put into. For *asked* and *sent* the
spine is told too: the functions that wait for what is called at its end, and not the checks
and counts on the way; a task's spine begins with that of the code that created it, and the
scheduler's with that of `say`. A smaller number is a shorter way for a reader; it says nothing
about time.

    .venv/bin/python -m benchmarks.hops [--tree DIR] [--list]
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import subprocess
import sys
import threading
import time
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import CodeType, FrameType


class Entry(NamedTuple):
    """One own function that was entered, or a queue that something was put into."""

    at: float
    thread: int
    code: CodeType | str
    owner: int
    stack: tuple[tuple[str, int], ...]


SPINE: ContextVar[tuple[tuple[str, int], ...]] = ContextVar("spine", default=())
"""The functions, and the objects whose methods they are, that led to what runs now."""


def own_frames(frame: FrameType | None, package: str) -> tuple[tuple[str, int], ...]:
    """Return the own functions on the stack, outermost first, and whose methods they are."""
    found = []
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(package) and not code.co_name.startswith("<"):
            name = f"{Path(code.co_filename).stem}.{code.co_name}"
            found.append((name, id(frame.f_locals.get("self"))))
        frame = frame.f_back
    return tuple(found[::-1])


def follow_tasks(package: str) -> None:
    """Have tasks and callbacks begin with the spine of the code that made them."""
    for name in ("create_task", "call_soon", "call_soon_threadsafe", "call_later", "call_at"):
        _follow(name, package)


def _follow(name: str, package: str) -> None:
    whole = getattr(asyncio.BaseEventLoop, name)

    def begin(self: Any, *given: Any, context: Any = None, **options: Any) -> Any:
        context = context or copy_context()
        context = context.copy()
        context.run(SPINE.set, SPINE.get() + own_frames(sys._getframe(1), package))
        return whole(self, *given, context=context, **options)

    setattr(asyncio.BaseEventLoop, name, begin)


class Log:
    """Notes what own code does, as the profile function of all threads."""

    def __init__(self, package: str) -> None:
        self.entries: list[Entry] = []
        self._package = package
        self._kept: list[object] = []  # so that no two objects have the same id
        self.spines: dict[str, tuple[tuple[str, int], ...]] = {}

    def note(self, frame: FrameType, event: str, arg: Any) -> None:
        """Take an event of the interpreter."""
        code = frame.f_code
        if event == "call":
            self._note_boundary(frame)
            if code.co_filename.startswith(self._package):
                if not code.co_name.startswith("<"):
                    self._add(code, frame.f_locals.get("self"), frame)
            elif code.co_name == "put_nowait" and "asyncio" in code.co_filename:
                self._add("queue", frame.f_locals["self"], frame)
            elif code.co_name == "select" and frame.f_locals.get("timeout") != 0:
                self._add("sleep", None, frame)
            elif code.co_name == "set_result" and "concurrent" in code.co_filename:
                self._add("future", frame.f_locals["self"], frame)
        elif event == "c_call" and code.co_filename.startswith(self._package):
            owner, name = getattr(arg, "__self__", None), arg.__name__
            queue = isinstance(owner, collections.deque) and name.startswith("append")
            if queue or (type(owner).__name__ == "SimpleQueue" and name == "put"):
                self._add("queue", owner, frame)

    def _note_boundary(self, frame: FrameType) -> None:
        code = frame.f_code
        for name, (module, functions) in BOUNDARIES.items():
            if name not in self.spines and module in code.co_filename and code.co_name in functions:
                self.spines[name] = SPINE.get() + own_frames(frame, self._package)
                if name == "sent":
                    self._add("sent", None, frame)

    def _add(self, code: CodeType | str, owner: object, frame: FrameType) -> None:
        self._kept.append(owner)
        thread = threading.get_ident()
        stack = own_frames(frame, self._package)
        self.entries.append(Entry(time.perf_counter(), thread, code, id(owner), stack))


SENT = ("httpx/_client.py", ("send",))
if Path("streamplay/network/async_connection.py").exists():
    SENT = ("network/async_connection", ("write",))

_OWN = Path("streamplay/network/async_connection.py").exists()
ASKED = ("network/api" if _OWN else "network/client", ("open",))

BOUNDARIES = {
    "asked": ASKED,
    "sent": SENT,
}
"""Where a spine ends: what part of the file's name, which functions."""


def wake_up(entries: list[Entry], end: int) -> list[Entry]:
    """Return what a loop's thread did from its last sleep to this entry, itself included."""
    mine = [each for each in entries[: end + 1] if each.thread == entries[end].thread]
    slept = max((i for i, each in enumerate(mine) if each.code == "sleep"), default=-1)
    return mine[slept + 1 :]


def is_named(entry: Entry, module: str, *names: str) -> bool:
    code = entry.code
    return not isinstance(code, str) and module in code.co_filename and code.co_name in names


def summary(entries: list[Entry], package: str) -> dict[str, Any]:
    codes = {each.code for each in entries if not isinstance(each.code, str)}
    owners = {each.owner for each in entries if not isinstance(each.code, str)}
    modules = {Path(code.co_filename).relative_to(package).as_posix() for code in codes}
    queues = {each.owner for each in entries if each.code == "queue"}
    order = dict.fromkeys(each.code for each in entries if not isinstance(each.code, str))
    return {
        "functions": len(codes),
        "objects": len(owners - {id(None)}),
        "modules": len(modules),
        "queues": len(queues),
        "way": [f"{Path(code.co_filename).stem}.{code.co_name}" for code in order],
    }


def measure() -> dict[str, Any]:
    """Say one thing, and count; in a process of its own."""
    import streamplay

    try:
        from streamplay.outputs import opening
    except ImportError:  # as the package was before
        from streamplay import outputs as opening  # type: ignore[no-redef]
    from streamplay.outputs.silent import SilentOutput
    from streamplay.server.child import LocalServer

    assert streamplay.__file__ is not None
    package = str(Path(streamplay.__file__).parent)
    vars(opening)["open_output"] = lambda rate, channels, **_: SilentOutput(rate, channels)
    log = Log(package)
    follow_tasks(package)
    threading.setprofile(log.note)  # threads that begin from now on
    server = LocalServer()
    base_url = server.start()
    scenario = {"signal": "count", "seconds": 1.0, "pace": 1, "chunk_ms": 200}
    extra = {"extra_params": {"scenario": scenario}}
    with streamplay.Player(base_url=base_url, engine="python") as player:
        player.say("warm", extra=extra).wait(20)
        time.sleep(0.3)
        del log.entries[:]
        log.spines.clear()
        sys.setprofile(log.note)
        begun = time.perf_counter()
        player.say("hello", extra=extra).wait(20)
        sys.setprofile(None)
        entries = sorted(each for each in log.entries if each.at >= begun)
    threading.setprofile(None)
    server.close()
    found = stretches(entries, package)
    for name in ("asked", "sent"):
        found[name].update(spine_of(log.spines[name]))
    return found


def spine_of(*stacks: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    """Return what a spine comes to, of one that led to the next; each function counts once."""
    # A loop's own function is under every callback, and none of the way.
    whole = dict.fromkeys(each for stack in stacks for each in stack if each[0] != "loop._run")
    return {
        "spine calls": len(whole),
        "spine objects": len({owner for _, owner in whole} - {id(None)}),
        "spine": [function for function, _ in whole],
    }


def handed_on(entries: list[Entry]) -> list[tuple[tuple[str, int], ...]]:
    """Return the stacks where something was handed on to another task, and the last one."""
    return [each.stack for each in entries if each.code in {"queue", "future"}] + [
        entries[-1].stack
    ]


def stretches(entries: list[Entry], package: str) -> dict[str, Any]:
    asked = next(i for i, each in enumerate(entries) if is_named(each, *ASKED[:1], *ASKED[1]))
    sent = next(i for i, each in enumerate(entries) if each.code == "sent")
    rings = [
        i
        for i, each in enumerate(entries)
        if is_named(each, "playback/playout", "write", "write_frames")
    ]
    ways = sorted((wake_up(entries, i) for i in rings[1:-1]), key=len)
    played = ways[len(ways) // 2]
    over = next(i for i, each in enumerate(entries) if is_named(each, "speech/", "settle"))
    heard = wake_up(entries, over)
    return {
        "asked": summary(entries[: asked + 1], package),
        "sent": summary(entries[: sent + 1], package),
        "played": {**summary(played, package), **spine_of(*handed_on(played))},
        "heard": {**summary(heard, package), **spine_of(*handed_on(heard))},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tree", default=".", help="a checkout whose package is measured")
    parser.add_argument("--list", action="store_true", help="name the functions, in order")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure()))
        return
    tree = str(Path(args.tree).resolve())
    command = [sys.executable, str(Path(__file__).resolve()), "--measure"]
    environment = {**os.environ, "PYTHONPATH": tree}
    found = json.loads(subprocess.check_output(command, env=environment, cwd=tree))
    for name, facts in found.items():
        numbers = {key: value for key, value in facts.items() if isinstance(value, int)}
        print(f"{name}: " + ", ".join(f"{value} {key}" for key, value in numbers.items()))
        if args.list:
            print("    " + " ".join(facts.get("spine") or facts["way"]))


if __name__ == "__main__":
    main()
