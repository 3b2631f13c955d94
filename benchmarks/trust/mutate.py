"""Mutation testing: change one thing in a module, and see whether its tests notice.

    .venv/bin/python -m benchmarks.trust.mutate MODULE [SECONDS [SEED]]

prints JSON: what was planned, tried and killed, and the changes that survived. Changes are made to
the syntax tree, in an order by seed. A change inside of a function is tried in a child of a process
that has collected the tests already: the child gives the function its changed code, and runs the
tests that came by the changed statement. A change outside of functions is tried in a process that
imports the changed module. Cheaper here than mutmut and cosmic-ray, which start an interpreter for
each change. Why a survivor is none of the tests' business stands in `survivors.toml`.
"""

from __future__ import annotations

import ast
import copy
import gc
import importlib.abc
import importlib.util
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT: Final = Path(__file__).parents[2]
REASONS: Final = Path(__file__).with_name("survivors.toml")
PATIENCE: Final = 30.0
"""Seconds for the tests of one change; what takes longer is killed, and so is the change."""
MEMORY: Final = 6 << 30
"""Bytes of addresses for a child: a changed loop may never stop growing."""

TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "stream/sse.py": ("stream/test_sse",),
    "stream/wire.py": (
        *("stream/test_wire", "stream/test_dialects", "stream/test_repeats"),
        *("stream/test_outcomes", "stream/test_base64_body"),
    ),
    "stream/json_body.py": ("stream/test_wire", "stream/test_outcomes"),
    "stream/event_notes.py": ("stream/test_event_notes", "stream/test_wire"),
    "stream/decoder.py": (
        *("stream/test_decoder", "stream/test_riff", "stream/test_guard", "stream/test_declared"),
        *("test_resample", "stream/test_sniff", "stream/test_stillness"),
        "codecs/test_readers",
    ),
    "policy/jitter.py": ("policy/test_jitter", "policy/test_simulate", "policy/test_learning"),
    "playback/playout.py": (
        "playback/test_playout",
        "playback/test_reference",
        "playback/test_ring",
    ),
    "playback/queue.py": (
        *("playback/test_queue", "playback/test_queue_end", "playback/test_queue_moves"),
        *("playback/test_pump", "playback/test_pump_wakes", "playback/test_tape"),
        *("playback/test_track", "playback/test_virtual", "speech/test_steering"),
    ),
    "network/retry.py": ("network/test_retry",),
}
"""Modules of the package, and the tests that are to notice."""


@dataclass(slots=True)
class Outcome:
    """What became of the changes to one module."""

    planned: int = 0
    tried: int = 0
    killed: int = 0
    survivors: list[str] = field(default_factory=list)


# The changes

_COMPARED: Final = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_RECKONED: Final = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in place of a node."""
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            new = copy.deepcopy(node)
            new.ops[at] = _COMPARED[type(operator)]()
            yield new
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in _RECKONED:
        new_op = copy.deepcopy(node)
        new_op.op = _RECKONED[type(node.op)]()
        yield new_op
    elif isinstance(node, ast.BoolOp):
        other = copy.deepcopy(node)
        other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield other
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, (int, float)):
            yield ast.Constant(node.value + 1)
    else:
        yield from _changed_statement(node)


def _changed_statement(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, (ast.If, ast.While)) and not _is_for_types(node):
        for value in (True, False):
            if isinstance(node, ast.If) or not value:
                new_if = copy.deepcopy(node)
                new_if.test = ast.Constant(value)
                yield new_if
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()


def _is_for_types(node: ast.If | ast.While) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@dataclass(frozen=True, slots=True)
class Change:
    """One change: where it is, and what it is."""

    old: ast.AST
    new: ast.AST
    name: str
    """The function or class that it is in, and the change: what `survivors.toml` names it by."""
    function: str
    """The outermost function that it is in; empty outside of functions."""
    lines: tuple[int, int]
    """Of its statement, without the statements inside of that."""


def changes(tree: ast.Module) -> list[Change]:
    """Return every change that can be made to a tree."""
    found = [*_changes_in(tree)]
    times, numbered = Counter[str](), []
    for each in found:
        times[each.name] += 1
        number = times[each.name]
        again = f" #{number}" if number > 1 else ""
        numbered.append(Change(each.old, each.new, each.name + again, each.function, each.lines))
    return numbered


def _changes_in(
    owner: ast.AST,
    names: tuple[str, ...] = (),
    function: str = "",
    lines: tuple[int, int] = (0, 0),
    statement: str = "",
) -> Iterator[Change]:
    if isinstance(owner, ast.Call) and "Error" in ast.unparse(owner.func):
        return
    body = getattr(owner, "body", ())
    statement = _first_line(owner) if isinstance(owner, ast.stmt) else statement
    for node in ast.iter_child_nodes(owner):
        # Annotations and sentences of errors are not what tests are about.
        if node in (getattr(owner, "annotation", None), getattr(owner, "returns", None)):
            continue
        inner, outermost = names, function
        if isinstance(owner, (ast.FunctionDef, ast.ClassDef)) and node in body:
            inner = (*names, owner.name)
            if isinstance(owner, ast.FunctionDef) and not function:
                outermost = ".".join(inner)
        own = _own_lines(node) if isinstance(node, ast.stmt) else lines
        for new in changed(node):
            name = f"{_first_line(node)} → {_first_line(new)}"
            name += "" if isinstance(node, ast.stmt) else f" in {statement}"
            yield Change(node, new, f"{'.'.join(inner) or 'module'}: {name}", outermost, own)
        yield from _changes_in(node, inner, outermost, own, statement)


def _first_line(node: ast.AST) -> str:
    return ast.unparse(node).partition("\n")[0][:120]


def _own_lines(node: ast.stmt) -> tuple[int, int]:
    body = getattr(node, "body", None)
    first = min((each.lineno for each in body or ()), default=(node.end_lineno or 0) + 1)
    return node.lineno, max(node.lineno, first - 1)


class _Replaced(ast.NodeTransformer):
    """Puts one node in place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self._new if node is self._old else self.generic_visit(node)


def _mutant(source: str, number: int) -> ast.Module:
    """Return the tree with one change."""
    tree = ast.parse(source)
    one = changes(tree)[number]
    ast.copy_location(one.new, one.old)
    return ast.fix_missing_locations(_Replaced(one.old, one.new).visit(tree))


# Trying them


def _in_child(act: Callable[[], int], patience: float = PATIENCE) -> int:
    """Run a function in a child; return what it returns, or another number where it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            code = act()
        finally:
            os._exit(code)
    until = time.monotonic() + patience
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a changed module in place of the one on the disk."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name, self._path, self._tree = name, path, tree

    def find_spec(self, fullname: str, *_: Any) -> Any:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: Any) -> None:
        exec(compile(self._tree, str(self._path), "exec"), vars(module))  # noqa: S102 - our own


def _pytest(target: str, *plugins: object) -> int:
    """Run the tests of a module in this process."""
    import pytest
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutants",
        deadline=None,
        derandomize=True,
        database=None,
        max_examples=100,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
    quiet = "ignore::pytest.PytestAssertRewriteWarning"  # hypothesis is there already
    options = ["-x", "-q", "-s", "-W", quiet, "--noconftest", "-p", "no:cacheprovider"]
    paths = [f"tests/{name}.py" for name in TARGETS[target]]
    return int(pytest.main([*options, "-p", "no:xdist", *paths], plugins=list(plugins)))


class _Trials:
    """A plugin of pytest: tries changes of functions, each in a child forked after collection."""

    def __init__(self, target: str, numbers: Sequence[int], until: float, told: Path) -> None:
        self._path = ROOT / "streamplay" / target
        self._source = self._path.read_text()
        self._changes = changes(ast.parse(self._source))
        self._numbers, self._until, self._told = numbers, until, told
        self._failed = self._unusable = False

    def pytest_runtestloop(self, session: Any) -> bool:
        seen = self._baseline(session)
        survived: dict[int, bool] = {}
        for number in self._numbers:
            if time.monotonic() > self._until:
                break
            items = self._chosen(session.items, seen, number)
            code = _in_child(partial(self._try, session, number, items)) if items else 0
            survived[number] = code == 0
        self._told.write_text(json.dumps(survived))
        return True

    def _baseline(self, session: Any) -> dict[str, tuple[float, set[int]]]:
        """Return the seconds that each test takes without a change, and the lines it comes by."""
        noted = self._told.with_suffix(".lines")

        def run() -> int:
            found: dict[str, tuple[float, list[int]]] = {}
            for at, item in enumerate(session.items):
                lines: set[int] = set()
                sys.settrace(self._tracer(lines))
                begun = time.monotonic()
                self._failed = self._unusable = False
                _protocol(item, session.items[at + 1 : at + 2])
                sys.settrace(None)
                if self._failed:
                    noted.write_text(json.dumps(item.nodeid))
                    return 1
                if not self._unusable:
                    found[item.nodeid] = time.monotonic() - begun, sorted(lines)
            noted.write_text(json.dumps(found))
            return 0

        if _in_child(run, patience=600):
            raise RuntimeError(f"{noted.read_text()} fails without any change")
        read = json.loads(noted.read_text())
        return {name: (seconds, set(lines)) for name, (seconds, lines) in read.items()}

    def _tracer(self, lines: set[int]) -> Any:
        path = str(self._path)

        def local(frame: Any, _event: str, _argument: object) -> Any:
            lines.add(frame.f_lineno)
            return local

        return lambda frame, *_: local if frame.f_code.co_filename == path else None

    def _chosen(
        self, items: list[Any], seen: dict[str, tuple[float, set[int]]], number: int
    ) -> list[Any]:
        """Return the tests that come by a change, the quick ones first."""
        first, last = self._changes[number].lines
        touched = set(range(first, last + 1))
        by = [each for each in items if each.nodeid in seen and seen[each.nodeid][1] & touched]
        return sorted(by, key=lambda each: seen[each.nodeid][0])

    def _try(self, session: Any, number: int, items: list[Any]) -> int:
        tree = _mutant(self._source, number)
        _give_code(self._path, self._changes[number].function, compile(tree, self._path, "exec"))
        for at, item in enumerate(items):
            _protocol(item, items[at + 1 : at + 2])
            if self._failed or session.shouldfail or session.shouldstop:
                return 1
        return 0

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._failed |= report.failed and report.when == "call"
        # A fixture of conftest.py, which is not loaded.
        self._unusable |= report.when == "setup" and not report.passed


def _protocol(item: Any, following: list[Any]) -> None:
    item.config.hook.pytest_runtest_protocol(
        item=item, nextitem=following[0] if following else None
    )


def _give_code(path: Path, function: str, module: CodeType) -> None:
    """Give the functions that a module has made the code of a changed one."""
    new = {(each.co_qualname, each.co_firstlineno): each for each in _codes(module)}
    given = 0
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename == str(path):
            key = each.__code__.co_qualname, each.__code__.co_firstlineno
            if key[0] == function or key[0].startswith(f"{function}.<locals>"):
                each.__code__ = new[key]
                given += 1
    assert given, function


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def mutate(target: str, seconds: float, seed: int) -> Outcome:
    """Try changes to a module until the time is up. To be called in a fresh process."""
    import tempfile

    import hypothesis  # noqa: F401 - imported once, before the children are forked
    import numpy as np  # noqa: F401
    import pytest  # noqa: F401

    until = time.monotonic() + seconds
    os.chdir(ROOT)
    source = (ROOT / "streamplay" / target).read_text()
    every = changes(ast.parse(source))
    numbers = list(range(len(every)))
    random.Random(seed).shuffle(numbers)
    inside = [number for number in numbers if every[number].function]
    survived: dict[int, bool] = {}
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told"
        trials = _Trials(target, inside, until, told)
        _in_child(lambda: _pytest(target, trials), patience=seconds + 600)
        if not told.exists():
            raise RuntimeError(f"the tests of {target} fail without any change")
        survived |= {int(number): it for number, it in json.loads(told.read_text()).items()}
    for number in numbers:
        if number not in survived and not every[number].function and time.monotonic() < until:
            survived[number] = _in_child(partial(_import_and_run, target, source, number)) == 0
    left = [every[number].name for number, it in sorted(survived.items()) if it]
    return Outcome(len(every), len(survived), len(survived) - len(left), left)


def _import_and_run(target: str, source: str, number: int) -> int:
    name = "streamplay." + target.removesuffix(".py").replace("/", ".")
    tree = _mutant(source, number)
    sys.meta_path.insert(0, _Finder(name, ROOT / "streamplay" / target, tree))
    return _pytest(target)


def counts() -> dict[str, int]:
    """Return how many changes can be made to each module."""
    sources = {target: (ROOT / "streamplay" / target).read_text() for target in TARGETS}
    return {target: len(changes(ast.parse(source))) for target, source in sources.items()}


def reasons() -> dict[tuple[str, str], str]:
    """Return why changes may survive, by module and name of the change."""
    found = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    return {
        (module, change): why
        for module, groups in found.items()
        for group in groups
        for why in [group["why"]]
        for change in group["changes"]
    }


def run(target: str, seconds: float, seed: int) -> Outcome:
    """Do the same in a process that has imported nothing of the package."""
    words = [sys.executable, "-m", "benchmarks.trust.mutate", target, str(seconds), str(seed)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    target_, seconds_, seed_ = (*sys.argv[1:], "3600", "1")[:3]
    print(json.dumps(asdict(mutate(target_, float(seconds_), int(seed_))), ensure_ascii=False))
