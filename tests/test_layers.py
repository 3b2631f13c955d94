"""Imports go downwards only: the layers of docs/architecture.md, held."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import streamplay

PACKAGE = Path(streamplay.__file__).parent

# From the top to the ground. A package is one layer, and so is a module at the top level. Each
# imports from the rows below it, never from its own or from those above; imports for types count.
LAYERS = (
    {"__main__"},
    {"integrations"},
    {"cli"},
    {"bench"},
    {"aio"},
    {"player"},
    {"core"},
    {"closing", "scheduler", "replay"},
    {"speech"},
    {"backend"},
    {"speech_servers", "head_start"},
    {"options"},
    {"events", "playback", "server"},
    {"outputs", "policy", "network", "words"},
    {"stream", "loop", "reading"},
    {"request", "trace", "presentable", "notices", "codecs", "resample"},
    {"models", "failover"},
    {"audio", "kept_files"},
    {"rules", "files"},
    {"errors"},
    {"receipt"},
)

# Of the packages below cli and bench, the modules that others may import: the rest is internal.
ENTRANCES = {
    "codecs": {"adts", "frame_cutter", "mp3", "packets", "readers", "tempo"},
    "network": {"api", "client", "early", "early_response", "endpoint", "response", "retry"}
    | {"timeouts", "transport"},
    "outputs": {"base", "devices", "opening", "portaudio", "recording", "watchdog"},
    "playback": {
        "changes",
        "pump",
        "reference",
        "device_search",
        "session",
        "silence",
        "track",
    },
    "policy": {"jitter", "learning", "simulate", "store"},
    "rules": {"alternatives", "checks", "families", "fields", "option_table", "pronunciation"},
    "server": {"child", "service"},
    "speech": {"account", "landmarks", "producer", "resources", "source", "state", "steering"}
    | {"utterance"},
    "stream": {"declared", "decoder", "sniff", "sse", "stillness", "wire"},
    "words": {"books", "boundaries", "document", "passage", "sources", "subtitles", "text"},
}

# What does no I/O, reads no clock and starts no thread: time is an argument.
CORE = {
    "failover",
    "speech.joining",
    "speech.loudness",
    "stream",
    "codecs",
    "playback.queue",
    "playback.silence",
    "policy.jitter",
    "policy.learning",
    "policy.simulate",
    "words.boundaries",
    "words.lexicon",
    "words.token_pace",
    "words.passage",
    "words.preparation",
    "words.addresses",
    "words.blocks",
    "words.cleaning",
    "words.document",
    "words.hypertext",
    "words.inline",
    "words.markdown",
    "words.markup",
    "words.reasoning",
    "words.text",
}
CORE |= {"playback.ring", "playback.playclock", "playback.playout", "playback.tape"}
IMPURE = {"asyncio", "datetime", "http", "logging", "multiprocessing", "os", "pathlib", "queue"}
IMPURE |= {"random", "select", "selectors", "shutil", "signal", "socket", "ssl", "subprocess"}
IMPURE |= {"tempfile", "threading", "time", "urllib"}

# Where each outside library may be imported: what may change with it is in one place.
LIBRARIES: dict[str, set[str]] = {
    # HTTP is spoken by network.transport alone.
    "httpx": set(),
    "httpcore": set(),
    "h11": set(),
    "certifi": {"network.connection"},
    "httpx_sse": {"stream.sse", "stream.wire", "stream.dialects"},
    "sounddevice": {"outputs.portaudio", "outputs.quiet"},
    "av": {"codecs.packets", "codecs.tempo"},
    "aiohttp": {"server"},
    "espeakng_loader": {"server"},
    "rich": {"cli", "bench"},
    "argcomplete": {"cli"},
    "sentencex": {"words.text"},
    "markdown_it": {"words.inline"},
    "lxml": {"words.markup", "words.epub"},
}

# Imported where they are used: a request leaves before they are loaded.
HEAVY = {"aiohttp", "av", "httpx", "httpx_sse", "markdown_it", "numpy", "rich", "sounddevice"}
HEAVY |= {"soundfile", "soxr"}

MAX_LINES = 500


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


SOURCES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
# The package's own __init__ gathers the public names; test_public_names holds it.
MODULES = sorted(SOURCES.keys() - {"__init__"})


class _Imports(ast.NodeVisitor):
    """Collects what a module imports, apart from what only the type checker sees."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.typing: set[str] = set()
        self._found = self.running

    @property
    def all(self) -> set[str]:
        """Those of streamplay's modules, for types too."""
        return _ours(self.running | self.typing)

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            self._found = self.typing
            for statement in node.body:
                self.visit(statement)
            self._found = self.running
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self._found.update(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "relative imports are not used here"
        assert node.module is not None
        for alias in node.names:
            # `from streamplay.cli import console` names a module, not a thing inside one.
            inner = f"{node.module}.{alias.name}"
            self._found.add(inner if inner.removeprefix("streamplay.") in SOURCES else node.module)


@cache
def _imports(module: str) -> _Imports:
    found = _Imports()
    found.visit(ast.parse(SOURCES[module].read_text(encoding="utf-8")))
    return found


def _ours(names: set[str]) -> set[str]:
    """Those of the names that are streamplay's modules, without the package's own name."""
    inside = {name.removeprefix("streamplay.") for name in names if name.startswith("streamplay.")}
    return {name for name in inside if name in SOURCES}


def _libraries(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def _within(module: str, names: set[str]) -> str | None:
    """Return the longest of `names` that is `module` or a package around it."""
    around = [name for name in names if f"{module}.".startswith(f"{name}.")]
    return max(around, key=len, default=None)


def _top(module: str) -> str:
    return module.partition(".")[0]


def _layer(module: str) -> int:
    rows = [index for index, names in enumerate(LAYERS) if _top(module) in names]
    assert rows, f"{module} has no layer: give {_top(module)} one in {Path(__file__).name}"
    return rows[0]


def test_every_name_in_the_tables_is_a_module() -> None:
    entrances = {f"{package}.{name}" for package, names in ENTRANCES.items() for name in names}
    named = set().union(*LAYERS, CORE, entrances, *LIBRARIES.values())
    assert named <= SOURCES.keys()
    packages = {module for module in MODULES if SOURCES[module].name == "__init__.py"}
    assert ENTRANCES.keys() | {"cli", "bench", "bench.html", "integrations"} == packages


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards_only(module: str) -> None:
    others = {name for name in _imports(module).all if _top(name) != _top(module)}
    assert not {name for name in others if _layer(name) <= _layer(module)}


@pytest.mark.parametrize("package", ENTRANCES)
def test_others_import_only_the_entrances_of_a_package(package: str) -> None:
    importers = [module for module in MODULES if _top(module) != package]
    used = {name for module in importers for name in _imports(module).all}
    inside = {name.removeprefix(f"{package}.") for name in used if _top(name) == package}
    assert inside == ENTRANCES[package]


def test_no_two_modules_import_each_other_even_roundabout() -> None:
    graph = {module: _imports(module).all for module in MODULES}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules of the circle


def test_a_package_is_empty_so_that_one_of_its_modules_imports_no_other() -> None:
    # The command line starts in its package, and test_public_names holds the package of all.
    packages = [name for name in MODULES if SOURCES[name].name == "__init__.py" and name != "cli"]
    bodies = [ast.parse(SOURCES[name].read_text(encoding="utf-8")).body for name in packages]
    assert [name for name, body in zip(packages, bodies, strict=True) if len(body) > 1] == []


def test_no_module_has_the_name_of_another() -> None:
    # A command of the command line is called as the module that it shows.
    found = defaultdict(list)
    for module in MODULES:
        is_package = SOURCES[module].name == "__init__.py"
        if _top(module) != "cli" and not module.endswith("__main__") and not is_package:
            found[module.rpartition(".")[2]].append(module)
    assert {name: modules for name, modules in found.items() if len(modules) > 1} == {}


def test_no_class_has_the_name_of_another() -> None:
    found = defaultdict(list)
    for module in MODULES:
        for node in ast.walk(ast.parse(SOURCES[module].read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(module)
    assert {name: modules for name, modules in found.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("module", MODULES)
def test_an_outside_library_is_imported_in_its_place_alone(module: str) -> None:
    libraries = _libraries(_imports(module).running)
    strays = {name for name in libraries & LIBRARIES.keys() if not _within(module, LIBRARIES[name])}
    assert not strays


@pytest.mark.parametrize("module", [name for name in MODULES if _within(name, CORE)])
def test_the_core_does_no_io_and_reads_no_clock(module: str) -> None:
    assert not _libraries(_imports(module).running) & IMPURE


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_a_module_can_be_read_in_one_sitting(module: str) -> None:
    assert len(SOURCES[module].read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_importing_all_public_names_loads_nothing_heavy() -> None:
    script = f"import sys; from streamplay import *; print(*sorted({HEAVY!r} & sys.modules.keys()))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    ).stdout.split()
    assert loaded == []
