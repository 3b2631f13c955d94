"""The tests mirror the package, and docs/architecture.md names every module."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import streamplay

PACKAGE = Path(streamplay.__file__).parent
TESTS = Path(__file__).parent

# Not of one module: the public names, the layers, this file; what is told on pages.
OF_THE_WHOLE = {"test_layers.py", "test_mirror.py", "test_public_names.py"}
# Of a module, and long enough for a file of their own.
BESIDE = {
    "bench/html/test_legible.py": "that every word of every page can be read",
    "network/test_floods.py": "servers that send more than is read",
    "network/test_gathering.py": "pieces of a stream that are decoded together",
    "playback/test_pump_wakes.py": "when the pump wakes, and that it misses nothing",
    "playback/test_queue_end.py": "what is written, cut and settled, by the block",
    "playback/test_queue_moves.py": "going back and forward, by the block",
    "playback/test_ring_model.py": "every interleaving of the rings",
    "playback/test_sanitize.py": "the C sources under the sanitizers",
    "policy/test_real_time.py": "the policy before an output in real time",
    "rules/test_imports.py": "what rules/ may import",
    "server/test_openapi.py": "the schema that the server publishes",
    "speech/test_offsets.py": "where words stand in the given text, through a whole player",
    "words/test_tokens.py": "a corpus of texts in the tokens of models",
}
# Modules without a test file, and the file that tests them: parts of one thing, shown by the whole.
ELSEWHERE = {
    "bench/html/compared.py": "bench/html/test_trend.py",
    "bench/html/figure.py": "bench/html/test_page.py",
    "bench/result.py": "cli/test_bench.py",
    "bench/table.py": "cli/test_bench.py",
    "cli/bench_compare.py": "cli/test_bench.py",
    "cli/live_editor.py": "cli/test_live.py",
    "cli/phrases.py": "cli/test_live.py",
    "cli/typist.py": "cli/test_live.py",
    "cli/unspoken.py": "cli/test_live.py",
    "codecs/*": "codecs/test_readers.py",
    "network/connection.py": "network/test_transport.py",
    "network/early_response.py": "network/test_early.py",
    "network/exchange.py": "network/test_transport.py",
    "outputs/base.py": "outputs/test_silent.py",  # protocols
    "playback/device_search.py": "playback/test_session.py",
    "server/sentences.py": "server/test_speech.py",
    "speech/resources.py": "test_backend.py",
    "speech_servers.py": "test_backend.py",
    "stream/headers.py": "stream/test_riff.py",
    "stream/json_body.py": "stream/test_wire.py",
    "stream/mpeg.py": "stream/test_sniff.py",
    "stream/payload.py": "stream/test_dialects.py",
    "stream/samples.py": "stream/test_decoder.py",
    "words/[abhimr]*": "words/test_cleaning.py",  # the parts of cleaning
    "words/boundaries.py": "words/test_text.py",
    "words/epub.py": "words/test_books.py",
    "words/lexicon.py": "words/test_text.py",
    "words/token_pace.py": "words/test_text.py",
}


def modules() -> dict[str, Path]:
    """Return every module's path in the package, and where its tests are looked for."""
    found = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")]
    named = [path for path in found if not path.name.startswith("__")]
    return {str(path): TESTS / path.parent / f"test_{path.name}" for path in named}


def test_every_module_has_its_test_file() -> None:
    missing = {name for name, path in modules().items() if not path.exists()}
    named = {name for pattern in ELSEWHERE for name in fnmatch.filter(missing, pattern)}
    assert missing - named == set()
    assert all((TESTS / name).exists() for name in ELSEWHERE.values())


def test_every_test_file_is_of_a_module() -> None:
    of_modules = set(modules().values()) | {TESTS / name for name in (*OF_THE_WHOLE, *BESIDE)}
    apart = {TESTS / "system", TESTS / "benchmarks", TESTS / "types"}
    strays = [
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("test_*.py")
        if path not in of_modules and not apart & set(path.parents)
    ]
    assert sorted(strays) == []


def test_the_page_on_the_architecture_names_every_module() -> None:
    page = (TESTS.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", page))))
    unnamed = [name for name in modules() if Path(name).stem not in words]
    assert sorted(unnamed) == []
