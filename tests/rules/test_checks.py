"""What an option may be, checked by its kind."""

from __future__ import annotations

import math
from typing import Any

import pytest

from streamplay.errors import InvalidRequest
from streamplay.options import Options
from streamplay.rules.option_table import (
    LOUDEST,
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("volume", LOUDEST + 0.1),
        ("volume", math.nan),
        ("volume", "loud"),
        ("prebuffer", -1),
        ("prebuffer", math.inf),
        ("prebuffer", math.nan),
        ("prebuffer", "soon"),
        ("latency", -1),
        ("latency", math.inf),
        ("latency", "medium"),
        ("engine", "steam"),
        ("gap_weight", 0.5),
        ("fallback", "remote"),
        ("fallback", ["local", 3]),
        ("fallback_after", 0),
        ("latency", [1]),
        ("timeout", 0),
        ("timeout", "soon"),
        ("deadline", math.inf),
        ("base_url", 5),
        ("api_key", b"secret"),
        ("api_key_env", ["KEY"]),
        ("device", 3.5),
        ("decode_as", 16),
        ("notify", "tell me"),
        ("volume", -(10**400)),
        ("volume", float("nan")),
        ("prebuffer", 10**300),
        ("prebuffer", 1e308),
        ("latency", 10**400),
        ("timeout", 10**400),
        ("device", float("nan")),
        ("on_event", 1),
        ("play", 0),
        ("insecure_http", "yes"),
        ("prefetch", 17),
        ("prefetch", 1.0),
        ("wake", -1),
        ("pause_ms", 10_001),
        ("remember", ""),
        ("format", "opus!"),
        ("speed", 5),
    ],
)
def test_a_wrong_value_is_told_with_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field}: .*Allowed") as caught:
        Options(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "fields",
    [
        {"volume": -math.inf},
        {"volume": LOUDEST},
        {"prebuffer": 0},
        {"prebuffer": 12.5},
        {"latency": "low"},
        {"latency": 0.02},
        {"engine": "python"},
        {"fallback": "local"},
        {"fallback": ["https://other.example/v1#voice=v", "local"], "fallback_after": 1},
        {"local": True},
    ],
)
def test_what_is_allowed_is_taken(fields: dict[str, Any]) -> None:
    options = Options(**fields)
    assert {name: getattr(options, name) for name in fields} == fields
