"""Play the same speech with streamplay and with others, side by side.

In one run, against one local server, on one null sink. Each player is a process of its own, asked
for the same counted signal by the same schedule. The null sink's monitor records what it really
plays: when the first frame is heard, which frames are missing, where silence was inserted. Each
peer in Python is installed in an environment of its own, and so is streamplay, as its users install
it. A player that cannot be run is named, with the reason, and takes no other with it.

    .venv/bin/python -m benchmarks.comparison --install --apt    # as root on Debian, once

    .venv/bin/python -m benchmarks.comparison
        --keep docs/performance.jsonl --docs docs/performance.md

Each run is appended to the file when it ends, and only the missing runs are played: start the
program again to continue after an interruption. `--rows` and `--only` take parts of names;
`--runs 0` plays nothing and makes the tables anew.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.comparison.peers import PEERS, ROOT, Peer, install_debian, missing
from benchmarks.comparison.picture import picture
from benchmarks.comparison.play import RATE, Performance, Stand
from benchmarks.comparison.report import better, tables
from benchmarks.comparison.results import Results
from benchmarks.comparison.rows import ROWS
from streamplay.server.child import LocalServer
from tests.support.nullsink import NullSink

BEGIN, END = "<!-- made by benchmarks.comparison: -->\n", "<!-- up to here -->\n"


def main() -> None:
    about, _, more = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="of each row by each player (5)")
    parser.add_argument("--rows", default="", help=f"of {', '.join(ROWS)}; by commas")
    parser.add_argument("--only", default="", help="players, by commas")
    parser.add_argument("--keep", type=Path, help="the runs, a line of JSON each")
    parser.add_argument("--docs", type=Path, help="put the tables there, and the picture beside")
    parser.add_argument("--install", action="store_true", help="install the players, and end")
    parser.add_argument("--apt", action="store_true", help="with the Debian packages they need")
    parser.add_argument("--venv", type=Path, default=ROOT / ".peers")
    args = parser.parse_args()
    asked = [peer for peer in PEERS if chosen(peer.name, args.only)]
    if args.apt:
        install_debian(asked)
    if args.install:
        for peer in asked:
            print(f"{peer.name}: {missing(peer, args.venv) or 'ready'}", flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        results = Results(args.keep or Path(folder) / "runs.jsonl")
        try:
            if args.runs:
                play(args, results)
        except KeyboardInterrupt:
            print("broken off; what was played is kept")
        if args.docs:
            write(args.docs, results)
        print(tables(results))
        print("\nA sentence is owed for:", *better(results), sep="\n- ")


def play(args: argparse.Namespace, results: Results) -> None:
    peers = []
    for peer in PEERS:
        if not chosen(peer.name, args.only):
            continue
        if trouble := missing(peer, args.venv):
            results.add("start", peer.name, {"trouble": trouble})
            print(f"{peer.name}: {trouble}", flush=True)
        else:
            peers.append(peer)
    rows = [name for name in ROWS if chosen(name, args.rows)]
    sink = NullSink(rate=RATE)
    sink.start()
    try:
        with LocalServer([]) as server:
            stand = Stand(sink, server.base_url, args.venv)
            for peer in peers:
                Performance(stand, peer, ROWS["start"]).run()  # its files are in the cache now
            for name in rows:
                compare(name, peers, stand, results, args.runs)
    finally:
        sink.close()


def chosen(name: str, asked: str) -> bool:
    return not asked or any(part in name for part in asked.split(","))


def compare(name: str, peers: list[Peer], stand: Stand, results: Results, runs: int) -> None:
    row = ROWS[name]
    if row.load != "none":
        peers = [peer for peer in peers if peer.python]
    for number in range(runs):
        for peer in peers:
            if results.count(name, peer.name) > number:
                continue
            begun = time.perf_counter()
            facts = Performance(stand, peer, row).run()
            results.add(name, peer.name, facts)
            told = {key: round(it, 1) for key, it in facts.items() if not isinstance(it, str)}
            took = time.perf_counter() - begun
            print(f"{name} {number} {peer.name} {took:.1f} s: {told}", flush=True)
            if "trouble" in facts:
                print(f"  {facts['trouble']}", flush=True)


def write(docs: Path, results: Results) -> None:
    text = docs.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    docs.write_text(f"{before}{BEGIN}\n{tables(results)}\n\n{END}{after}", encoding="utf-8")
    docs.with_suffix(".svg").write_text(picture(results), encoding="utf-8")


if __name__ == "__main__":
    main()
