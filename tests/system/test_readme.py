"""The README's examples, run as printed against the local speech server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from streamplay.server.child import LocalServer

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = re.findall(r"^\$ streamplay (\w+)", README, flags=re.MULTILINE)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_a_python_example_runs_as_printed(
    number: int, speech_server: LocalServer, tmp_path: Path
) -> None:
    environment = os.environ | {"TOGETHER_BASE_URL": speech_server.base_url}
    ran = subprocess.run(
        [sys.executable, "-c", EXAMPLES[number]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


def test_the_commands_named_in_the_readme_exist() -> None:
    for command in set(COMMANDS):
        ran = subprocess.run(
            [sys.executable, "-m", "streamplay", command, "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, command
