from __future__ import annotations

import json

from streamplay.receipt import (
    ErrorFacts,
    FormatFacts,
    FrameCounts,
    Milliseconds,
    Receipt,
    RequestedFormat,
)

# The contract, schema 1: a name may be added here, never changed or taken away.
SCHEMA: dict[str, set[str]] = {
    "format": {"requested", "effective", "samplerate", "channels", "source"},
    "output": {"kind", "name", "samplerate", "latency_ms", "engine"},
    "frames": {
        *("received", "played", "flushed", "trimmed", "muted", "unplayed", "saved", "replayed")
    },
    "bytes": {"body", "audio"},
    "events": {"audio", "words", "ignored"},
    "ms": {
        *("connected", "sent", "headers", "first_byte", "first_audio", "first_sound"),
        *("first_voice", "last_audio", "finished"),
    },
    "stalls": {"count", "total_ms", "longest_ms"},
}
PLAIN = {
    *("schema", "model", "voice", "base_url", "streamed", "chars", "requests"),
    *("device_underflows", "safe_start_ms", "attempts", "complete", "interrupted"),
    *("error", "failures"),
}


def receipt() -> Receipt:
    asked = RequestedFormat("pcm_f32le", 44100)
    return Receipt("a model", "tara", "local", FormatFacts(asked, "pcm_s16le", 24000, 1, "model"))


def test_the_receipt_has_the_keys_of_the_contract() -> None:
    told = receipt().to_dict()
    assert set(told) == PLAIN | set(SCHEMA)
    for name, keys in SCHEMA.items():
        assert set(told[name]) == keys
    assert told["schema"] == 1
    assert next(iter(told)) == "schema"
    assert told["format"]["requested"] == {"encoding": "pcm_f32le", "samplerate": 44100}


def test_what_did_not_happen_is_null() -> None:
    told = receipt().to_dict()
    assert set(told["ms"].values()) == {None}
    assert told["safe_start_ms"] is told["error"] is told["output"]["samplerate"] is None
    assert told["output"]["kind"] == "none"


def test_the_receipt_is_json_and_times_are_told_to_the_microsecond() -> None:
    made = receipt()
    made.ms = Milliseconds(first_audio=1.23456789)
    made.error = ErrorFacts("RateLimited", "429: slow down", 429)
    made.frames = FrameCounts(received=3, played=3)
    told = json.loads(json.dumps(made.to_dict()))
    assert told["ms"]["first_audio"] == 1.235
    assert told["error"] == {"type": "RateLimited", "message": "429: slow down", "status": 429}
    assert told["frames"]["received"] == 3


def test_to_dict_is_a_copy() -> None:
    made = receipt()
    made.to_dict()["frames"]["received"] = 99
    assert made.frames.received == 0
