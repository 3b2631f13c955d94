"""How a run was made, as JSON-ready data: enough to make the very same requests again.

It holds the names of variables with keys, never a key.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.bench import target as targets_of
from streamplay.bench.plan import Load
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streamplay.bench.target import Target

Mode = Literal["once", "find_capacity", "sweep"]

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "requests": (int, type(None)),
    "duration": (int, float, type(None)),
    "concurrency": (int,),
    "rate": (int, float, type(None)),
    "arrivals": (str,),
    "warmup": (int,),
    "cold": (bool,),
    "texts": (list,),
    "seed": (int,),
    "max_chars": (int, type(None)),
    "play": (bool,),
    "processes": (int,),
}


@dataclass(frozen=True)
class Setup:
    """What a run asks for.

    Parameters
    ----------
    targets : sequence of Target
        The targets.
    load : Load
        The load.
    mode : {'once', 'find_capacity', 'sweep'}
        Whether it is made once, or at one rate after another.
    rates : tuple of float
        The rates of a sweep.
    objectives : tuple of str
        The objectives, as they were written.
    """

    targets: Sequence[Target]
    load: Load
    mode: Mode = "once"
    rates: tuple[float, ...] = ()
    objectives: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready dictionaries."""
        return {
            "targets": [each.to_dict() for each in self.targets],
            "load": {**asdict(self.load), "texts": list(self.load.texts)},
            "mode": self.mode,
            "rates": list(self.rates),
            "objectives": list(self.objectives),
        }


def of_dict(data: Any) -> Setup:
    """Return what `Setup.to_dict` made.

    Raises
    ------
    InvalidRequest
        If a target in it cannot be used: its key is not there, say.
    ValueError, LookupError, TypeError, AttributeError
        If it is no such dictionary.
    """
    load = data["load"]
    known = {each.name for each in fields(Load)}
    for name, value in load.items():
        if name not in known or not isinstance(value, _KINDS[name]):
            raise ValueError(name)
    if not load["texts"] or not all(isinstance(text, str) for text in load["texts"]):
        raise ValueError("texts")
    if data["mode"] not in ("once", "find_capacity", "sweep") or load["processes"] < 1:
        raise ValueError("mode")
    tables = [(str(each["name"]), dict(each["options"])) for each in data["targets"]]
    return Setup(
        targets_of.of_tables(tables, {}),
        Load(**{**load, "texts": tuple(load["texts"])}),
        data["mode"],
        tuple(float(rate) for rate in data["rates"]),
        tuple(str(text) for text in data["objectives"]),
    )


def load(path: Path) -> Setup:
    """Read how a run was made from its result.

    Raises
    ------
    InvalidRequest
        If the file cannot be read, or holds no result that tells it, or if one of its targets
        cannot be used.
    """
    try:
        return of_dict(json.loads(path.read_text(encoding="utf-8"))["setup"])
    except InvalidRequest:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRequest(
            "rerun",
            f"{path} does not tell how a run was made",
            allowed="what bench --json has printed",
        ) from error
