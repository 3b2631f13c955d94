from __future__ import annotations

import pytest

from streamplay.errors import UnexpectedContent
from streamplay.network.failures import check_coding, is_compressed, is_json


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "text/json",
        "application/problem+json",
    ],
)
def test_json_is_known_by_its_names(kind: str) -> None:
    assert is_json(kind)


@pytest.mark.parametrize("kind", ["", "text/event-stream", "audio/pcm", "application/jsonl"])
def test_other_types_are_no_json(kind: str) -> None:
    assert not is_json(kind)


@pytest.mark.parametrize("coding", ["", " ", "identity", "IDENTITY "])
def test_no_coding_is_none(coding: str) -> None:
    assert not is_compressed(coding)
    check_coding(coding, None)


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "unheard-of"])
def test_any_other_coding_is_refused_by_its_name(coding: str) -> None:
    with pytest.raises(UnexpectedContent, match=coding):
        check_coding(coding, None)
