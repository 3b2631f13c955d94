"""What the two commands for an empty clone stand on; CI runs them whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIB = Path(__file__).parent.parent.parent / "scripts" / "lib.sh"


def shell(script: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script that sources lib.sh, with `given` on standard input."""
    whole = f'. "{LIB}"; venv="{sys.prefix}"; {script}'
    return subprocess.run(
        ["bash", "-c", whole], input=given, capture_output=True, text=True, check=False
    )


def test_setting_up_tells_what_is_installed() -> None:
    pip = "Collecting numpy>=1.26\n  Downloading numpy.whl\nInstalling collected\n"
    told = shell("SECONDS=0; show_progress; echo done", pip)
    assert (told.returncode, told.stdout) == (0, "done\n")
    assert told.stderr.endswith(" s: installing 1 packages\n")


def test_setting_up_from_a_folder_of_wheels_counts_them() -> None:
    pip = "Processing ./wheels/numpy-2.4.6-cp311.whl (from streamplay)\nInstalling collected\n"
    told = shell("SECONDS=0; show_progress", pip)
    assert told.stderr.endswith(" s: installing 1 packages\n")


def test_after_setting_up_the_next_command_is_named() -> None:
    fake = "up_to_date() { return 1; }; make_venv() { :; }; install_telling() { :; }"
    told = shell(f'{fake}; stamp() {{ :; }}; cd "{Path(sys.prefix).parent}"; install_for_use')
    assert told.returncode == 0, told.stderr
    assert told.stderr.endswith(f" in this terminal: . {Path(sys.prefix).name}/bin/activate\n")


def test_without_a_network_the_way_out_names_no_path_of_this_machine(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("NameResolutionError('x')\n")
    fake = f'pip_log="{log}"; up_to_date() {{ return 1; }}; make_venv() {{ :; }}'
    fake += "; install_telling() { return 1; }; can_speak() { return 1; }; install_for_use"
    told = shell(fake)
    assert told.returncode == 1
    assert "pip download -d wheels '.[local,espeak,codecs,books]'" in told.stderr
    assert str(LIB.parent.parent) not in told.stderr


def test_a_missing_network_is_told_from_other_failures(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("Retrying after NameResolutionError('x')\n")
    assert shell(f'pip_log="{log}"; lacks_network').returncode == 0
    log.write_text("ERROR: No matching distribution found for hibari-tts\n")
    assert shell(f'pip_log="{log}"; lacks_network').returncode == 1


def test_all_that_an_installation_depends_on_is_found() -> None:
    # It was ended without a word, and both commands with it, where a file had been moved.
    told = shell("fingerprint")
    assert told.returncode == 0, told.stderr
    assert told.stdout.split()[0].isdigit()


def test_every_dependency_has_a_reason() -> None:
    command = [sys.executable, str(LIB.with_name("licences")), "--check"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
