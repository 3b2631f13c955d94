from __future__ import annotations

import shutil
import subprocess

import pytest

from streamplay.cli import completion, main, parser
from streamplay.rules.option_table import FORMATS

SCRIPTS = {"bash": completion.bash, "zsh": completion.zsh, "fish": completion.fish}


def complete_in_bash(*words: str) -> set[str]:
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        f"{completion.bash()}\n"
        f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _streamplay\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize("shell", SCRIPTS)
def test_every_flag_of_every_command_is_in_every_script(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert script == f"{SCRIPTS[shell]()}\n"
    for command in parser.COMMANDS:
        assert command in script
        for flag in completion.flags_of(command):
            for name in flag.names:
                assert (f" {name.lstrip('-')}" if shell == "fish" else name) in script


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_shell_that_is_here_reads_its_script(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [shell, "-n"], input=SCRIPTS[shell](), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes_commands() -> None:
    assert complete_in_bash("streamplay", "s") == {"say", "serve"}
    assert set(parser.COMMANDS) < complete_in_bash("streamplay", "")


def test_bash_completes_the_flags_of_the_command_alone() -> None:
    assert complete_in_bash("streamplay", "say", "--vo") == {"--voice", "--volume"}
    assert complete_in_bash("streamplay", "models", "--") == {"--help", "--help-all", "--json"}


def test_bash_completes_values_that_are_known() -> None:
    assert complete_in_bash("streamplay", "say", "--format", "") == set(FORMATS)
    assert complete_in_bash("streamplay", "completion", "") == {"bash", "zsh", "fish"}


def test_bash_completes_files_elsewhere(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    subprocess.run(["touch", "speech.wav"], check=True)
    assert complete_in_bash("streamplay", "say", "-o", "sp") == {"speech.wav"}
