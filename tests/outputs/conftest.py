"""What the tests of outputs may ask for besides."""

from __future__ import annotations

from tests.support.cards import card

__all__ = ["card"]
