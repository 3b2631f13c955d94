from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import TYPE_CHECKING

import pytest

from streamplay import errors
from streamplay.errors import (
    BadRequest,
    FileFailed,
    InvalidRequest,
    NetworkFailed,
    PlayerClosed,
    ServerFailed,
    ServerRefused,
    StreamPlayError,
    TimedOut,
    Truncated,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSES = sorted(
    (
        thing
        for thing in vars(errors).values()
        if inspect.isclass(thing) and issubclass(thing, StreamPlayError)
    ),
    key=lambda cls: cls.__name__,
)


def _example(cls: type[StreamPlayError]) -> StreamPlayError:
    """An error of this class, with every fact that it can hold."""
    if issubclass(cls, ServerRefused):
        return cls("no such thing", status=404, body="{}", remedy="Ask again", retry_after=1.5)
    if issubclass(cls, TimedOut):
        return cls("first byte", 15.0, remedy="Wait")
    if issubclass(cls, InvalidRequest):
        return cls("voice", "is empty", allowed="a name")
    if issubclass(cls, PlayerClosed):
        return cls()
    return cls("it broke", remedy="Mend it")


def _drawn() -> dict[str, str]:
    """Each class of the docstring's drawing → the one it hangs from."""
    above: list[str] = []
    parents = {}
    for line in (inspect.getdoc(errors) or "").splitlines():
        name = re.search(r"[A-Z]\w+", line)
        if name is None or not re.match(r" {4}[│├└A-Z ]", line):
            continue
        depth = name.start() // 4 - 1
        above[depth:] = [name.group()]
        if depth:
            parents[name.group()] = above[depth - 1]
    return parents


def test_the_drawing_shows_every_class_where_it_hangs() -> None:
    real = {
        cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES if cls.__bases__[0] in CLASSES
    }
    assert _drawn() == real


def test_an_invalid_request_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="voice: is empty"):
        raise InvalidRequest("voice", "is empty")


def test_the_sentence_is_what_was_wrong_and_then_what_to_do() -> None:
    assert str(StreamPlayError("it broke")) == "it broke"
    assert str(StreamPlayError("it broke", remedy="Mend it")) == "it broke. Mend it"


def test_the_sentence_follows_the_facts() -> None:
    error = Truncated("the stream ended early")
    error.remedy = "Try again"
    assert str(error) == "the stream ended early. Try again"


def test_an_invalid_request_names_its_field_and_what_is_allowed() -> None:
    error = InvalidRequest("bit_rate", "is 5", allowed="32000 or 64000")
    assert error.field == "bit_rate"
    assert str(error) == "bit_rate: is 5. Allowed: 32000 or 64000"


def test_a_refusal_holds_what_the_server_said() -> None:
    error = ServerFailed("overloaded", status=503, body="busy", retry_after=2.0)
    assert (error.status, error.body, error.retry_after) == (503, "busy", 2.0)


def test_a_refusal_need_not_hold_a_body() -> None:
    error = BadRequest("bad", status=400)
    assert (error.body, error.retry_after, error.remedy) == ("", None, "")


@pytest.mark.parametrize("waiting_for", ["connect", "first byte", "chunk", "deadline"])
def test_a_time_limit_tells_what_had_not_come_and_how_to_allow_more(
    waiting_for: errors.WaitingFor,
) -> None:
    error = TimedOut(waiting_for, 2.5)
    assert isinstance(error, NetworkFailed)
    assert (error.waiting_for, error.seconds) == (waiting_for, 2.5)
    assert f"2.5 s waiting for: {waiting_for}" in str(error)
    assert "--timeout" in str(error)


def test_a_closed_player_says_so() -> None:
    assert str(PlayerClosed()) == "the player is closed. Make a new Player"


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_holds_no_receipt_until_it_is_given_one(cls: type[StreamPlayError]) -> None:
    assert _example(cls).receipt is None


def _pickled(error: StreamPlayError) -> StreamPlayError:
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, StreamPlayError)
    return again


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, _pickled])
def test_an_error_can_be_copied_and_sent_to_another_process(
    cls: type[StreamPlayError], again: Callable[[StreamPlayError], StreamPlayError]
) -> None:
    error = _example(cls)
    error.add_note("seen twice")
    twin = again(error)
    assert type(twin) is cls
    assert vars(twin) == vars(error)
    assert str(twin) == str(error)
    assert twin.args == error.args


def test_what_came_from_anywhere_is_one_printable_line_of_bounded_length() -> None:
    error = FileFailed("cannot read a\x1b]0;x\x07\u202eb\nc\u00a0d\x9b\ud800", remedy="Try \x1b[2J")
    assert str(error) == "cannot read a\ufffd]0;x\ufffd\ufffdb c d\ufffd\ufffd. Try \ufffd[2J"
    assert str(FileFailed("piled e" + "\u0301" * 900)) == "piled e" + "\u0301" * 4
    long = FileFailed("the name " + "x" * 2_000_000 + " is long")
    assert len(str(long)) < 2100
    assert str(long).startswith("the name xxx")
    assert str(long).endswith("x is long")


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if not cls.__subclasses__()])
def test_every_error_documents_its_cause_and_its_remedy(cls: type[StreamPlayError]) -> None:
    cause, _, rest = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")
    assert re.fullmatch(r"[A-Z0-9].{15,}\.", cause, re.DOTALL), cause
    assert re.search(r"^Remedy: .{15,}\.$", rest, re.MULTILINE | re.DOTALL), rest


def test_the_tree_of_errors_fits_its_column_on_the_site() -> None:
    tree = [
        line.removeprefix("    ") for line in (errors.__doc__ or "").splitlines() if "──" in line
    ]
    assert len(tree) > 20
    assert max(map(len, tree)) <= 82  # what 1280 pixels show of a line of code
