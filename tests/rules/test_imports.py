"""The first request is checked by these modules before `typing` and `dataclasses` are loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamplay import rules

MODULES = sorted(path.stem for path in Path(str(rules.__file__)).parent.glob("[!_]*.py"))

# Python itself may have loaded them for a site's .pth files: they are taken away first.
PROGRAM = """
import sys
heavy = {"typing", "dataclasses", "inspect", "pathlib", "numpy"}
for name in heavy & sys.modules.keys():
    del sys.modules[name]
__import__(sys.argv[1])
print(*sorted(heavy & sys.modules.keys()))
"""


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_rules_imports_neither_typing_nor_dataclasses(module: str) -> None:
    words = [sys.executable, "-c", PROGRAM, f"streamplay.rules.{module}"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert told.split() == []
