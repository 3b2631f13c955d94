"""Audio libraries that keep quiet, and a standard error that stays where it is."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.programs import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.nullsink import NullSink


CHATTER = """
import os, threading
from streamplay.outputs.portaudio import load, look_again
begun, ended = threading.Event(), threading.Event()
lines = 0
def chatter():
    global lines
    while not ended.is_set():
        os.write(2, b"mine\\n")
        lines += 1
        begun.set()
thread = threading.Thread(target=chatter)
thread.start()
begun.wait()
load().query_devices()
look_again()
ended.set()
thread.join()
print(lines)
"""


def test_what_other_threads_write_on_standard_error_meanwhile_arrives(null_sink: NullSink) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CHATTER], env=os.environ, capture_output=True, text=True, check=True
    )
    assert ran.stderr == "mine\n" * int(ran.stdout)


# Other sounddevices than the one that was looked at

MOVING = """
import os as _os
try:
    _os.close(_os.dup(2))
    moved = True
except OSError:
    moved = False
"""

INSISTING = """
import os
os.close(os.dup(2))
moved = True
def _exit_handler():
    print("ended")
"""

OTHERWISE = """
from os import dup, close
import os.path
moved = os.path.exists(os.path.curdir)
"""

ASK = "from streamplay.outputs.portaudio import load; print(load().moved)"


@pytest.mark.parametrize(
    ("written", "told"),
    [(MOVING, "False"), (INSISTING, "True\nended"), (OTHERWISE, "True")],
    ids=["moving", "insisting", "otherwise"],
)
def test_whatever_sounddevice_does_at_its_beginning_it_is_imported(
    tmp_path: Path, written: str, told: str
) -> None:
    (tmp_path / "sounddevice.py").write_text(written)
    assert run(ASK, PYTHONPATH=str(tmp_path)).strip() == told


def test_a_sounddevice_that_is_there_already_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text(MOVING)
    assert run("import sounddevice\n" + ASK, PYTHONPATH=str(tmp_path)) == "True\n"


MEANWHILE = """
import sys, threading
from streamplay.outputs.portaudio import load
loading = threading.Thread(target=load)
loading.start()
while "sounddevice" not in sys.modules:
    pass
import sounddevice
print(sounddevice.whole)
loading.join()
print([type(each).__name__ for each in sys.meta_path if "quiet" in type(each).__module__])
"""


def test_another_thread_that_imports_it_meanwhile_gets_it_whole(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("import time\ntime.sleep(0.3)\nwhole = True\n")
    assert run(MEANWHILE, PYTHONPATH=str(tmp_path)) == "True\n[]\n"


# An import on another thread may be iterating over the list of finders.
AMIDST = """
import sys
from streamplay.outputs.quiet import import_sounddevice
theirs, found = sys.meta_path, list(sys.meta_path)
print(import_sounddevice().same, theirs == found, sys.meta_path == found)
"""


def test_the_list_of_finders_stays_whole_for_other_imports(tmp_path: Path) -> None:
    beside = "from __main__ import found, theirs\nsame = theirs == found\n"
    (tmp_path / "sounddevice.py").write_text(beside)
    assert run(AMIDST, PYTHONPATH=str(tmp_path)) == "True True True\n"


BROKEN = """
import sys
from streamplay.errors import NoDevice
from streamplay.outputs.portaudio import load
for _ in range(2):
    try:
        load()
    except NoDevice as error:
        print(error.message)
print("sounddevice" in sys.modules)
"""


def test_one_that_breaks_while_it_is_imported_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise RuntimeError('broken')")
    told = run(BROKEN, PYTHONPATH=str(tmp_path)).splitlines()
    assert told == ["the audio system cannot be used: broken"] * 2 + ["False"]


PORTAUDIO = """
#include <stdio.h>
void PaUtil_SetDebugPrintFunction(void (*tell)(const char *)) {
    puts("asked");
    tell("Expression 'err' failed");
    fflush(stdout);
}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there is anything to be silenced")
def test_a_portaudio_that_can_be_asked_to_be_silent_is_asked(tmp_path: Path) -> None:
    (tmp_path / "portaudio.c").write_text(PORTAUDIO)
    library = tmp_path / "libportaudio.so.2"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "portaudio.c"], check=True)
    hush = "from streamplay.outputs.quiet import hush; hush()"
    assert run(hush, LD_LIBRARY_PATH=str(tmp_path)) == "asked\n"
