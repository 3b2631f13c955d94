"""Whose shape of request a server wants: told, known from its host, or learned.

Pure. Servers that imitate OpenAI's speech API know neither ``raw`` nor
``response_encoding``; some of them take no ``stream_format`` either (OpenAI's
own ``tts-1`` does not:
https://platform.openai.com/docs/api-reference/audio/createSpeech).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamplay.network.failures import ErrorBody
    from streamplay.request import Api, SpeechRequest


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of the requests to one server.

    Parameters
    ----------
    api : {'together', 'openai'}
        Whose fields to send.
    settled : bool
        Whether that was told or is known; otherwise it may be learned.
    stream_format : bool
        Whether the server takes this field of OpenAI's.
    """

    api: Api = "together"
    settled: bool = False
    stream_format: bool = True

    def body(self, request: SpeechRequest) -> dict[str, Any]:
        """Return the JSON body of `request` in this shape."""
        body = request.body(self.api)
        if not self.stream_format and "stream_format" not in request.extra:
            body.pop("stream_format", None)
        return body

    def after_refusal(self, status: int, said: ErrorBody, request: SpeechRequest) -> Shape | None:
        """Return the shape to try where this one was refused; None: it was not the shape."""
        if status not in (400, 422):
            return None
        if self.api == "together":
            ours = said.names("response_format", "response_encoding")
            return replace(self, api="openai", settled=True) if ours and not self.settled else None
        sent = "stream_format" in self.body(request) and "stream_format" not in request.extra
        return replace(self, stream_format=False) if sent and said.names("stream_format") else None
