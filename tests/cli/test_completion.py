from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamplay.cli import main
from streamplay.cli.completion import SHELLS, script
from streamplay.rules.option_table import FORMATS

BIN = Path(sys.executable).parent

ASKED = {
    "bash": 'eval "$(streamplay completion bash)"; COMP_LINE="$1"; COMP_POINT=${#1}; COMP_TYPE=9; '
    '_python_argcomplete streamplay; printf "%s\\n" "${COMPREPLY[@]}"',
    "fish": "streamplay completion fish | source; complete -C $argv[1]",
}
"""How a shell that is no terminal's is asked what it would propose."""


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "TERM": "xterm"}


def complete(shell: str, line: str, home: Path) -> set[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    words = {"bash": ["bash", "--norc", "-c", ASKED["bash"], "bash", line]}
    words["fish"] = ["fish", "--no-config", "-c", ASKED["fish"], line]
    done = subprocess.run(
        words[shell], env=environment(home), cwd=home, capture_output=True, text=True, check=True
    )
    return {row.partition("\t")[0].strip() for row in done.stdout.splitlines()} - {""}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_that_is_here_reads_its_script(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == f"{script(shell)}\n"
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [shell, "-n"], input=script(shell), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ASKED)
@pytest.mark.parametrize(
    ("line", "proposed"),
    [
        ("streamplay s", {"say", "serve"}),
        ("streamplay say --vo", {"--voice", "--volume"}),
        ("streamplay say Hello --format ", set(FORMATS)),
        ("streamplay say -o sp", {"speech.wav"}),
    ],
)
def test_a_shell_completes_commands_flags_values_and_files(
    shell: str, line: str, proposed: set[str], tmp_path: Path
) -> None:
    (tmp_path / "speech.wav").touch()
    assert complete(shell, line, tmp_path) == proposed


def test_zsh_completes_at_its_prompt(tmp_path: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    child, screen = pty.fork()
    if child == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment(tmp_path))
    os.write(screen, b'autoload -Uz compinit; compinit -u; eval "$(streamplay completion zsh)"\n')
    os.write(screen, b"print rea''dy\n")
    read_until(screen, b"ready")
    os.write(screen, b"streamplay say --form\t")
    read_until(screen, b"--format")
    os.write(screen, b"\x03exit\n")
    os.close(screen)
    os.waitpid(child, 0)


def read_until(descriptor: int, wanted: bytes) -> None:
    seen, end = b"", time.monotonic() + 60
    while wanted not in seen:
        assert time.monotonic() < end, seen
        if select.select([descriptor], [], [], 1)[0]:
            seen += os.read(descriptor, 4096)
