"""Histograms of several machines, which can be added up, as percentiles cannot.

HdrHistogram (http://hdrhistogram.org) counts values between a microsecond and ten minutes, to
three significant digits, in a fixed number of counters: the sum of two histograms is the histogram
of all their values.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench.measures import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hdrh.histogram import HdrHistogram

_LARGEST: Final = 600_000_000
_DIGITS: Final = 3

PERCENTILES: Final = (50, 90, 95, 99)


class Histograms:
    """One histogram for each target and measure, and the errors of each target."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], HdrHistogram] = {}
        self.errors: Counter[tuple[str, str]] = Counter()

    def record(self, target: str, values: Mapping[str, float | None]) -> None:
        """Count every measure of one request."""
        for name, value in values.items():
            if value is not None and BY_NAME[name].unit != "share":
                # In thousandths of the unit: microseconds; three digits of a ratio or a count.
                self._of(target, name).record_value(min(_LARGEST, max(0, round(1000 * value))))

    def encoded(self) -> dict[str, Any]:
        """Return the counts as JSON-ready data, and start again from zero."""
        data = {
            "histograms": [
                [*key, kept.encode().decode("ascii")] for key, kept in self._kept.items()
            ],
            "errors": [[*key, count] for key, count in self.errors.items()],
        }
        self._kept.clear()
        self.errors.clear()
        return data

    def merge(self, data: Mapping[str, Any]) -> None:
        """Add what `encoded` returned on this or another machine."""
        for target, name, text in data["histograms"]:
            self._of(target, name).decode_and_add(text.encode("ascii"))
        for target, kind, count in data["errors"]:
            self.errors[target, kind] += count

    def to_dict(self) -> dict[str, Any]:
        """Return count, percentiles and maximum of each target and measure, and the errors."""
        targets: dict[str, Any] = {}
        for (target, name), kept in sorted(self._kept.items()):
            entry = targets.setdefault(target, {"errors": {}, "measures": {}})
            entry["measures"][name] = _facts(name, kept)
        for (target, kind), count in self.errors.items():
            entry = targets.setdefault(target, {"errors": {}, "measures": {}})
            entry["errors"][kind] = count
        return {"schema": 1, "merged": True, "targets": targets}

    def _of(self, target: str, name: str) -> HdrHistogram:
        from hdrh.histogram import HdrHistogram

        if (target, name) not in self._kept:
            self._kept[target, name] = HdrHistogram(1, _LARGEST, _DIGITS)
        return self._kept[target, name]


def _facts(name: str, kept: HdrHistogram) -> dict[str, Any]:
    found = {f"p{p}": kept.get_value_at_percentile(p) / 1000 for p in PERCENTILES}
    largest = kept.get_max_value() / 1000
    return {"unit": BY_NAME[name].unit, "n": kept.get_total_count(), **found, "max": largest}
