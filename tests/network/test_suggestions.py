"""The names nearest to one that a server does not know; the remedy itself: test_response.py."""

from __future__ import annotations

from streamplay.network.suggestions import nearest


def test_the_nearest_names_are_found() -> None:
    voices = ["tara", "leah", "jess", "leo", "dan", "mia", "zac", "zoe"]
    assert nearest("tera", voices)[0] == "tara"
    assert nearest("TARA", voices)[0] == "tara"
    assert nearest("quincunx", voices) == []
    models = ["canopylabs/orpheus-3b-0.1-ft", "hexgrad/Kokoro-82M", "cartesia/sonic"]
    assert nearest("canopylabs/orpheus", models) == ["canopylabs/orpheus-3b-0.1-ft"]
    assert nearest("Kokoro", models) == ["hexgrad/Kokoro-82M"]
    assert nearest("hexgrad/Kokoro-82B", models) == ["hexgrad/Kokoro-82M"]
    assert len(nearest("a", ["a1", "a2", "a3", "a4"])) == 3


def test_offered_names_are_made_safe() -> None:
    assert nearest("tara", ["ta\x1b[31mra"]) == ["tara"]
