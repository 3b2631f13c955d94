"""Builds the native playout: a plain C library, and no failure where there is no compiler.

It also installs the manual page, which pyproject.toml has no table for.
"""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

SUFFIX = ".dll" if sys.platform == "win32" else ".so"

# The twin in Python computes in double, one operation at a time: so does this.
FLAGS = [] if sys.platform == "win32" else ["-std=gnu11", "-O2", "-ffp-contract=off"]


class BuildLibrary(build_ext):
    """A library that knows nothing of Python needs neither its suffix nor its symbols."""

    def get_ext_filename(self, fullname: str) -> str:
        """Return the library's path, without an interpreter's suffix."""
        return str(Path(*fullname.split("."))) + SUFFIX

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """Return what is to be exported: the source says it itself."""
        return list(ext.export_symbols)


class AnyPython(bdist_wheel):
    """It serves every interpreter: ``py3-none-PLATFORM``."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return a tag of the platform alone."""
        return ("py3", "none", super().get_tag()[2])


setup(
    ext_modules=[
        Extension(
            "streamplay.playback._playout",
            ["streamplay/playback/_playout.c"],
            extra_compile_args=FLAGS,
            optional=True,
        )
    ],
    data_files=[("share/man/man1", ["share/man/man1/streamplay.1"])],
    cmdclass={"build_ext": BuildLibrary, "bdist_wheel": AnyPython},
)
