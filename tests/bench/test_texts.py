from __future__ import annotations

import pytest

from streamplay.bench import texts
from streamplay.errors import InvalidRequest


def test_a_file_of_texts_has_one_a_line(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "texts"
    file.write_text("One.\n\n  Two.  \n", encoding="utf-8")
    assert texts.find(str(file)) == ("One.", "Two.")
    file.write_text("\n")
    with pytest.raises(InvalidRequest, match="empty"):
        texts.find(str(file))
    with pytest.raises(InvalidRequest, match="paragraph-de"):
        texts.find("no-such-set")


def test_the_built_in_texts_are_distinct() -> None:
    assert {"short", "sentence", "paragraph", "sentence-de"} <= texts.SETS.keys()
    for name in texts.SETS:
        assert len(set(texts.find(name))) == len(texts.SETS[name]) >= 2
