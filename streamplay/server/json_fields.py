"""A JSON object taken field by field, and the refusal of what is wrong in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_LONGEST_SHOWN: Final = 60

# No field of a request goes deeper than three; what nests deeper would exhaust the stack.
_DEEPEST: Final = 16


class Refusal(Exception):
    """A request is answered with an error; ``ErrorData`` in the schema."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        error = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}


def parse(body: bytes) -> Any:
    """Return the JSON document of a request's body: UTF-8, whatever its content type says.

    Raises
    ------
    Refusal
        If it is none, or nests too deep.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {shown(str(error))}") from error
    level, depth = [document], 0
    while level:
        if depth > _DEEPEST:
            raise Refusal(400, f"the body nests deeper than {_DEEPEST}")
        depth += 1
        level = [inner for outer in level for inner in _inside(outer)]
    return document


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


class Fields:
    """A JSON object whose fields are taken by type; the first that is wrong raises.

    A field that is null counts as absent: clients send null for what was not set.
    """

    def __init__(self, document: Any, prefix: str = "") -> None:
        if not isinstance(document, dict):
            raise Refusal(400, "the body must be a JSON object")
        self._document = {name: v for name, v in document.items() if v is not None}
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return name in self._document

    def refuse(self, name: str, problem: str) -> Refusal:
        """Return the refusal of a field."""
        return Refusal(400, f"{self._prefix}{name}: {problem}", param=self._prefix + name)

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        """Take a string."""
        if required and name not in self:
            raise self.refuse(name, "is required")
        return str(self._get(name, str, "a string", default))

    def choice(self, name: str, default: str, allowed: Sequence[str]) -> str:
        """Take one of some strings."""
        value = self.text(name, default)
        if value not in allowed:
            raise self.refuse(name, f"must be one of {', '.join(allowed)}, not {shown(value)}")
        return value

    def name(self, name: str) -> str:
        """Take a name that is required: a string, or an object with it under ``id``."""
        value = self._document.get(name)
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            return str(value["id"])
        return self.text(name, required=True)

    def flag(self, name: str) -> bool:
        """Take a truth value, false unless given."""
        return bool(self._get(name, bool, "true or false", default=False))

    def number(self, name: str, default: float, between: tuple[float, float]) -> float:
        """Take a number within bounds."""
        value = self._document.get(name, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self.refuse(name, f"must be a number, not {shown(value)}")
        if not between[0] <= value <= between[1]:
            raise self.refuse(name, f"must be from {between[0]} to {between[1]}, not {value}")
        return value

    def integer(self, name: str, default: int, between: tuple[int, int]) -> int:
        """Take a whole number within bounds; in JSON Schema 24000.0 is one, true is not."""
        value = self._document.get(name, default)
        if isinstance(value, bool) or not (isinstance(value, int) or _is_whole(value)):
            raise self.refuse(name, f"must be an integer, not {shown(value)}")
        return int(self.number(name, default, between))

    def mapping(self, name: str) -> dict[str, Any]:
        """Take an object, an empty one unless given."""
        value: dict[str, Any] = self._get(name, dict, "an object", {})
        return value

    def strings(self, name: str) -> list[str]:
        """Take an array of strings, an empty one unless given."""
        values: list[Any] = self._get(name, list, "an array of strings", [])
        if not all(isinstance(value, str) for value in values):
            raise self.refuse(name, "must be an array of strings")
        return values

    def _get(self, name: str, kind: type, what: str, default: Any) -> Any:
        value = self._document.get(name, default)
        if not isinstance(value, kind):
            raise self.refuse(name, f"must be {what}, not {shown(value)}")
        return value


def shown(value: Any) -> str:
    """Return a value as it can stand in a message: its beginning, where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer()
