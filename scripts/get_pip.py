"""Put pip into the virtual environment that runs this, where Python has no ensurepip.

The wheel comes from PyPI, is held against the hash that PyPI's index gives, and installs itself.
"""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
import tempfile
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

INDEX = "https://pypi.org/pypi/pip/json"


def main() -> None:
    try:
        install()
    except OSError as error:
        sys.exit(
            f"pip cannot be fetched ({error}). To install it: sudo apt-get install python3-venv"
        )


def install() -> None:
    with urlopen(INDEX) as answer:
        files = json.load(answer)["urls"]
    wheel = next(file for file in files if file["packagetype"] == "bdist_wheel")
    # A mirror of PyPI may give an address relative to its own.
    with urlopen(urljoin(INDEX, wheel["url"])) as answer:
        data = answer.read()
    if hashlib.sha256(data).hexdigest() != wheel["digests"]["sha256"]:
        sys.exit(f"{wheel['url']} is not what PyPI's index says it is")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / wheel["filename"]
        path.write_bytes(data)
        # A wheel is a zip that Python can import from: pip installs itself out of it.
        sys.path.insert(0, str(path))
        sys.argv = ["pip", "install", "--quiet", "--no-index", str(path)]
        runpy.run_module("pip", run_name="__main__")


if __name__ == "__main__":
    main()
