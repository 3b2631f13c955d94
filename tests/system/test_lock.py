"""requirements.lock holds all that pyproject.toml asks for: `scripts/lock` writes it anew."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENTRIES = re.split(r"\n(?=\w)", (ROOT / "requirements.lock").read_text(encoding="utf-8"))[1:]


def _asked() -> list[Requirement]:
    project = PROJECT["project"]
    lines = [*PROJECT["build-system"]["requires"], *project["dependencies"]]
    extras = project["optional-dependencies"]
    wanted = ["dev"]  # and the extras that it brings: other frameworks are not among them
    for name in wanted:
        for requirement in map(Requirement, extras[name]):
            if requirement.name == project["name"]:
                wanted += requirement.extras - set(wanted)
            else:
                lines.append(str(requirement))
    return [Requirement(line) for line in lines]


def _locked() -> dict[str, set[str]]:
    """Each name → its versions: there may be one for each of several Pythons."""
    locked: dict[str, set[str]] = {}
    for entry in ENTRIES:
        name, version = re.match(r"([\w.-]+)==(\S+)", entry).groups()
        locked.setdefault(name, set()).add(version)
    return locked


def test_every_version_asked_for_is_locked() -> None:
    locked = _locked()
    missing = [
        str(requirement)
        for requirement in _asked()
        if not all(map(requirement.specifier.contains, locked.get(requirement.name, [""])))
    ]
    assert missing == []


def test_every_locked_version_has_its_hashes() -> None:
    assert [entry for entry in ENTRIES if "--hash=sha256:" not in entry] == []


def test_the_lock_tells_nothing_of_the_machine_that_wrote_it() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.match(r"\s*--(?!hash)", line) or "://" in line] == []
