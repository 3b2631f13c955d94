"""Where sentences end: sentencex, pySBD and stream2sentence, over the test sentences of all three.

    .venv/bin/python -m benchmarks.splitters [--rounds 3]

The three are installed into `.peers/splitters`, and their repositories cloned beside it for the
sentences. Each is scored over every language that it has named rules for, and over all. A text
counts when all of its sentences come out as the test says.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
import time
import venv
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Case = tuple[str, str, list[str]]  # language, text, sentences
    Split = Callable[[str, str], list[str]]

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".peers"
PYTHON = PEERS / "splitters" / "bin" / "python"
PACKAGES = ("sentencex", "pysbd", "stream2sentence")
REPOSITORIES = {
    "sentencex": "https://github.com/wikimedia/sentencex",
    "pySBD": "https://github.com/nipunsadvilkar/pySBD",
    "stream2sentence": "https://github.com/KoljaB/stream2sentence",
}
SPEED_CHARACTERS = 100_000
SENTENCE = "Dr. Smith measured 3.5 volts at the input, which is more than the U.S. standard allows."


def prepare() -> None:
    """Install the three, and fetch their tests, where that was not done before."""
    if not PYTHON.exists():
        venv.create(PEERS / "splitters", with_pip=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    for name, address in REPOSITORIES.items():
        if not (PEERS / name).exists():
            command = ["git", "clone", "--quiet", "--depth", "1", address, str(PEERS / name)]
            subprocess.run(command, check=True)


# The sentences


def of_sentencex() -> Iterator[Case]:
    """Yield what its Rust tests hold: a text, dashes, its sentences; a file for each language."""
    for file in sorted((PEERS / "sentencex" / "tests").glob("??.txt")):
        for case in file.read_text(encoding="utf-8").split("==="):
            parts = [part.strip() for part in case.split("---") if part.strip()]
            if len(parts) == 2 and not case.strip().startswith("#"):
                lines = (line.strip() for line in parts[1].splitlines())
                yield file.stem, parts[0], [line for line in lines if line]


def of_pysbd() -> Iterator[Case]:
    """Yield its golden rules and what is added to them; PDF and cleaned text are other tasks."""
    for file in sorted((PEERS / "pySBD" / "tests" / "lang").glob("test_*.py")):
        for name, value in assigned(file):
            rules = re.fullmatch("(?:GOLDEN_)?(..)_(?:RULES|MORE)_TEST_CASES", name)
            for case in value if rules else ():
                if rules and len(case) == 2:
                    yield rules[1].lower(), case[0], [each.strip() for each in case[1]]


def of_stream2sentence() -> Iterator[Case]:
    """Yield its gold boundaries, and the text it calls a stress test."""
    tests = dict(assigned(PEERS / "stream2sentence" / "tests" / "test_stream2sentence.py"))
    yield "en", tests["CONSENSUS_STRESS_INPUT"], tests["CONSENSUS_STRESS_EXPECTED"]
    for _, language, text, sentences in tests["MULTILINGUAL_GOLD_BOUNDARY_CASES"]:
        yield language, text, sentences


def assigned(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield the constants of a module without running it."""
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                yield statement.targets[0].id, ast.literal_eval(statement.value)
            except ValueError:  # not a constant
                continue


# The splitters


def by_sentencex(language: str, text: str) -> list[str]:
    import sentencex

    return list(sentencex.segment(language, text))


def by_pysbd(language: str, text: str) -> list[str]:
    import pysbd
    from pysbd.languages import LANGUAGE_CODES

    known = language if language in LANGUAGE_CODES else "en"
    return pysbd.Segmenter(language=known, clean=False).segment(text)


def by_stream2sentence(language: str, text: str) -> list[str]:
    """Ask as its own tests of boundaries ask."""
    from stream2sentence import generate_sentences

    return list(
        generate_sentences(
            [text],
            minimum_sentence_length=1,
            context_size=1,
            context_size_look_overhead=64,
            tokenizer="rule-based",
            language=language,
        )
    )


def by_expression(_: str, text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text)


def by_streamplay(language: str, text: str) -> list[str]:
    """Cut as text is cut that is still being written, one word after another."""
    from streamplay.words.text import SentenceCutter

    cutter = SentenceCutter(language)
    cutter._first = False  # the first clause is cut for speed, not at a sentence's end
    tokens = re.findall(r"\s*\S+", text)
    return [*(piece for token in tokens for piece in cutter.feed(token)), *cutter.finish()]


SPLITTERS: dict[str, Split] = {
    "sentencex": by_sentencex,
    "pysbd": by_pysbd,
    "stream2sentence": by_stream2sentence,
    "one expression": by_expression,
    "streamplay, from sentencex": by_streamplay,
}
TESTS = {"sentencex": of_sentencex, "pySBD": of_pysbd, "stream2sentence": of_stream2sentence}


def right(split: Split, case: Case) -> bool:
    """Whether all sentences of a text come out, white space at their edges apart."""
    language, text, sentences = case
    found = [each.strip() for each in split(language, text)]
    return [each for each in found if each] == sentences


def seconds(split: Split, text: str, rounds: int) -> float:
    """Return the median time of one call, after one to warm up."""
    took = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        split("en", text)
        took.append(time.perf_counter() - begun)
    return median(took[1:])


def imported(name: str) -> float:
    """Return how long a fresh interpreter takes for `import name`."""
    script = f"import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"
    return float(subprocess.check_output([sys.executable, "-c", script]))


def compare(rounds: int) -> None:
    cases = {name: list(read()) for name, read in TESTS.items()}
    for name, each in cases.items():
        print(f"{name}: {len(each)} texts in {len({case[0] for case in each})} languages")
    book = (PEERS / "sentencex" / "benches" / "fixtures" / "pg5200.txt").read_text("utf-8")
    english = book[:SPEED_CHARACTERS]
    for name, split in SPLITTERS.items():
        known = version(name) if name in PACKAGES else ""
        scores = [
            f"{sum(right(split, case) for case in each)}/{len(each)}" for each in cases.values()
        ]
        line = [f"{name} {known}".strip(), *scores]
        line.append(f"{1e3 * seconds(split, english, rounds):.1f} ms")
        line.append(f"{1e6 * seconds(split, SENTENCE, 20 * rounds):.0f} µs")
        if name in PACKAGES:
            line.append(f"{1e3 * median(imported(name) for _ in range(rounds)):.0f} ms")
        print(" | ".join(line), flush=True)


def main() -> None:
    """Prepare, go on inside, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    prepare()
    if Path(sys.prefix) != PYTHON.parent.parent:
        os.execv(PYTHON, [str(PYTHON), "-m", "benchmarks.splitters", *sys.argv[1:]])  # noqa: S606 - itself, where the peers are
    compare(args.rounds)


if __name__ == "__main__":
    main()
