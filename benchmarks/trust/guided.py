"""Lead one reader of foreign input by coverage: run by the row `coverage guided`.

    ATHERIS_PYTHON -m benchmarks.trust.guided READER SECONDS SEED

with an interpreter that has atheris, and the packages of the project's own environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWN = ROOT / ".venv" / "lib" / "python3.11" / "site-packages"
sys.path.append(str(OWN))

import atheris  # type: ignore[import-untyped]  # noqa: E402 - from the other environment

with atheris.instrument_imports(include=["streamplay"]):
    from benchmarks.trust import foreign
    from benchmarks.trust.readers import READERS

    # What a reader imports where it is used is instrumented as well.
    for data in READERS[sys.argv[1]].seeds:
        foreign.outcome(sys.argv[1], data)


def main() -> None:
    name, seconds, seed = sys.argv[1:]
    corpus = ROOT / "build" / "corpus" / "".join(c if c.isalnum() else "-" for c in name)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(READERS[name].seeds):
        (corpus / f"seed-{number}").write_bytes(data)
    words = [sys.argv[0], str(corpus), f"-max_total_time={seconds}", f"-seed={seed}"]
    words += ["-print_final_stats=1", "-max_len=4096", "-rss_limit_mb=2048"]
    words += [f"-artifact_prefix={ROOT / 'build'}/"]
    atheris.Setup(words, lambda data: foreign.outcome(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
