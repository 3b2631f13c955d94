from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from streamplay.cli import manual, parser, slash

FILE = Path(__file__).parents[2] / "share" / "man" / "man1" / "streamplay.1"


def test_the_installed_page_is_that_of_the_parsers() -> None:
    again = "python -m streamplay.cli.manual > share/man/man1/streamplay.1"
    assert FILE.read_text() == manual.page(), f"write it again: {again}"


def test_the_page_names_every_flag_and_every_key_of_live() -> None:
    page = manual.page().replace(r"\-", "-")
    assert page.isascii()
    for command in parser.COMMANDS:
        section = page.partition(f'.SS "streamplay {command} ')[2].partition(".SS")[0]
        for action in parser.build(command).actions:
            if action.option_strings and action.dest != "==SUPPRESS==":
                assert all(flag in section for flag in action.option_strings)
    assert all(name in page for name in (*slash.COMMANDS, "Alt-Enter", "TOGETHER_API_KEY"))


@pytest.mark.parametrize(
    "command",
    [
        ["man", "--warnings", "-l", "-Tutf8", "-Z"],
        ["mandoc", "-T", "lint", "-W", "style"],
    ],
    ids=["man", "mandoc"],
)
def test_the_formatters_have_nothing_to_say_about_it(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [*command, str(FILE)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    told = done.stdout if command[0] == "mandoc" else done.stderr
    assert (done.returncode, told) == (0, "")
