"""What docs/bench.md and `--explain` say of each measure is what the code says."""

from __future__ import annotations

from pathlib import Path

from streamplay.bench.measures import LEFT_OUT, MEASURES, SINCE

PAGE = (Path(__file__).parent.parent.parent / "docs" / "bench.md").read_text(encoding="utf-8")


def test_every_measure_is_defined_in_the_same_words() -> None:
    rows = [f"| `{each.name}` | {each.unit} | {each.definition} |" for each in MEASURES]
    assert "\n".join(rows) in PAGE
    assert f"{SINCE} {LEFT_OUT}" in PAGE
