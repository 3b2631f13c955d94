from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from streamplay.server import catalog, engines, espeak, natural, speech
from streamplay.server import order as orders
from streamplay.server.engines import Chosen
from streamplay.server.json_fields import Refusal
from streamplay.server.synthesis import Sound, SynthesisFailed
from tests.support.server import asking, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Beeping:
    """Stands for an engine of somebody else's, and for hibari where its sound does not matter."""

    name = "beeping"
    samplerate = 16000
    broken: str = ""

    def load(self) -> None:
        if self.broken == "load":
            raise RuntimeError("no breath")

    def voices(self) -> Mapping[str, str]:
        return {"low": "en", "high": "eo"}

    def speak(self, text: str, voice: str, speed: float) -> Sound:
        if self.broken == "speak":
            raise SynthesisFailed("no breath")
        frames = 0 if self.broken == "mute" else round(len(text) * 100 / speed)
        return Sound(np.full(frames, 0.25, np.float32), self.samplerate)


class Entry:
    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.load = lambda: value


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Beeping]]:
    """Install `Beeping` beside eSpeak NG, without hibari, and let the engines choose."""

    class Installed(Beeping):
        pass

    monkeypatch.delenv(engines.CHOICE)
    monkeypatch.setattr(natural, "is_installed", lambda: False)
    monkeypatch.setattr(engines, "entry_points", lambda **_: [Entry("beeping", Installed)])
    _forget()
    yield Installed
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    engines.forget()
    catalog.models.cache_clear()


@pytest.fixture
def without_espeak(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(espeak, "is_installed", lambda: False)
    espeak.languages.cache_clear()
    espeak.variants.cache_clear()
    catalog._espeak_voices.cache_clear()
    catalog.models.cache_clear()
    yield
    monkeypatch.undo()
    espeak.languages.cache_clear()
    espeak.variants.cache_clear()
    catalog._espeak_voices.cache_clear()
    catalog.models.cache_clear()


def read(text: str = "One two.", **fields: Any) -> orders.Order:
    return orders.read(asking(text, **fields))


def frames(order: orders.Order) -> np.ndarray:
    return np.concatenate([piece.frames for piece in speech.pieces(order, 24000)])


@pytest.mark.usefixtures("engine")
def test_an_engine_that_a_package_adds_speaks_what_it_can() -> None:
    order = read(speed=2)
    assert order.spoken == Chosen("beeping", "low", 2.0)
    assert order.spoken_by == "beeping low"
    assert len(frames(order)) == 600  # 400 frames at 16000 Hz
    assert read(language="eo").spoken == Chosen("beeping", "high")
    assert read(language="fr").spoken_by.startswith("eSpeak NG fr")
    assert "beeping" in catalog.models()


@pytest.mark.usefixtures("engine")
def test_a_voice_of_an_engine_is_chosen_by_name() -> None:
    assert read(voice="beeping:high", language="eo").spoken == Chosen("beeping", "high")
    assert read(voice="beeping:high").spoken == Chosen("beeping", "high")
    assert read(voice="espeak:en-us+f3").spoken == espeak.Spoken("en-us", "f3")
    assert read(voice="espeak:de").spoken == espeak.Spoken("de")
    for name in ("beeping:none", "espeak:xx", "espeak:en-us+zz", "none:low", "beeping:", ":"):
        with pytest.raises(Refusal) as caught:
            read(voice=name)
        assert caught.value.code == "voice_not_found"


@pytest.mark.parametrize("broken", ["load", "speak", "mute"])
def test_where_an_engine_fails_espeak_speaks(engine: type[Beeping], broken: str) -> None:
    engine.broken = broken
    assert len(frames(read("One two three."))) > 6000


@pytest.mark.usefixtures("without_espeak")
def test_without_espeak_an_engine_that_fails_is_an_error(engine: type[Beeping]) -> None:
    engine.broken = "speak"
    with pytest.raises(SynthesisFailed, match="no breath"):
        frames(read())


@pytest.mark.usefixtures("engine", "without_espeak")
def test_a_language_that_nothing_speaks_names_the_extra() -> None:
    with pytest.raises(Refusal, match=r"speaks 'fr'.*streamplay\[espeak\]") as caught:
        read(language="fr")
    assert caught.value.param == "language"
    with pytest.raises(Refusal, match=r"streamplay\[espeak\]") as caught:
        read(voice="espeak:fr")
    assert caught.value.code == "voice_not_found"
    assert catalog.ESPEAK not in catalog.models()
    assert orders.read(asking(model="else/where"), any_name=True).spoken_by == "beeping low"


@pytest.mark.usefixtures("engine")
def test_a_broken_package_takes_nothing_else_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("no such library")

    points = [Entry("broken", fail), Entry("beeping", Beeping), Entry("espeak", Beeping)]
    monkeypatch.setattr(engines, "entry_points", lambda **_: points)
    _forget()
    assert read().spoken_by == "beeping low"
    assert read(voice="espeak:de").spoken == espeak.Spoken("de")


@pytest.mark.usefixtures("engine")
def test_the_list_of_voices_tells_which_one_is_heard() -> None:
    async def act() -> Any:
        async with serving() as base_url, httpx.AsyncClient(base_url=base_url) as client:
            speech_ = await client.post("/audio/speech", json=asking())
            return (await client.get("/voices")).json()["data"], speech_

    listed, answer = asyncio.run(act())
    voices = {entry["model"]: entry["voices"] for entry in listed}
    tara = voices["canopylabs/orpheus-3b-0.1-ft"][0]
    assert tara == {"id": "tara", "name": "beeping low", "language": "en-us"}
    assert voices["beeping"][1] == {"id": "high", "name": "high", "language": "eo"}
    assert answer.headers["x-streamplay-voice"] == "beeping low"


@pytest.mark.usefixtures("engine")
def test_the_environment_names_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engines.CHOICE, "espeak")
    assert isinstance(read().spoken, espeak.Spoken)
    monkeypatch.setenv(engines.CHOICE, "beeping")
    assert read().spoken == Chosen("beeping", "low")
