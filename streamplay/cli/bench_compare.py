"""``streamplay bench compare``: earlier runs side by side."""

from __future__ import annotations

from pathlib import Path

from streamplay.cli import console, report, status
from streamplay.cli.usage import UsageError

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    import argparse

    from streamplay.bench.side_by_side import PastRun


def run(args: argparse.Namespace) -> int:
    """Print the runs of the files that are named, each compared with the first."""
    from streamplay.bench import export, side_by_side

    runs = side_by_side.load([Path(word) for word in args.targets[1:]])
    if not runs:
        raise UsageError("name the files: streamplay bench compare A.json B.json …")
    if args.html:
        export.check(args.html)
    if args.json:
        console.out(report.as_json(side_by_side.to_dict(runs)))
    else:
        _print(runs)
    if args.html:
        from streamplay.bench.html.compared import compared

        export.write_text(args.html, compared(runs))
    if args.markdown:
        export.write_text(args.markdown, side_by_side.markdown(runs))
    return status.OK


def _print(runs: list[PastRun]) -> None:
    from streamplay.bench import side_by_side
    from streamplay.bench.table import title

    for target in side_by_side.target_names(runs):
        for name in side_by_side.TOLD:
            rows = list(side_by_side.rows(runs, target, name))
            if rows:
                console.out(report.safe(f"{target}: {title(name)}"))
                report.table(side_by_side.COLUMNS, rows)
                console.out("")
