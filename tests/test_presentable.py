from __future__ import annotations

import base64
import unicodedata
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.presentable import conceal, presentable

KEY = "tgp-secret-0123456789"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("naïve 日本語 👍 ÷", "naïve 日本語 👍 ÷"),
        ("red \x1b[31mtext\x1b[0m", "red text"),
        ("title \x1b]0;owned\x07here", "title here"),
        ("link \x1b]8;;http://x\x1b\\here", "link here"),
        ("clear\x1bc screen", "clear screen"),
        ("c1 \x9b31mred", "c1 red"),
        ("cut off \x1b[", "cut off"),
        ("unfinished \x1b]0;title without end", "unfinished"),
        ("two\r\nlines\tand a bell\x07", "two lines and a bell"),
        ("bidi \u202eevil\u202c \u2066x\u2069 \u200fy", "bidi evil x y"),
        ("zero\u200bwidth\ufeff and tag \U000e0041", "zerowidth and tag"),
        ("line\u2028separator", "line separator"),
        ("half \ud800 a pair", "half a pair"),
        ("private \ue000 use", "private use"),
        ("   ", ""),
    ],
)
def test_what_acts_on_a_terminal_is_taken_out(text: str, shown: str) -> None:
    assert presentable(text) == shown


@given(st.text(max_size=200))
def test_nothing_shown_ever_acts(text: str) -> None:
    shown = presentable(text)
    assert all(unicodedata.category(character)[0] != "C" for character in shown)
    assert shown == presentable(shown)
    assert "\n" not in shown


@given(st.text(max_size=400), st.integers(1, 50))
def test_what_is_shown_is_bounded(text: str, limit: int) -> None:
    assert len(presentable(text, limit=limit)) <= limit


def test_what_is_cut_off_is_marked() -> None:
    assert presentable("x" * 400) == "x" * 299 + "…"


@pytest.mark.parametrize(
    "echoed",
    [
        f"wrong key {KEY}.",
        f"{KEY}{KEY}",
        f"hidden: {KEY[:6]}\u200b{KEY[6:]}",
        f"coloured: {KEY[:6]}\x1b[31m{KEY[6:]}",
    ],
)
def test_the_key_is_never_shown(echoed: str) -> None:
    shown = presentable(echoed, KEY)
    assert KEY not in shown
    assert KEY[:8] not in shown
    assert "[key]" in shown


@given(st.integers(0, 60))
def test_a_key_cut_in_two_by_the_limit_is_not_shown_either(before: int) -> None:
    shown = presentable("x" * before + KEY, KEY, limit=40)
    assert KEY[:4] not in shown


def test_a_key_that_someone_else_cut_off_is_not_shown() -> None:
    for length in range(4, len(KEY)):
        assert conceal(f"wrong key {KEY[:length]}…", KEY) == "wrong key [key]…"


def test_placeholders_are_no_secrets() -> None:
    assert conceal("xylophone", "x") == "xylophone"
    assert conceal("xylophone", None) == "xylophone"


@pytest.mark.parametrize(
    ("echoed", "shown"),
    [
        (f"Incorrect: {KEY[:10]}****{KEY[-9:]}.", "Incorrect: [key]****[key]."),
        (f"cut {KEY[:-3]}", "cut [key]"),
        (f"{KEY[3:]} and {KEY[:7]}", "[key] and tgp-sec"),
        (f"{KEY[2:12]}{KEY[5:15]}", "[key]"),
    ],
)
def test_no_part_of_eight_characters_of_a_secret_is_shown(echoed: str, shown: str) -> None:
    assert conceal(echoed, KEY) == shown


@given(st.integers(0, len(KEY)), st.integers(0, len(KEY)), st.text(max_size=20))
def test_no_cut_of_a_secret_shows_eight_of_its_characters(a: int, b: int, around: str) -> None:
    text = conceal(around + KEY[a:b] + around, KEY)
    assert not any(KEY[at : at + 8] in text for at in range(len(KEY) - 7))


def escaped(form: str) -> str:
    return "".join(form.format(ord(character)) for character in KEY)


@pytest.mark.parametrize(
    "echoed",
    [
        KEY.upper(),
        KEY.title(),
        KEY.encode().hex(),
        KEY.encode().hex().upper(),
        escaped("%{:02x}"),
        escaped("\\u{:04X}"),
        escaped("\\x{:02x}"),
        escaped("&#{};"),
        escaped("&#x{:x};"),
        KEY.replace("-", "%2D"),
        *(base64.b64encode(b"Bearer "[:n] + KEY.encode() + b"!"[:n]).decode() for n in range(4)),
        base64.urlsafe_b64encode(b"user:" + KEY.encode()).decode(),
    ],
)
def test_the_key_is_not_shown_in_another_coding_either(echoed: str) -> None:
    shown = presentable(f"wrong: {echoed} !", KEY)
    assert shown.startswith("wrong: ")
    assert shown.endswith(" !")
    assert "[key]" in shown
    assert len(shown) < 40


def test_other_escapes_stay_as_they_are() -> None:
    text = "100%25 of \\u00e9 &#8364; and YWJjZGVmZ2hpamtsbW5vcA=="
    assert conceal(text, KEY) == text
    assert conceal(f"%C3%A9 {KEY} %C3%A9", KEY) == "%C3%A9 [key] %C3%A9"
    assert conceal("İ" * 10 + KEY, KEY) == "İ" * 10 + "[key]"


def test_marks_do_not_pile_up_and_blanks_that_look_like_letters_are_gone() -> None:
    assert presentable("a" + "\u0301" * 500 + "b") == "a" + "\u0301" * 4 + "b"
    assert presentable("a\u3164\u115f\u2800b\u034f") == "ab"


def test_a_name_of_megabytes_is_cut_before_it_is_looked_at() -> None:
    with patch.object(unicodedata, "category", side_effect=unicodedata.category) as looked:
        assert presentable("x" * 3_000_000, limit=60) == "x" * 59 + "…"
    assert looked.call_count < 100_000
