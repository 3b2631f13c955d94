from __future__ import annotations

import pytest

from streamplay import errors
from streamplay.cli import report, status
from streamplay.cli.usage import UsageError


def with_frames(error: errors.StreamPlayError, received: int) -> errors.StreamPlayError:
    error.receipt = report.blank({}, error)
    error.receipt.frames.received = received
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidRequest("voice", "is empty"), 2),
        (UsageError("a wrong flag"), 2),
        (errors.NoDevice("gone"), 4),
        (errors.DeviceLost("unplugged"), 4),
        (errors.FileFailed("exists"), 4),
        (errors.ConnectFailed("refused"), 1),
        (errors.ModelNotFound("none", status=404), 1),
        (errors.TimedOut("first byte", 15), 1),
        (errors.PlayerClosed(), 1),
    ],
)
def test_an_error_without_audio_has_its_status(error: errors.StreamPlayError, code: int) -> None:
    assert status.of_error(error) == code
    assert status.of_error(with_frames(error, 0)) == code


@pytest.mark.parametrize(
    "error",
    [
        errors.Truncated("cut"),
        errors.ConnectionLost("reset"),
        errors.WrongEncoding("noise"),
        errors.TimedOut("chunk", 10),
        errors.ServerFailed("the second sentence", status=500),
    ],
)
def test_what_broke_off_after_audio_is_3(error: errors.StreamPlayError) -> None:
    assert status.of_error(with_frames(error, 1)) == 3


@pytest.mark.parametrize(
    ("complete", "interrupted", "code"),
    [(True, False, 0), (False, True, 130), (False, False, 3)],
)
def test_a_receipt_without_an_error_has_its_status(
    complete: bool, interrupted: bool, code: int
) -> None:
    receipt = report.blank({})
    receipt.complete, receipt.interrupted = complete, interrupted
    assert status.of_receipt(receipt) == code


def test_a_signal_is_reported_as_shells_do() -> None:
    assert [status.of_signal(number) for number in (1, 2, 15)] == [129, 130, 143]
