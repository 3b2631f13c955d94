"""The token corpus at five token speeds, in virtual time: where a slow model's text is cut.

    .venv/bin/python -m benchmarks.tokens_corpus [--pieces] [--clean]

Prints, for each language and speed, how many texts there are, how many pieces they became, how
long the first piece is and when it left, and how many things that must stay whole (numbers,
prices, dates, versions, addresses, abbreviations, runs of marks) were cut. Exits with 1 if any was.
`--pieces` prints every piece.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median

from tests.support.token_corpus import SPEEDS, TEXTS, Model, parse, tokens, written

_HEAD = "language  s/token  texts  pieces  first piece, characters  left after, tokens  cut inside"


def first_left(text: str, language: str, *, clean: bool) -> int:
    """Return after how many tokens the first piece of a text left."""
    plain, _ = parse(text)
    model, count = Model(language, clean=clean), 0
    for token in tokens(plain):
        if model.pieces:
            break
        model.write(token, 0.05)
        count += 1
    return count


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pieces", action="store_true", help="print every piece")
    parser.add_argument("--clean", action="store_true", help="with clean=True")
    args = parser.parse_args()
    total = cut = 0
    print(_HEAD)
    for language, texts in TEXTS.items():
        for seconds in SPEEDS:
            found = [written(text, language, seconds, clean=args.clean) for text in texts]
            broken = sum(len(each.broken) for each in found)
            total, cut = total + sum(len(parse(text)[1]) for text in texts), cut + broken
            pieces = sum(len(each.pieces) for each in found)
            first = median(len(each.pieces[0]) for each in found)
            left = median(first_left(text, language, clean=args.clean) for text in texts)
            print(
                f"{language:<9} {seconds:>7} {len(texts):>6} {pieces:>7} {first:>24g}"
                f" {left:>19g} {broken:>11}"
            )
            for each in found if args.pieces else ():
                print("   ", " | ".join(each.pieces))
    print(f"{total} things that must stay whole, {cut} cut inside")
    return 1 if cut else 0


if __name__ == "__main__":
    sys.exit(main())
