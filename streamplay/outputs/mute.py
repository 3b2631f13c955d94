"""PortAudio's own words on standard error, turned away.

Where one of its calls fails, PortAudio prints the C expression that failed, with no way to be
asked not to (`PaUtil_SetDebugPrintFunction` is not exported). Its library, and no other, is
therefore given another `stderr`: the slot through which its code finds the C library's variable
is pointed at one that writes to ``/dev/null``. Linux on 64 bits; elsewhere, and where anything is
not as expected, nothing is changed.

The layout is the ELF specification's: https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_GLOB_DAT: Final = {6, 1025}
"""The relocation of a variable's address: R_X86_64_GLOB_DAT, R_AARCH64_GLOB_DAT."""

_PT_DYNAMIC, _DT_STRTAB, _DT_SYMTAB, _DT_RELA, _DT_RELASZ = 2, 5, 6, 7, 8

_RELOCATION: Final = 24
"""Bytes of an Elf64_Rela, and of an Elf64_Sym."""

_kept: Final[list[Any]] = []
"""What PortAudio writes to, for as long as the process lives."""


def mute(library: str = "libportaudio") -> bool:
    """Give `library`, which has been loaded, a standard error that nobody hears.

    Returns
    -------
    bool
        Whether it has one now.
    """
    with suppress(OSError, ValueError, AttributeError, KeyError):
        base = _base_of(library)
        if base is not None and _read(base, "=4sBB") == (b"\x7fELF", 2, 1):
            return _turn(base)
    return False


def _base_of(library: str) -> int | None:
    """Return where a library begins in memory."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if len(fields) > 5 and library in fields[5].rpartition("/")[2] and int(fields[2], 16) == 0:
            return int(fields[0].partition("-")[0], 16)
    return None


def _turn(base: int) -> bool:
    c = ctypes.CDLL(None, use_errno=True)
    theirs = ctypes.addressof(ctypes.c_void_p.in_dll(c, "stderr"))
    for slot in _slots(base, b"stderr"):
        if slot.value == theirs:
            c.fopen.restype = ctypes.c_void_p
            nowhere = ctypes.c_void_p(c.fopen(b"/dev/null", b"w"))
            return bool(nowhere.value) and _point(c, slot, nowhere)
    return False


def _point(c: Any, slot: ctypes.c_void_p, nowhere: ctypes.c_void_p) -> bool:
    """Write to a slot that is read-only once the library has been loaded."""
    address = ctypes.addressof(slot)
    page = ctypes.c_void_p(address - address % mmap.PAGESIZE)
    size = ctypes.c_size_t(mmap.PAGESIZE)
    if c.mprotect(page, size, mmap.PROT_READ | mmap.PROT_WRITE):
        return False
    _kept.append(nowhere)
    slot.value = ctypes.addressof(nowhere)
    return True


def _slots(base: int, name: bytes) -> Iterator[ctypes.c_void_p]:
    """Yield each slot that holds the address of the variable `name`."""
    tables = _dynamic(base)
    symbols, strings = tables[_DT_SYMTAB], tables[_DT_STRTAB]
    begin = tables[_DT_RELA]
    for at in range(begin, begin + tables[_DT_RELASZ], _RELOCATION):
        offset, info = _read(at, "=QQ")
        if info & 0xFFFFFFFF in _GLOB_DAT:
            (named,) = _read(symbols + _RELOCATION * (info >> 32), "=I")
            if ctypes.string_at(strings + named) == name:
                yield ctypes.c_void_p.from_address(base + offset)


def _dynamic(base: int) -> dict[int, int]:
    """Return the addresses and sizes that the dynamic section tells."""
    (headers,) = _read(base + 32, "=Q")
    size, count = _read(base + 54, "=HH")
    tables: dict[int, int] = {}
    for at in range(base + headers, base + headers + size * count, size):
        kind, _, _, address = _read(at, "=IIQQ")
        at_entry = base + address
        while kind == _PT_DYNAMIC:
            tag, value = _read(at_entry, "=qQ")
            if tag == 0:
                break
            # glibc has made addresses of them; others leave them relative.
            relative = tag in {_DT_STRTAB, _DT_SYMTAB, _DT_RELA} and value < base
            tables[tag] = value + base if relative else value
            at_entry += 16
    return tables


def _read(address: int, layout: str) -> tuple[Any, ...]:
    return struct.unpack(layout, ctypes.string_at(address, struct.calcsize(layout)))
