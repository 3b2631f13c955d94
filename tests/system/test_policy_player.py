"""What was learned reaches the next utterance: through the whole player."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamplay import Player
from streamplay.errors import InvalidRequest, StreamPlayError
from streamplay.policy.learning import NEVER, PROCESS, Lessons, Source
from streamplay.trace import load
from tests.support.speaking import account_for, counting

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.receipt import Receipt
    from streamplay.server.child import LocalServer
    from tests.support.speaking import Silent

pytestmark = pytest.mark.no_cover

STALLS = counting(1.2, stalls=["500:900"])
"""Half a second of audio, then nothing for 0.9 s: 0.4 s too long."""


def learned(receipt: Receipt) -> Lessons:
    return PROCESS.of(Source("127.0.0.1", receipt.model, receipt.voice))


def wait_ms(receipt: Receipt) -> float:
    assert receipt.ms.first_sound is not None
    assert receipt.ms.first_audio is not None
    return receipt.ms.first_sound - receipt.ms.first_audio


def test_a_stall_is_waited_for_the_next_time(live: Player, tmp_path: Path) -> None:
    first = account_for(live.say("One two.", extra=STALLS, record=tmp_path / "a").wait())
    (margin,) = learned(first).margins
    assert margin > NEVER
    second = account_for(live.say("One two.", extra=STALLS).wait())
    assert len(learned(first).margins) == 2
    # More than half a second of audio has to be ahead, which comes after the stall.
    assert wait_ms(second) > 400
    # A trace is written to the microsecond.
    recorded = load(tmp_path / "a")
    assert recorded.safe_start * 1000 == pytest.approx(first.safe_start_ms, abs=0.003)


def test_each_utterance_has_its_own_weight(live: Player) -> None:
    live.say("One two.", extra=STALLS).wait()
    patient = live.say("One two.", extra=STALLS)
    hasty = live.say("One two.", extra=STALLS, gap_weight=1)
    assert wait_ms(patient.wait()) > 400
    hasty.wait()
    assert hasty._state.track is not None
    assert hasty._state.track.level == 1


def saying(player: Player, *texts: str, **options: Any) -> Receipt:
    """Say pieces that are too long to be asked for as one."""
    tokens = (f"{text} is long enough to be a piece of its own in this. " for text in texts)
    return account_for(player.say(tokens, extra=STALLS, **options).wait())


def test_the_first_piece_of_a_text_stream_teaches_and_those_asked_for_ahead_do_not(
    live: Player,
) -> None:
    receipt = saying(live, "One", "Two", "Three")
    assert receipt.requests == 3
    (margin,) = learned(receipt).margins
    assert margin > NEVER


def test_a_piece_that_was_alone_on_its_way_teaches_too(live: Player) -> None:
    receipt = saying(live, "One", "Two", prefetch=0)
    assert receipt.requests == 2
    assert len(learned(receipt).margins) == 2


def test_what_broke_off_teaches_nothing(live: Player) -> None:
    speech = live.say("One two.", extra=counting(1.0, fault="reset", at_event=5))
    with pytest.raises(StreamPlayError):
        speech.wait()
    assert learned(speech.receipt) == Lessons()


def test_a_broken_file_of_what_was_learned_is_a_notice_and_no_failure(
    speech_server: LocalServer, fast: Silent, tmp_path: Path
) -> None:
    (tmp_path / "learned").write_text("my notes")
    notices: list[str] = []
    with Player(
        base_url=speech_server.base_url, remember=tmp_path / "learned", notify=notices.append
    ) as player:
        for _ in range(2):
            assert account_for(player.say("One two.").wait()).complete
    assert len(notices) == 1
    assert "holds nothing that was learned" in notices[0]


@pytest.mark.parametrize("remember", ["", 3, b"bytes"])
def test_what_is_no_path_is_refused(remember: Any) -> None:
    with pytest.raises(InvalidRequest, match="remember"):
        Player(remember=remember)


@pytest.mark.parametrize("weight", [0.5, float("nan"), float("inf"), "20"])
def test_a_weight_below_one_is_refused(weight: float) -> None:
    with pytest.raises(InvalidRequest, match="gap_weight"):
        Player(gap_weight=weight)
