"""Mutation testing: change one thing in a module, and see whether its tests notice.

    .venv/bin/python -m benchmarks.trust.mutate MODULE SECONDS SEED

prints JSON: what was planned, tried and killed, and the changes that survived. Changes are made to
the syntax tree, in an order by seed; each is tried in a process of its own, forked from one that
has imported what is outside of the package. Cheaper here than mutmut and cosmic-ray, which start an
interpreter and a null sink for each change.
"""

from __future__ import annotations

import ast
import copy
import importlib.abc
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 60.0
"""Seconds for the tests of one change; what takes longer is killed, and so is the change."""

TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "stream/sse.py": ("tests/stream/test_sse.py",),
    "stream/wire.py": ("tests/stream/test_wire.py", "tests/stream/test_dialects.py"),
    "stream/decoder.py": ("tests/stream/test_decoder.py", "tests/stream/test_riff.py"),
    "policy/jitter.py": ("tests/policy/test_jitter.py", "tests/policy/test_simulate.py"),
    "playback/playout.py": ("tests/playback/test_playout.py",),
    "playback/queue.py": ("tests/playback/test_queue.py", "tests/playback/test_queue_end.py"),
    "network/retry.py": ("tests/network/test_retry.py",),
}
"""Modules of the package, and the tests that are to notice."""


@dataclass(slots=True)
class Outcome:
    """What became of the changes to one module."""

    planned: int = 0
    tried: int = 0
    killed: int = 0
    survivors: list[str] = field(default_factory=list)


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


def changes(tree: ast.Module) -> list[tuple[ast.AST, ast.AST]]:
    """Return every node that can be changed, with what stands in its place."""
    found = []
    for owner in ast.walk(tree):
        if isinstance(owner, ast.Call) and "Error" in ast.unparse(owner.func):
            continue
        for node in ast.iter_child_nodes(owner):
            # Annotations, docstrings and sentences of errors are not what tests are about.
            if node in (getattr(owner, "annotation", None), getattr(owner, "returns", None)):
                continue
            found += [(node, new) for new in changed(node)]
    return found


class _Replaced(ast.NodeTransformer):
    """Puts one node in place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self._new if node is self._old else self.generic_visit(node)


def _mutant(source: str, number: int) -> tuple[ast.Module, str]:
    """Return the tree with one change, and what the change is."""
    tree = ast.parse(source)
    old, new = changes(tree)[number]
    line = getattr(old, "lineno", 0)
    was, now = (ast.unparse(each).split("\n")[0][:70] for each in (old, new))
    mutated = ast.fix_missing_locations(_Replaced(old, new).visit(tree))
    return mutated, f"line {line}: {was} → {now}"


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


def _survives(target: str, tree: ast.Module | None) -> bool:
    """Run the tests of a module in a child, with a change or without one."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            if tree is not None:
                name = "streamplay." + target.removesuffix(".py").replace("/", ".")
                sys.meta_path.insert(0, _Finder(name, ROOT / "streamplay" / target, tree))
            code = _run_tests(target)
        finally:
            os._exit(code)
    return _wait(child) == 0


def _run_tests(target: str) -> int:
    import pytest
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "mutants",
        deadline=None,
        derandomize=True,
        database=None,
        max_examples=40,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
    quiet = "ignore::pytest.PytestAssertRewriteWarning"  # hypothesis is there already
    options = ["-x", "-q", "-W", quiet, "--noconftest", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return int(pytest.main([*options, *TARGETS[target]]))


def _wait(child: int) -> int:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def mutate(target: str, seconds: float, seed: int) -> Outcome:
    """Try changes to a module until the time is up. To be called in a fresh process."""
    import hypothesis  # noqa: F401 - imported once, before the children are forked
    import numpy as np  # noqa: F401
    import pytest  # noqa: F401

    until = time.monotonic() + seconds
    os.chdir(ROOT)
    source = (ROOT / "streamplay" / target).read_text()
    outcome = Outcome(planned=len(changes(ast.parse(source))))
    if not _survives(target, None):
        raise RuntimeError(f"the tests of {target} fail without any change")
    numbers = list(range(outcome.planned))
    random.Random(seed).shuffle(numbers)
    for number in numbers:
        if time.monotonic() > until:
            break
        tree, told = _mutant(source, number)
        outcome.tried += 1
        if _survives(target, tree):
            outcome.survivors.append(told)
        else:
            outcome.killed += 1
    return outcome


def run(target: str, seconds: float, seed: int) -> Outcome:
    """Do the same in a process that has imported nothing of the package."""
    words = [sys.executable, "-m", "benchmarks.trust.mutate", target, str(seconds), str(seed)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    print(json.dumps(asdict(mutate(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))))
