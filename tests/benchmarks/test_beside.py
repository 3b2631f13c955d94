from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.beside.__main__ import COLUMNS, cells, noted
from benchmarks.beside.tools import Told, two
from benchmarks.documented import replace_part
from benchmarks.truth_server import Note
from streamplay.bench.load import LoadRun
from streamplay.bench.plan import Job
from streamplay.bench.sample import Sample

if TYPE_CHECKING:
    from pathlib import Path


def test_what_the_server_noted_counts_from_the_schedule() -> None:
    # Meant for 1.0 s, received half a second late: the wait is the server's.
    note = Note(received=1.5, read=1.5, writes=[(1.6, 2400), (1.7, 2400)], voice_frame=2400)
    note.ended = 1.7
    told = noted({"One.": note}, LoadRun(samples=[Sample(Job(0, 0, "One."), 1.0, 1.0)]))
    assert told.first_byte == pytest.approx((600, 600))
    assert told.voice == pytest.approx((700, 700))
    assert told.total == pytest.approx((700, 700))
    assert told.rtf == pytest.approx(1.0)
    assert cells("server", told) == ("server", "1", "600, 600", "700, 700", "700, 700", "1.00", "–")
    assert cells("wrk", Told(3, total=two([1.0, 2.0, 3.0])))[1:] == (
        "3",
        "–",
        "–",
        "2, 3",
        "–",
        "–",
    )
    assert len(cells("wrk", Told(0))) == len(COLUMNS)


def test_a_part_of_a_page_is_written_anew_and_the_rest_is_left(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A\n<!-- x: how -->\nold\n<!-- end of x -->\nrest\n")
    for _ in range(2):
        replace_part(page, "x", ["new"])
    assert page.read_text() == "# A\n<!-- x: how -->\n\nnew\n\n<!-- end of x -->\nrest\n"
    with pytest.raises(SystemExit):
        replace_part(page, "y", [])
