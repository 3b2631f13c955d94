"""The instrument of `benchmarks.comparison`: what is missing in a recording, counted in frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.comparison import peers as peers_module
from benchmarks.comparison.ear import judge
from benchmarks.comparison.peers import DEBIAN, PEERS, Peer, missing, python_of
from streamplay.server.known_signals import count

if TYPE_CHECKING:
    from pathlib import Path

RATE = 24000
WHOLE = count(0, 2 * RATE)


def judged(*parts: np.ndarray) -> dict[str, float]:
    """Return the verdict on a recording, in frames."""
    told = judge(np.concatenate(parts), len(WHOLE))
    return {
        name: value if name == "breaks" else round(value * RATE / 1000)
        for name, value in told.items()
    }


def verdict(
    head: int = 0, tail: int = 0, lost: int = 0, inserted: int = 0, breaks: int = 0
) -> dict[str, float]:
    return {"head": head, "tail": tail, "lost": lost, "inserted": inserted, "breaks": breaks}


def silence(frames: int) -> np.ndarray:
    return np.zeros(frames, np.int16)


def test_what_came_whole_lacks_nothing() -> None:
    assert judged(WHOLE) == verdict()


def test_what_was_not_heard_at_all_is_all_lost_at_the_head() -> None:
    assert judged(WHOLE[:0]) == verdict(head=len(WHOLE))


def test_the_head_and_the_tail_are_told_apart() -> None:
    assert judged(WHOLE[500:-300]) == verdict(head=500, tail=300)


@pytest.mark.parametrize("at", [7000, 16381, 20000])
def test_silence_put_in_is_counted_and_so_is_what_was_lost(at: int) -> None:
    assert judged(WHOLE[:at], silence(120), WHOLE[at:]) == verdict(inserted=120, breaks=1)
    assert judged(WHOLE[:at], WHOLE[at + 120 :]) == verdict(lost=120, breaks=1)
    assert judged(WHOLE[:at], silence(480), WHOLE[at + 120 :]) == verdict(
        lost=120, inserted=480, breaks=1
    )


def test_what_is_faded_in_is_not_lost() -> None:
    fade = (WHOLE[20000:20240] * np.linspace(0, 1, 240, endpoint=False)).astype(np.int16)
    told = judged(WHOLE[:20000], silence(1000), fade, WHOLE[20240:])
    # A fade begins with frames that are silence to the ear.
    assert told["breaks"] == 1
    assert told["lost"] <= 2
    assert told["inserted"] == pytest.approx(1000, abs=2)


def test_a_player_that_scales_by_another_number_loses_nothing_by_it() -> None:
    scaled = np.round(WHOLE / 32768 * 32767).astype(np.int16)
    assert judged(scaled) == verdict()


def test_a_peer_that_cannot_be_installed_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Peer("broken", "broken.py", "broken.py", packages=("./no-such-package",))
    headers = Peer("headers", "headers.py", needs=("no-such-header.h",))
    for folder in ("broken", "whole"):
        (tmp_path / folder / "bin").mkdir(parents=True)
        python_of(tmp_path / folder).symlink_to("/bin/false")
    (tmp_path / "whole" / "ready").touch()
    assert missing(Peer("whole", "whole.py", "whole.py"), tmp_path) == ""
    monkeypatch.setitem(DEBIAN, "no-such-header.h", "headers-dev")
    assert "apt-get install headers-dev" in missing(headers, tmp_path)
    steps = peers_module._run([["/bin/sh", "-c", "echo 'error: no header' >&2; exit 1"]])
    assert steps == "error: no header"
    assert broken.folder == "broken"
    assert len({peer.folder for peer in PEERS if peer.python}) == 4
