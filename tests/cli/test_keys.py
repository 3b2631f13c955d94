"""Keys, however their bytes are cut, and the terminal's settings, which are always given back."""

from __future__ import annotations

import os
import termios
from queue import SimpleQueue
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.cli import keys
from streamplay.cli.keys import Keyboard, KeyReader

if TYPE_CHECKING:
    import pytest

KEYS = {
    b" ": " ",
    b"q": "q",
    b"+": "+",
    "é".encode(): "é",
    b"\x1b[D": "left",
    b"\x1b[C": "right",
    b"\x1bOD": "left",
    b"\x1b[1;5C": "right",
    b"\x1b[A": "up",
    b"\x1b[15~": "",  # F5
    b"\x1b[200~": "",
    b"\x1bx": "",  # Alt-x
    b"\x01": "",
    b"\r": "",
}


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(sorted(KEYS)), max_size=8), st.data())
def test_keys_are_the_same_however_their_bytes_are_cut(
    pressed: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(pressed)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=6).map(sorted))
    reader = KeyReader()
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert [key for part in parts for key in reader.feed(part)] == [
        KEYS[each] for each in pressed if KEYS[each]
    ]
    assert not reader.waits


@settings(max_examples=80, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_give_printable_keys_or_none(parts: list[bytes]) -> None:
    reader = KeyReader()
    for part in parts:
        assert all(key.isprintable() for key in reader.feed(part))
    reader.give_up()
    assert reader.feed(b"\x1b[D")[-1:] == ["left"]


def test_esc_alone_is_given_up() -> None:
    reader = KeyReader()
    assert reader.feed(b"\x1b") == []
    assert reader.waits
    reader.give_up()
    assert reader.feed(b"D") == ["D"]


def local_modes(descriptor: int) -> int:
    return int(termios.tcgetattr(descriptor)[3])


def test_keys_come_at_once_and_the_settings_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "is_foreground", lambda _: True)
    ours, theirs = os.openpty()
    before, pressed = local_modes(theirs), SimpleQueue[str]()
    keyboard = Keyboard(pressed.put, theirs)
    keyboard.open()
    assert not local_modes(theirs) & (termios.ICANON | termios.ECHO)
    assert local_modes(theirs) & termios.ISIG  # Ctrl-C and Ctrl-Z stay signals
    os.write(ours, b" \x1b[D")
    assert [pressed.get(timeout=10), pressed.get(timeout=10)] == [" ", "left"]
    keyboard.restore()
    assert local_modes(theirs) == before
    keyboard.take()  # as after `fg`
    os.write(ours, b"q")
    assert pressed.get(timeout=10) == "q"
    shell = termios.tcgetattr(theirs)
    shell[3] = before
    termios.tcsetattr(theirs, termios.TCSANOW, shell)  # while the process was stopped
    keyboard.take()
    os.write(ours, b"p")
    assert pressed.get(timeout=10) == "p"
    keyboard.close()
    assert local_modes(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_a_background_job_leaves_the_terminal_alone() -> None:
    ours, theirs = os.openpty()  # not the controlling terminal
    before = local_modes(theirs)
    keyboard = Keyboard(lambda _: None, theirs)
    keyboard.open()
    assert local_modes(theirs) == before
    keyboard.close()
    os.close(ours)
    os.close(theirs)
