from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.errors import FileFailed
from streamplay.policy.learning import KEPT, LEVEL_STEP, NEVER, SOURCES, Lesson, Lessons, Source
from streamplay.policy.store import FileMemory, _parse, _serialized

if TYPE_CHECKING:
    from pathlib import Path
import asyncio
from typing import TYPE_CHECKING

from streamplay.policy.learning import PROCESS
from streamplay.policy.store import Store

if TYPE_CHECKING:
    from pathlib import Path

TARA = Source("api.example", "orpheus", "tara")
LEO = TARA._replace(voice="leo")
SLOW = Lesson(0.1 + 0.2, 100, 7.0, -19.0)
FAST = Lesson(NEVER, 0, 1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "learned.json"


def loaded(path: Path) -> FileMemory:
    memory = FileMemory(path)
    memory.load()
    return memory


def saved(path: Path, *lessons: tuple[Source, Lesson]) -> FileMemory:
    memory = loaded(path)
    for source, lesson in lessons:
        memory.learn(source, lesson)
    memory.save()
    return memory


def test_what_was_learned_is_there_the_next_time(path: Path) -> None:
    memory = saved(path, (TARA, SLOW), (TARA, FAST))
    assert memory.of(TARA) == Lessons((NEVER, 0.1 + 0.2), 100.0, 7.0, 1 - 19 * LEVEL_STEP)
    assert loaded(path).items() == memory.items()


def test_what_is_not_saved_is_not_there(path: Path) -> None:
    memory = loaded(path)
    assert not memory.has_news
    memory.learn(TARA, SLOW)
    assert memory.has_news
    assert not path.exists()


numbers = st.floats(0, 1e9)


@given(
    st.dictionaries(
        st.builds(Source, st.text(), st.text(), st.text()),
        st.builds(
            Lessons, st.lists(numbers | st.just(NEVER), max_size=5).map(tuple), numbers, numbers
        ),
    )
)
def test_every_number_and_every_name_comes_back_as_it_was(known: dict[Source, Lessons]) -> None:
    pairs = list(known.items())
    assert _parse(_serialized(pairs, {}).encode())[0] == pairs


def test_several_processes_learn_together(path: Path) -> None:
    one, other = loaded(path), loaded(path)
    one.learn(TARA, SLOW)
    other.learn(TARA, FAST)
    other.learn(LEO, SLOW)
    one.save()
    other.save()
    assert loaded(path).of(TARA).margins == (NEVER, SLOW.margin)
    assert loaded(path).of(LEO).margins[0] == SLOW.margin


def test_nothing_but_names_and_numbers_is_kept_for_its_owner_alone(path: Path) -> None:
    saved(path, (TARA, SLOW))
    (source,) = json.loads(path.read_text())["sources"]
    assert source.keys() == {"host", "model", "voice", "margins", "characters", "seconds", "level"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_it_never_holds_more_than_a_memory_does(path: Path) -> None:
    lessons = [(TARA._replace(host=f"host {n}"), SLOW) for n in range(SOURCES + 5)]
    saved(path, *lessons, *[(TARA, SLOW)] * (KEPT + 5))
    kept = loaded(path)
    assert len(kept.items()) == SOURCES
    assert len(kept.of(TARA).margins) == KEPT
    assert kept.items()[-1][0] == TARA


def test_an_empty_file_holds_nothing_yet(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    saved(path, (TARA, SLOW))
    assert loaded(path).of(TARA).margins == (SLOW.margin,)


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    saved(path, (TARA, SLOW))
    assert path.is_symlink()
    assert loaded(tmp_path / "elsewhere").items()


def with_source(**changes: object) -> bytes:
    source = {
        "host": "",
        "model": "",
        "voice": "",
        "margins": [],
        "characters": 1,
        "seconds": 1,
        "level": 1,
        **changes,
    }
    return json.dumps({"streamplay_learned": 1, "sources": [source]}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"my notes",
        b"\xff\xfe\x00",
        b"[]",
        b"[" * 100_000,
        b'{"streamplay_learned": 2, "sources": []}',
        b'{"streamplay_learned": 1}',
        b'{"streamplay_learned": 1, "sources": [3]}',
        with_source()[:-5],
        with_source(margins=["x"]),
        with_source(margins=[float("nan")]),
        with_source(margins=7),
        with_source(seconds=-1),
        with_source(characters=float("inf")),
        with_source(margins=[0.123456789] * 100_000),
    ],
)
def test_what_is_something_else_is_told_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    memory = FileMemory(path)
    with pytest.raises(FileFailed, match="holds nothing that was learned"):
        memory.load()
    memory.learn(TARA, SLOW)
    with pytest.raises(FileFailed, match="holds nothing that was learned"):
        memory.save()
    assert path.read_bytes() == content


def test_where_it_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileFailed, match="cannot read"):
        loaded(tmp_path)
    with pytest.raises(FileFailed, match="cannot"):
        saved(tmp_path / "file" / "learned.json", (TARA, SLOW))


def test_what_cannot_be_put_in_place_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(path, (TARA, SLOW))
    before = path.read_bytes()

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(path), "replace", fails)
    with pytest.raises(FileFailed, match="No space left"):
        saved(path, (TARA, FAST))
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


ORPHEUS = Source("host", "orpheus", "tara")
LATE = Lesson(1.0, 10, 2.0)


def known(path: Path) -> Lessons:
    memory = FileMemory(path)
    memory.load()
    return memory.of(ORPHEUS)


def test_without_a_file_it_is_what_the_process_knows() -> None:
    async def run() -> None:
        store = Store(None, print)
        await store.read()
        store.memory.learn(ORPHEUS, LATE)
        store.write()
        await store.close()

    asyncio.run(run())
    assert PROCESS.of(ORPHEUS).margins == (1.0,)


def test_with_a_file_the_process_learns_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        store = Store(str(tmp_path / "a"), print)
        await store.read()
        store.memory.learn(ORPHEUS, LATE)
        await store.close()

    for count in (1, 2):
        asyncio.run(run())
        assert known(tmp_path / "a").margins == (1.0,) * count
    assert PROCESS.items() == ()


def test_what_is_learned_while_it_writes_is_written_too(tmp_path: Path) -> None:
    async def run() -> None:
        store = Store(tmp_path / "a", print)
        await asyncio.gather(store.read(), store.read())
        for _ in range(20):
            store.memory.learn(ORPHEUS, LATE)
            store.write()
            await asyncio.sleep(0)
        await store.close()

    asyncio.run(run())
    assert len(known(tmp_path / "a").margins) == 20


def test_a_broken_file_is_told_once_and_then_let_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("my notes")
    told: list[str] = []

    async def run() -> None:
        store = Store(tmp_path / "a", told.append)
        await store.read()
        for _ in range(2):
            store.memory.learn(ORPHEUS, LATE)
            store.write()
            await store.read()
        await store.close()
        assert len(store.memory.of(ORPHEUS).margins) == 2

    asyncio.run(run())
    assert len(told) == 1
    assert (tmp_path / "a").read_text() == "my notes"


def test_facts_of_servers_are_kept_beside_the_lessons(path: Path) -> None:
    first = FileMemory(path)
    first.learn_server("http://one", {"api": "openai"})
    assert first.has_news
    first.save()
    assert not first.has_news
    second = FileMemory(path)
    second.load()
    assert second.servers == {"http://one": {"api": "openai"}}
    for number in range(100):
        second.learn_server(f"http://{number}", number)
    second.save()
    third = FileMemory(path)
    third.load()
    assert len(third.servers) == SOURCES
    assert third.servers["http://99"] == 99


@pytest.mark.parametrize("servers", [1, "text", [1], None])
def test_servers_that_are_none_make_it_none_of_ours(path: Path, servers: Any) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"streamplay_learned": 1, "sources": [], "servers": servers}))
    with pytest.raises(FileFailed):
        FileMemory(path).load()
