"""A result tells how to make the same requests again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.bench import setup, target
from streamplay.bench.plan import Load
from streamplay.bench.setup import Setup
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["name=a,voice=leo,base_url=http://127.0.0.1:1/v1,speed=1.2", "name=b,local=true"]


def made() -> Setup:
    load = Load(requests=7, rate=3.0, texts=("One.", "Two."), seed=5, processes=2)
    return Setup(target.read(WORDS, {}), load, "sweep", (1.0, 2.0), ("errors <= 1%",))


def test_the_same_targets_and_jobs_come_back(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"schema": 1, "setup": made().to_dict()}))
    again = setup.load(file)
    assert again == Setup(again.targets, *(getattr(made(), n) for n in _REST))
    assert [each.request("x") for each in again.targets] == [
        each.request("x") for each in made().targets
    ]
    assert list(again.load.jobs(2)) == list(made().load.jobs(2))


_REST = ("load", "mode", "rates", "objectives")


def test_the_server_that_the_environment_named_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://127.0.0.1:7/v1")
    data = Setup(target.read([], {}), Load(texts=("One.",))).to_dict()
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://127.0.0.1:8/v1")
    assert setup.of_dict(data).targets[0].base_url == "http://127.0.0.1:7/v1"


@settings(max_examples=50)
@given(st.data())
def test_what_is_no_setup_is_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = made().to_dict()
    part = data.draw(st.sampled_from([whole, whole["load"], whole["targets"][0]]))
    junk = st.none() | st.integers(-3, 3) | st.text(max_size=3) | st.lists(st.none(), max_size=2)
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(junk)
    file = tmp_path_factory.mktemp("setup") / "run.json"
    file.write_text(json.dumps({"setup": whole}))
    try:
        setup.load(file)
    except InvalidRequest:
        return


def test_a_file_without_a_setup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"schema": 1}')
    for name in ("old.json", "none.json"):
        with pytest.raises(InvalidRequest, match="how a run was made"):
            setup.load(tmp_path / name)
