from __future__ import annotations

import pytest

from streamplay.network.api import Shape
from streamplay.network.failures import ErrorBody
from streamplay.request import SpeechRequest

REQUEST = SpeechRequest(input="Hello")
NO_RAW = ErrorBody("Input should be 'mp3' or 'pcm'", fields=frozenset({"response_format"}))
NO_STREAM_FORMAT = ErrorBody("Unknown parameter: stream_format")


def test_a_stranger_is_asked_in_togethers_shape_first() -> None:
    assert Shape().body(REQUEST) == REQUEST.body("together")


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    "said", [NO_RAW, ErrorBody("extra field: response_encoding not permitted")]
)
def test_a_stranger_that_refuses_our_fields_is_asked_in_openais_shape(
    status: int, said: ErrorBody
) -> None:
    learned = Shape().after_refusal(status, said, REQUEST)
    assert learned is not None
    assert learned.body(REQUEST) == REQUEST.body("openai")


@pytest.mark.parametrize(
    ("status", "said"), [(400, ErrorBody("bad text")), (404, NO_RAW), (500, NO_RAW), (401, NO_RAW)]
)
def test_another_refusal_teaches_nothing(status: int, said: ErrorBody) -> None:
    assert Shape().after_refusal(status, said, REQUEST) is None


def test_a_shape_that_was_told_is_kept() -> None:
    assert Shape(settled=True).after_refusal(400, NO_RAW, REQUEST) is None
    assert Shape("openai", settled=True).after_refusal(400, NO_RAW, REQUEST) is None


def test_a_server_that_takes_no_stream_format_gets_none() -> None:
    shape = Shape("openai", settled=True).after_refusal(400, NO_STREAM_FORMAT, REQUEST)
    assert shape is not None
    assert "stream_format" not in shape.body(REQUEST)
    assert shape.after_refusal(400, NO_STREAM_FORMAT, REQUEST) is None


def test_what_was_not_sent_or_was_asked_for_is_not_taken_out() -> None:
    shape = Shape("openai", settled=True)
    whole = SpeechRequest(input="Hello", response_format="wav")
    assert shape.after_refusal(400, NO_STREAM_FORMAT, whole) is None
    wanted = SpeechRequest(input="Hello", extra={"stream_format": "audio"})
    assert shape.after_refusal(400, NO_STREAM_FORMAT, wanted) is None
    without = Shape("openai", settled=True, stream_format=False)
    assert without.body(wanted)["stream_format"] == "audio"
