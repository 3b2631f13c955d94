from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.errors import MalformedEvent
from streamplay.stream.base64_body import Base64Body

CUTS = st.lists(st.integers(0, 3000), max_size=8)


def undone(text: bytes, cuts: list[int]) -> tuple[bytes, str]:
    body = Base64Body()
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    data = b"".join(body.feed_bytes(text[a:b]) for a, b in itertools.pairwise(edges))
    return data + body.finish(), body.media


@given(st.lists(st.binary(max_size=500), max_size=4), CUTS, st.sampled_from([b"", b"\n", b"\r\n"]))
def test_texts_one_after_the_other_are_read_however_they_are_cut(
    parts: list[bytes], cuts: list[int], between: bytes
) -> None:
    text = between.join(base64.b64encode(part) for part in parts)
    assert undone(text, cuts) == (b"".join(parts), "")


@given(st.binary(max_size=500), CUTS, st.booleans())
def test_lines_the_urls_alphabet_and_missing_padding_are_read(
    data: bytes, cuts: list[int], in_lines: bool
) -> None:
    text = base64.urlsafe_b64encode(data).rstrip(b"=")
    assert undone(base64.encodebytes(data) if in_lines else text, cuts) == (data, "")


@given(st.binary(max_size=200), CUTS)
def test_an_address_tells_what_it_is(data: bytes, cuts: list[int]) -> None:
    text = b"data:audio/pcm;rate=16000;base64," + base64.b64encode(data)
    assert undone(text, cuts) == (data, "audio/pcm;rate=16000")


@pytest.mark.parametrize("text", [b"QUI=!", b"Q", b"QUE*QUE*"])
def test_what_is_no_base64_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedEvent):
        undone(text, [])
